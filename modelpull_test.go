package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parelab/pare/datasets/pocket"
)

// TestModelPull pulls the pocket model from a server that answers as the hub does, and then asks for it by its name, offline.
func TestModelPull(t *testing.T) {
	dir, err := pocket.Dir()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"HF_TOKEN", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"} {
		t.Setenv(name, "")
	}
	t.Setenv("HF_HOME", t.TempDir())
	t.Setenv("PARE_HOME", t.TempDir())
	t.Setenv("HF_ENDPOINT", serveModel(t, dir))

	snapshot := strings.TrimSpace(output(t, "model", "pull", "org/pocket@v1"))
	for _, name := range []string{"config.json", "model.safetensors", "tokenizer.json"} {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if got, gotErr := os.ReadFile(filepath.Join(snapshot, name)); err != nil || gotErr != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v; expected %d, %v", name, len(got), gotErr, len(want), err)
		}
	}
	var pulled struct {
		Dir            string
		Files          int
		Bytes, Fetched int64
	}
	if err := json.Unmarshal([]byte(output(t, "model", "pull", "org/pocket@v1", "--json")), &pulled); err != nil {
		t.Fatal(err)
	}
	if pulled.Dir != snapshot || pulled.Files < 3 || pulled.Bytes == 0 || pulled.Fetched != 0 {
		t.Errorf("pulled again: %+v, expected the same directory and nothing fetched", pulled)
	}
	t.Setenv("HF_HUB_OFFLINE", "1")
	var info struct{ Dir, Digest string }
	if err := json.Unmarshal([]byte(output(t, "model", "info", "org/pocket@v1", "--json")), &info); err != nil {
		t.Fatal(err)
	}
	if info.Dir != snapshot || info.Digest == "" {
		t.Errorf("pare model info found %+v, expected the directory that was pulled, %s", info, snapshot)
	}
}

// output runs a command line and returns what it prints.
func output(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(&out)
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("pare %s: %v", strings.Join(args, " "), err)
	}
	return out.String()
}

// serveModel serves a directory as org/pocket at the tag v1, and returns the address.
func serveModel(t *testing.T, dir string) string {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var siblings []any
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		lfs := map[string]any{"sha256": hex.EncodeToString(sum[:]), "size": len(content)}
		siblings = append(siblings, map[string]any{"rfilename": e.Name(), "size": len(content), "lfs": lfs})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/models/org/pocket/revision/v1", func(w http.ResponseWriter, _ *http.Request) {
		if err := json.NewEncoder(w).Encode(map[string]any{"sha": commit, "siblings": siblings}); err != nil {
			t.Error(err)
		}
	})
	prefix := "/org/pocket/resolve/" + commit + "/"
	mux.Handle("GET "+prefix, http.StripPrefix(prefix, http.FileServer(http.Dir(dir))))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}
