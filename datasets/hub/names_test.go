package hub

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPullCanonical pulls a name without an organisation, which the hub leads on to the organisation's, as it does for gpt2.
func TestPullCanonical(t *testing.T) {
	h, cache := newFakeHub(t)
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := strings.Replace(r.URL.EscapedPath(), "/models/tiny/", "/models/org/tiny/", 1)
		if strings.HasPrefix(to, "/tiny/") {
			to = "/org" + to
		}
		if to == r.URL.EscapedPath() {
			h.answer(w, r)
			return
		}
		w.Header().Set("Location", to+"?"+r.URL.RawQuery)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}))
	defer old.Close()
	t.Setenv("HF_ENDPOINT", old.URL)
	for _, bare := range []bool{false, true} {
		h.bare, h.token = bare, "hf_right"
		t.Setenv("HF_TOKEN", "hf_right")
		t.Setenv("HF_HUB_CACHE", filepath.Join(cache, map[bool]string{true: "bare", false: "listed"}[bare]))
		got, err := Pull(t.Context(), "tiny", PullOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(got.Dir, "models--tiny/") {
			t.Errorf("pulled to %s, expected models--tiny, where huggingface_hub looks for it", got.Dir)
		}
		for _, name := range []string{"tiny", "tiny@main", "tiny@" + commit} {
			if dir, err := Resolve(Model, name); err != nil || dir != got.Dir {
				t.Errorf("Resolve(%s) = %s, %v; expected %s", name, dir, err, got.Dir)
			}
		}
		if text, err := os.ReadFile(filepath.Join(got.Dir, "model.safetensors")); err != nil || string(text) != h.files["model.safetensors"] {
			t.Errorf("the weights are %d bytes, %v", len(text), err)
		}
	}
}

// TestResolveHints looks at what is said where a model is not in the cache.
func TestResolveHints(t *testing.T) {
	t.Setenv("HF_HUB_CACHE", cache(t))
	t.Setenv("HF_HUB_OFFLINE", "")
	for name, says := range map[string]string{
		"tiny.model": "the cache has org/tiny.model: give that name if it is meant",
		"other":      "pare model pull other",
		"org/other":  "pare model pull org/other",
	} {
		if _, err := Resolve(Model, name); !errors.Is(err, ErrNotCached) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v, expected ErrNotCached with %q", name, err, says)
		}
	}
	t.Setenv("HF_HUB_OFFLINE", "1")
	if _, err := Resolve(Model, "org/other"); err == nil || !strings.Contains(err.Error(), "HF_HUB_OFFLINE=1") || !strings.Contains(err.Error(), "path of a directory") {
		t.Errorf("offline: error %v, expected one that names the variable and the way out", err)
	}
}
