package transformer

import (
	"context"
	"path/filepath"
	"testing"
)

// fileConfig is a LLaMA of 151 million parameters, 302 MB in bf16.
func fileConfig() *Config {
	return &Config{ModelType: "llama", VocabSize: 16000, HiddenSize: 1024, IntermediateSize: 2816, Layers: 8, Heads: 16, KVHeads: 16,
		HeadDim: 64, MaxPositions: 1024, RopeTheta: 10000, NormEps: 1e-6, BOS: -1, EOS: -1}
}

// BenchmarkFiles times what is done with a model's files; bytes are those on disk.
func BenchmarkFiles(b *testing.B) {
	c := fileConfig()
	weights := c.Init(1)
	ctx, dir := context.Background(), filepath.Join(b.TempDir(), "model")
	if err := SaveTensors(ctx, dir, c, weights, "BF16", nil); err != nil {
		b.Fatal(err)
	}
	m, err := Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	bytes := 2 * m.Params()
	dst := make([]float32, c.VocabSize*c.HiddenSize)
	for _, x := range []struct {
		name  string
		bytes int64
		run   func() error
	}{
		{"Open", 0, func() error {
			again, err := Open(dir)
			if err != nil {
				return err
			}
			return again.Close()
		}},
		{"Verify", bytes, func() error { return m.Verify(ctx, nil) }},
		{"Digest", bytes, func() error { _, err := m.computeDigest(); return err }},
		{"Read", bytes, func() error {
			for _, s := range c.TensorShapes() {
				if err := m.Read(s.Name, dst[:s.Elements()]); err != nil {
					return err
				}
			}
			return nil
		}},
		{"Save", bytes, func() error { return Save(ctx, dir+"2", m.Dense(), SaveOptions{Overwrite: true}) }},
	} {
		b.Run(x.name, func(b *testing.B) {
			b.SetBytes(x.bytes)
			for b.Loop() {
				if err := x.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
