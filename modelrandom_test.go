package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parelab/pare/datasets/pocket"
	"github.com/parelab/pare/gomlxops/transformer"
)

// TestModelRandom makes a model of pocket's shapes and runs it on pocket's text; the same seed gives the same weights.
func TestModelRandom(t *testing.T) {
	dir, err := pocket.Dir()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PARE_HOME", t.TempDir())
	made, digests := t.TempDir(), map[string]string{}
	for name, seed := range map[string]string{"one": "1", "again": "1", "two": "2"} {
		out := filepath.Join(made, name)
		if got := strings.TrimSpace(output(t, "model", "random", filepath.Join(dir, "config.json"), out, "--tokenizer", "pocket", "--seed", seed)); got != out {
			t.Errorf("printed %q, expected %q", got, out)
		}
		m, err := transformer.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if digests[name], err = m.Digest(); err != nil {
			t.Fatal(err)
		}
	}
	if digests["one"] != digests["again"] || digests["one"] == digests["two"] {
		t.Errorf("digests %v", digests)
	}
	small := filepath.Join(made, "config.json")
	if err := os.WriteFile(small, []byte(`{"model_type":"llama","vocab_size":9,"hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":12}`), 0o644); err != nil {
		t.Fatal(err)
	}
	root := newRoot()
	root.SetArgs([]string{"model", "random", small, filepath.Join(made, "small"), "--tokenizer", "pocket"})
	if err := root.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "vocab_size 9") {
		t.Errorf("a tokenizer of more tokens than rows: %v", err)
	}
	var info struct{ Params int64 }
	if err := json.Unmarshal([]byte(output(t, "model", "info", filepath.Join(made, "one"), "--json")), &info); err != nil || info.Params < 1e6 {
		t.Errorf("%+v, %v", info, err)
	}
}
