package lab

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Sizes of a pruned model are given as ranges where its layers differ.
func TestInfoOfDifferingLayers(t *testing.T) {
	i := Info{Heads: 8, KVHeads: 8, MLPSize: 64}
	heads := func(s transformer.Shape) int { return s.Heads }
	if got := i.over(i.Heads, heads); got != "8" {
		t.Errorf("alike: %s", got)
	}
	i.Shapes = []transformer.Shape{{Heads: 6, MLP: 30}, {Heads: 4, MLP: 30}, {Heads: 7, MLP: 30}}
	if got := i.over(i.Heads, heads); got != "4 to 7" {
		t.Errorf("heads: %s", got)
	}
	if got := i.over(i.MLPSize, func(s transformer.Shape) int { return s.MLP }); got != "30" {
		t.Errorf("MLP: %s", got)
	}
}

// A token for padding that was added behind the model's last row keeps nobody from reading and writing text; one that texts begin with does.
func TestTokensBehindTheModel(t *testing.T) {
	l, m := openPocket(t)
	open := func(bos string) *Model {
		tokens := bytes.Replace(m.Tokenizer.JSON(), []byte(`"added_tokens": [`), []byte(`"added_tokens": [{"id": 2048, "content": "<pad>", "special": true},`), 1)
		dir := filepath.Join(t.TempDir(), "padded")
		extra := map[string][]byte{"tokenizer.json": tokens, "tokenizer_config.json": []byte(`{"pad_token": "<pad>", "bos_token": "` + bos + `"}`)}
		if err := transformer.SaveTensors(t.Context(), dir, m.Config(), m.Config().Init(1), "BF16", extra); err != nil {
			t.Fatal(err)
		}
		padded, err := l.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { padded.Close() })
		return padded
	}
	padded := open("<s>")
	if err := padded.NeedTokenizer(); err != nil || padded.Tokenizer.VocabSize() != 2049 {
		t.Fatalf("%v, or not 2049 tokens", err)
	}
	if _, err := l.Generate(t.Context(), padded, "Nora went", Generation{MaxTokens: 2}, nil); err != nil {
		t.Error(err)
	}
	if _, err := l.Generate(t.Context(), padded, "Nora <pad> went", Generation{MaxTokens: 2}, nil); err == nil || !strings.Contains(err.Error(), "2048") {
		t.Errorf("%v: expected an error that names the token", err)
	}
	out := filepath.Join(t.TempDir(), "padded.gguf")
	if _, err := l.Export(t.Context(), padded, Exporting{Out: out, Format: "gguf"}); err != nil {
		t.Error(err)
	} else if info, err := os.Stat(out); err != nil || info.Size() == 0 {
		t.Errorf("%v, %v", info, err)
	}
	if err := open("<pad>").NeedTokenizer(); err == nil || !strings.Contains(err.Error(), "vocab_size 2048") {
		t.Errorf("%v: expected an error that names vocab_size", err)
	}
}
