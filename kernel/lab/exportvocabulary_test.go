package lab

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/parelab/pare/datasets/tokenizer"
	"github.com/parelab/pare/gomlxops/export/gguf"
)

// TestVocabularyAsInLlamaCpp lays tokenizers out and compares them with the vocabularies that llama.cpp's own converter made.
func TestVocabularyAsInLlamaCpp(t *testing.T) {
	oracle := filepath.Join("..", "..", "..", "shared", "oracle", "tokenizers")
	if _, err := os.Stat(oracle); err != nil {
		t.Skipf("no reference tokenizers, so vocabularies are not compared with llama.cpp's: %v", err)
	}
	for _, c := range []struct {
		path, made string
		scores     bool // comparable one by one
		same       int  // tokens whose kind may differ
	}{
		{"gpt2/tokenizer.json", "ggml-vocab-gpt-2.gguf", false, 0},
		{"gpt2/vocab.json", "ggml-vocab-gpt-2.gguf", false, 1}, // a vocab.json by itself does not say that <|endoftext|> is special
		{"llama2/tokenizer.model", "ggml-vocab-llama-spm.gguf", true, 0},
		{"llama2/tokenizer.json", "ggml-vocab-llama-spm.gguf", false, 0},
	} {
		tok, err := tokenizer.Open(filepath.Join(oracle, c.path))
		if err != nil {
			t.Fatal(err)
		}
		v, err := tok.Vocabulary()
		if err != nil {
			t.Fatal(err)
		}
		f, err := gguf.Open(filepath.Join(oracle, "llamacpp-pairs", c.made))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		tokens := f.Metadata.Get("tokenizer.ggml.tokens").([]string)
		if !slices.Equal(v.Tokens, tokens) || len(tokens) < 30000 {
			t.Errorf("%s: %d tokens, want %d, or others", c.path, len(v.Tokens), len(tokens))
		}
		other := 0
		for i, kind := range f.Metadata.Get("tokenizer.ggml.token_type").([]int32) {
			if int32(v.Kinds[i]) != kind {
				other++
				t.Logf("%s: %q is %d, %d there", c.path, tokens[i], v.Kinds[i], kind)
			}
		}
		if other > c.same {
			t.Errorf("%s: %d tokens are of another kind", c.path, other)
		}
		if bos, _ := f.Metadata.Get("tokenizer.ggml.add_bos_token").(bool); c.scores && v.AddBOS != bos || v.AddEOS || v.AddSpace != (len(v.Scores) > 0) {
			t.Errorf("%s: puts around texts %v %v, a space %v", c.path, v.AddBOS, v.AddEOS, v.AddSpace)
		}
		if v.Rule != f.Metadata.Get("tokenizer.ggml.pre") {
			t.Errorf("%s: rule %q, %q there", c.path, v.Rule, f.Metadata.Get("tokenizer.ggml.pre"))
		}
		if merges, ok := f.Metadata.Get("tokenizer.ggml.merges").([]string); ok && !slices.Equal(v.Merges, merges) {
			t.Errorf("%s: %d merges, want %d, or others", c.path, len(v.Merges), len(merges))
		}
		scores, _ := f.Metadata.Get("tokenizer.ggml.scores").([]float32)
		if c.scores && !slices.Equal(v.Scores, scores) {
			t.Errorf("%s: other scores", c.path)
		}
		if len(scores) > 0 && !c.scores {
			sameOrder(t, v, scores)
		}
	}
}

// sameOrder checks that scores made of merges order the pieces that merges make as the file's do.
func sameOrder(t *testing.T, v *tokenizer.Vocabulary, scores []float32) {
	t.Helper()
	var made []int
	for id, s := range v.Scores {
		if s > -1e6 {
			made = append(made, id)
		}
	}
	slices.SortFunc(made, func(a, b int) int { return int(v.Scores[b] - v.Scores[a]) })
	if len(made) < 29000 || !slices.IsSortedFunc(made, func(a, b int) int { return int(scores[b] - scores[a]) }) {
		t.Errorf("%d pieces are in another order", len(made))
	}
}
