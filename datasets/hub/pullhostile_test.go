package hub

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func listed(name string) map[string]any {
	return map[string]any{"rfilename": name, "size": 2, "blobId": gitDigest("{}")}
}

// TestPullHostile has servers that try to write elsewhere than into the cache of their repository, or to have nonsense written there.
func TestPullHostile(t *testing.T) {
	tests := map[string]func(siblings []any) any{
		"a commit with a path": func(s []any) any { return map[string]any{"sha": "../../../../escaped", "siblings": s} },
		"no commit":            func(s []any) any { return map[string]any{"siblings": s} },
		"no object":            func(s []any) any { return s },
		"another type":         func([]any) any { return map[string]any{"sha": commit, "siblings": "config.json"} },
		"null for a file":      with(nil),
		"a file twice":         with(listed("config.json")),
		"a file in two cases":  with(listed("Tokenizer.json"), listed("tokenizer.JSON"), listed("tokenizer_A.json"), listed("tokenizer_a.json")),
		"a query in a name":    with(listed("tokenizer?x=1.json")),
		"a percent in a name":  with(listed("tokenizer%2e%2e.json")),
		"a hidden file":        with(listed(".model")),
		"a digest with a path": with(map[string]any{"rfilename": "tokenizer_x.json", "size": 2, "blobId": "../../../../escaped"}),
		"an LFS digest with a path": with(map[string]any{"rfilename": "model-00001-of-00001.safetensors", "size": 2, "blobId": gitDigest("{}"),
			"lfs": map[string]any{"sha256": "../../../../escaped", "size": 2}}),
		"a length below zero": with(map[string]any{"rfilename": "model-00001-of-00001.safetensors", "size": -2, "blobId": gitDigest("{}")}),
	}
	for _, name := range []string{
		"../../x.safetensors", "/etc/x.safetensors", "../config.json", "a/../../tokenizer.json", "..", "./config.json", "a//b", "", `..\..\x.model`,
		`C:\x.model`, "C:x.model", "x\x00.model", "sub/../../escaped", "/", `..\..\escaped`, "../../../../escaped",
	} {
		tests[fmt.Sprintf("the name %q", name)] = with(listed(name))
	}
	for about, list := range tests {
		h, cache := newFakeHub(t)
		h.list = list
		_, err := Pull(t.Context(), "org/tiny", PullOptions{})
		if !errors.Is(err, ErrUnsafe) {
			t.Errorf("%s: error %v, expected ErrUnsafe", about, err)
		}
		if requests := h.seen(); strings.Contains(requests, "resolve") {
			t.Errorf("%s: went on to fetch\n%s", about, requests)
		}
		checkEmpty(t, about, filepath.Dir(cache))
	}
}

// with adds files to what the hub lists.
func with(more ...any) func([]any) any {
	return func(siblings []any) any {
		return map[string]any{"sha": commit, "siblings": append(siblings, more...)}
	}
}

func checkEmpty(t *testing.T, about, home string) {
	t.Helper()
	if found := leftovers(t, home); len(found) > 0 && !(len(found) == 1 && found[0] == "hub/") {
		t.Errorf("%s: left %v", about, found)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(home), "escaped")); err == nil {
		t.Errorf("%s: wrote outside of the cache", about)
	}
}

// TestPullHostileETag is about servers that list no digests: then the name of the blob is a header of theirs.
func TestPullHostileETag(t *testing.T) {
	for _, header := range []string{"ETag", "X-Linked-Etag"} {
		for _, etag := range []string{"", `"../../../../escaped"`, `"/escaped"`, `W/"../x"`, `".."`, `"a/b"`, `"a\b"`, `"` + strings.Repeat("a", 300) + `"`} {
			h, cache := newFakeHub(t)
			h.bare = true
			h.takeOver(func(w http.ResponseWriter, r *http.Request, name string) bool {
				w.Header().Set(header, etag)
				_, _ = w.Write([]byte(h.files[name]))
				return true
			})
			about := header + ": " + etag
			if _, err := Pull(t.Context(), "org/tiny", PullOptions{}); !errors.Is(err, ErrUnsafe) {
				t.Errorf("%s: error %v, expected ErrUnsafe", about, err)
			}
			checkEmpty(t, about, filepath.Dir(cache))
		}
	}
}

func TestPullNoModel(t *testing.T) {
	for says, files := range map[string][]string{
		"config.json":       {"model.gguf", "README.md"},
		"pytorch_model.bin": {"config.json", "pytorch_model.bin"},
		"model.safetensors": {"config.json", "tokenizer.json"},
		"0 files":           {},
		"adapter_model":     {"config.json", "adapter_model.safetensors"},
	} {
		h, cache := newFakeHub(t)
		h.files = map[string]string{}
		for _, name := range files {
			h.files[name] = "{}"
		}
		_, err := Pull(t.Context(), "org/tiny", PullOptions{})
		if !errors.Is(err, ErrNoModel) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: error %v, expected ErrNoModel with %q", files, err, says)
		}
		checkEmpty(t, fmt.Sprint(files), filepath.Dir(cache))
	}
}
