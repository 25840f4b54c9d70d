package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parelab/pare/datasets/instruct"
)

// TestDataPull pulls a part of a data set from a server that answers as the hub does, and then reads it by its name, offline.
func TestDataPull(t *testing.T) {
	for _, name := range []string{"HF_TOKEN", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"} {
		t.Setenv(name, "")
	}
	t.Setenv("HF_HOME", t.TempDir())
	t.Setenv("HF_ENDPOINT", serveData(t, map[string]string{
		"data/train.jsonl":      `{"instruction": "Say one.", "input": "", "output": "One."}` + "\n" + `{"instruction": "Say two.", "output": "Two."}`,
		"data/validation.jsonl": `{"instruction": "Say three.", "input": null, "output": "Three."}`,
		"README.md":             "# Three", "three.py": "import os",
	}))
	snapshot := strings.TrimSpace(output(t, "data", "pull", "org/three:validation"))
	if _, err := os.Stat(filepath.Join(snapshot, "data", "train.jsonl")); err == nil {
		t.Error("all was pulled, expected the validation part")
	}
	var pulled struct {
		Dir   string
		Files int
	}
	if err := json.Unmarshal([]byte(output(t, "data", "pull", "org/three", "--json")), &pulled); err != nil || pulled.Dir != snapshot || pulled.Files != 3 {
		t.Errorf("pulled %+v, %v; expected 3 files in %s", pulled, err, snapshot)
	}
	t.Setenv("HF_HUB_OFFLINE", "1")
	for name, want := range map[string]string{"org/three": "One.|Two.", "org/three@main:validation": "Three.", "org/three:data/train.jsonl": "One.|Two."} {
		set, err := instruct.Open(name, instruct.OpenOptions{})
		if err != nil {
			t.Error(err)
			continue
		}
		var answers []string
		for _, e := range set.Examples {
			answers = append(answers, e.Output)
		}
		if got := strings.Join(answers, "|"); got != want {
			t.Errorf("%s has the answers %s, expected %s", name, got, want)
		}
	}
}

// serveData serves files as the data set org/three, and returns the address.
func serveData(t *testing.T, files map[string]string) string {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	var siblings []any
	for name := range files {
		siblings = append(siblings, map[string]any{"rfilename": name})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/datasets/org/three/revision/main", func(w http.ResponseWriter, _ *http.Request) {
		if err := json.NewEncoder(w).Encode(map[string]any{"sha": commit, "siblings": siblings}); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("GET /datasets/org/three/resolve/"+commit+"/", func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/datasets/org/three/resolve/"+commit+"/")
		w.Header().Set("ETag", `"`+strings.ReplaceAll(name, "/", "-")+`"`)
		_, _ = w.Write([]byte(files[name]))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}
