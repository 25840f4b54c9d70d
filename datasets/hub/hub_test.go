package hub

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const commit = "0123456789abcdef0123456789abcdef01234567"

// cache makes up a cache with one model, laid out as huggingface_hub does, and returns its root.
func cache(t *testing.T) string {
	root := filepath.Join(t.TempDir(), "hub")
	model := filepath.Join(root, "models--org--tiny.model")
	write(t, filepath.Join(model, "refs", "main"), commit+"\n")
	write(t, filepath.Join(model, "refs", "refs", "pr", "1"), strings.Replace(commit, "0", "f", 1))
	write(t, filepath.Join(model, "blobs", "aa"), "{}")
	for _, c := range []string{commit, strings.Replace(commit, "0", "f", 1)} {
		write(t, filepath.Join(model, "snapshots", c, "tokenizer.json"), "{}")
		if err := os.Symlink("../../blobs/aa", filepath.Join(model, "snapshots", c, "config.json")); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestResolve(t *testing.T) {
	root := cache(t)
	t.Setenv("HF_HUB_CACHE", root)
	for name, want := range map[string]string{
		"org/tiny.model":           commit,
		"org/tiny.model@main":      commit,
		"org/tiny.model@" + commit: commit,
		"org/tiny.model@0123456":   commit,
		"org/tiny.model@refs/pr/1": strings.Replace(commit, "0", "f", 1),
	} {
		dir, err := Resolve(Model, name)
		if err != nil || dir != filepath.Join(root, "models--org--tiny.model", "snapshots", want) {
			t.Errorf("Resolve(%s) = %s, %v; expected the snapshot %s", name, dir, err, want)
		}
	}
}

func TestResolveErrors(t *testing.T) {
	root := cache(t)
	t.Setenv("HF_HUB_CACHE", root)
	for name, want := range map[string]error{
		"org/other": ErrNotCached, "org/tiny.model@v2": ErrNotCached, "org/tiny.model@01234": ErrNotCached,
		"../x": ErrName, "a/b/c": ErrName, "": ErrName, "org/": ErrName, "org/x@": ErrName, "org/x@../../y": ErrName, "a--b/c": ErrName,
	} {
		_, err := Resolve(Model, name)
		if !errors.Is(err, want) {
			t.Errorf("Resolve(%q): error %v, expected %v", name, err, want)
		}
		if want == ErrNotCached && (!strings.Contains(err.Error(), root) || !strings.Contains(err.Error(), "HF_HOME")) {
			t.Errorf("Resolve(%q): error %v does not say where it looked and what to do", name, err)
		}
	}
	if _, err := Resolve(Dataset, "org/tiny.model"); !errors.Is(err, ErrNotCached) {
		t.Errorf("a model asked for as a data set: error %v, expected ErrNotCached", err)
	}
	if err := os.Remove(filepath.Join(root, "models--org--tiny.model", "blobs", "aa")); err != nil {
		t.Fatal(err)
	}
	if _, err := Resolve(Model, "org/tiny.model"); !errors.Is(err, ErrNotCached) || !strings.Contains(err.Error(), "config.json") {
		t.Errorf("a link without its blob: error %v, expected one that names config.json", err)
	}
}

func TestCacheDir(t *testing.T) {
	for _, name := range []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", "/home/u")
	for _, step := range []struct{ name, value, want string }{
		{"", "", "/home/u/.cache/huggingface/hub"},
		{"XDG_CACHE_HOME", "/xdg", "/xdg/huggingface/hub"},
		{"HF_HOME", "/hf", "/hf/hub"},
		{"HF_HOME", "~/hf", "/home/u/hf/hub"},
		{"HUGGINGFACE_HUB_CACHE", "/older", "/older"},
		{"HF_HUB_CACHE", "/cache", "/cache"},
	} {
		if step.name != "" {
			t.Setenv(step.name, step.value)
		}
		if dir, err := CacheDir(); err != nil || dir != step.want {
			t.Errorf("with %s=%s: %s, %v; expected %s", step.name, step.value, dir, err, step.want)
		}
	}
}
