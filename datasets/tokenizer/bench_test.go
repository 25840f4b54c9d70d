//go:build unix

package tokenizer

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
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
			perCPU(b, len(text), func() {
				tok.forget()
				tok.Encode(text)
			})
		})
		b.Run(filepath.Join(s.name, s.file, "warm"), func(b *testing.B) {
			perCPU(b, len(text), func() { tok.Encode(text) })
		})
		b.Run(filepath.Join(s.name, s.file, "decode"), func(b *testing.B) {
			ids := tok.Encode(text)
			perCPU(b, len(text), func() { tok.Decode(ids) })
		})
	}
}

// perCPU measures work on n bytes, also by the processor's time, which a busy machine disturbs less.
func perCPU(b *testing.B, n int, work func()) {
	b.SetBytes(int64(n))
	start := cpuTime(b)
	for b.Loop() {
		work()
	}
	b.ReportMetric(float64(n)*float64(b.N)/1e6/(cpuTime(b)-start), "MB/cpu-s")
}

// cpuTime returns the seconds of processor time of this process.
func cpuTime(b *testing.B) float64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	seconds := func(t unix.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime)
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
