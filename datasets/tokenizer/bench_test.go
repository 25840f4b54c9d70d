package tokenizer

import (
	"os"
	"path/filepath"
	"testing"
)

// realText returns the first bytes of a novel, which lies outside the project as the oracle does.
func realText(b *testing.B, n int) string {
	raw, err := os.ReadFile("../../../shared/data/novels/middlemarch.txt")
	if err != nil {
		b.Skipf("SKIPPED, NOTHING MEASURED: the novels are absent here: %v", err)
	}
	return string(raw[:min(n, len(raw))])
}

// BenchmarkOracle encodes a megabyte of a novel, from an empty cache of words ("cold") and again ("warm"), and decodes it.
func BenchmarkOracle(b *testing.B) {
	text := realText(b, 1<<20)
	for _, s := range []struct{ name, file string }{
		{"gpt2", "tokenizer.json"}, {"llama3", ""}, {"qwen2", ""}, {"llama2", "tokenizer.json"}, {"llama2", "tokenizer.model"},
		{"mistral-7b-v0.3", "tokenizer.json"}, {"albert", ""}, {"spm-unigram-en", ""},
	} {
		tok := oracleTokenizer(b, s.name, s.file)
		b.Run(filepath.Join(s.name, s.file, "cold"), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				tok.forget()
				tok.Encode(text)
			}
		})
		b.Run(filepath.Join(s.name, s.file, "warm"), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				tok.Encode(text)
			}
		})
		b.Run(filepath.Join(s.name, s.file, "decode"), func(b *testing.B) {
			ids := tok.Encode(text)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				tok.Decode(ids)
			}
		})
	}
}

// forget empties the cache of words.
func (t *Tokenizer) forget() {
	switch m := t.model.(type) {
	case *bpe:
		m.cache.ids = nil
	case *unigram:
		m.cache.ids = nil
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	raw, err := os.ReadFile(oraclePath(b, "llama3/tokenizer.json.gz"))
	if err == nil {
		raw, err = unpack(raw)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, FileName), raw, 0o644)
	}
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Open(dir); err != nil {
			b.Fatal(err)
		}
	}
}
