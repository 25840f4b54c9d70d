package export_test

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/export"
	"github.com/parelab/pare/gomlxops/export/gguf"
)

// rewritten copies a file with changes.
func rewritten(t *testing.T, path string, change func(m *gguf.Metadata, tensors *[]gguf.Tensor)) string {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	metadata, tensors := slices.Clone(f.Metadata), []gguf.Tensor{}
	for _, info := range f.Tensors {
		tensors = append(tensors, gguf.Tensor{Info: info, Values: func(dst []float32) error { return f.Read(info, dst) }})
	}
	change(&metadata, &tensors)
	fresh := filepath.Join(t.TempDir(), "changed.gguf")
	if err := gguf.Write(t.Context(), fresh, metadata, tensors, nil); err != nil {
		t.Fatal(err)
	}
	return fresh
}

// set changes a value of the metadata, or takes it out where value is nil.
func set(m *gguf.Metadata, key string, value any) {
	at := slices.IndexFunc(*m, func(p gguf.Pair) bool { return p.Key == key })
	if value == nil {
		*m = slices.Delete(*m, at, at+1)
		return
	}
	(*m)[at].Value = value
}

// TestReadGGUFRefused reads files whose metadata and tensors do not agree: each is an error that says what is wrong, and leaves nothing.
func TestReadGGUFRefused(t *testing.T) {
	write := func(c ggufCase) string {
		path := filepath.Join(t.TempDir(), "model.gguf")
		if _, err := export.GGUF(t.Context(), path, c.variant(t), nil, export.Options{DType: "F32", Merge: true}); err != nil {
			t.Fatal(err)
		}
		return path
	}
	llama, deci, llama3 := write(ggufCases[0]), write(ggufCases[5]), write(ggufCases[7])
	find := func(tensors []gguf.Tensor, name string) int {
		return slices.IndexFunc(tensors, func(t gguf.Tensor) bool { return t.Name == name })
	}
	for name, c := range map[string]struct {
		path   string
		change func(m *gguf.Metadata, tensors *[]gguf.Tensor)
		want   string
	}{
		"architecture": {llama, func(m *gguf.Metadata, _ *[]gguf.Tensor) { set(m, "general.architecture", "mamba") }, `found "mamba"`},
		"no key":       {llama, func(m *gguf.Metadata, _ *[]gguf.Tensor) { set(m, "llama.block_count", nil) }, "llama.block_count: expected a whole number"},
		"kind of key":  {llama, func(m *gguf.Metadata, _ *[]gguf.Tensor) { set(m, "llama.embedding_length", "32") }, "llama.embedding_length"},
		"no heads":     {llama, func(m *gguf.Metadata, _ *[]gguf.Tensor) { set(m, "llama.attention.head_count", uint32(0)) }, "num_attention_heads"},
		"many layers":  {llama, func(m *gguf.Metadata, _ *[]gguf.Tensor) { set(m, "llama.block_count", uint32(4e9)) }, "too large to be meant"},
		"one more":     {llama, func(m *gguf.Metadata, _ *[]gguf.Tensor) { set(m, "llama.block_count", uint32(3)) }, "is missing"},
		"epsilon": {llama, func(m *gguf.Metadata, _ *[]gguf.Tensor) {
			set(m, "llama.attention.layer_norm_rms_epsilon", float32(math.NaN()))
		}, "finite"},
		"width":  {llama, func(m *gguf.Metadata, _ *[]gguf.Tensor) { set(m, "llama.feed_forward_length", uint32(32)) }, "expected shape [32 32]"},
		"turned": {llama, func(m *gguf.Metadata, _ *[]gguf.Tensor) { set(m, "llama.rope.dimension_count", uint32(4)) }, "rope.dimension_count"},
		"no tensor": {llama, func(_ *gguf.Metadata, all *[]gguf.Tensor) {
			*all = slices.Delete(*all, find(*all, "blk.1.attn_k.weight"), find(*all, "blk.1.attn_k.weight")+1)
		}, "tensor blk.1.attn_k.weight is missing"},
		"no embedding":    {llama, func(_ *gguf.Metadata, all *[]gguf.Tensor) { *all = slices.Delete(*all, 0, 1) }, "token_embd.weight"},
		"short list":      {deci, func(m *gguf.Metadata, _ *[]gguf.Tensor) { set(m, "deci.feed_forward_length", []int32{64}) }, "as many layers as lists have"},
		"no list":         {deci, func(m *gguf.Metadata, _ *[]gguf.Tensor) { set(m, "deci.attention.head_count", []int32{}) }, "a number for each layer"},
		"unknown factors": {llama3, func(m *gguf.Metadata, _ *[]gguf.Tensor) { set(m, "pare.rope_scaling", nil) }, "not supported"},
		"other factors": {llama3, func(_ *gguf.Metadata, all *[]gguf.Tensor) {
			(*all)[find(*all, "rope_freqs.weight")].Values = func(dst []float32) error {
				for i := range dst {
					dst[i] = 2
				}
				return nil
			}
		}, "rope_freqs.weight: expected"},
		"not JSON": {llama3, func(m *gguf.Metadata, _ *[]gguf.Tensor) { set(m, "pare.rope_scaling", "{") }, "JSON"},
	} {
		parent := t.TempDir()
		err := export.ReadGGUF(t.Context(), rewritten(t, c.path, c.change), filepath.Join(parent, "out"), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "changed.gguf") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if left, _ := filepath.Glob(filepath.Join(parent, "*")); len(left) > 0 {
			t.Errorf("%s left %v behind", name, left)
		}
	}
}
