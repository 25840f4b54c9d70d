package transformer

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/parelab/pare/gomlxops/internal/oracle"
)

// What is told of a model's files is what lies in them, and not what config.json says.
func TestStorage(t *testing.T) {
	m := openOracle(t, "gpt2_hubnames")
	want := Storage{4 * m.Params(), []string{"float32"}, []string{"h.0.attn.bias", "h.1.attn.bias"}}
	if got := m.Storage(); got.Bytes != want.Bytes || !slices.Equal(got.DTypes, want.DTypes) || !slices.Equal(got.Unused, want.Unused) {
		t.Errorf("found %+v, expected %+v", got, want)
	}
	dir := filepath.Join(t.TempDir(), "m")
	if err := Save(t.Context(), dir, openOracle(t, "mha").Dense(), SaveOptions{DType: "BF16"}); err != nil {
		t.Fatal(err)
	}
	half := openDir(t, dir)
	half.config.DType = "float32"
	one := half.tensors["model.norm.weight"]
	one.dtype, one.data = "F32", make([]byte, 2*len(one.data))
	half.tensors["model.norm.weight"] = one
	if got, bytes := half.Storage(), 2*half.Params()+2*int64(half.config.HiddenSize); got.Bytes != bytes || !slices.Equal(got.DTypes, []string{"bfloat16", "float32"}) || got.Unused != nil {
		t.Errorf("found %+v, expected %d bytes of bfloat16 and float32", got, bytes)
	}
}

// Where a directory holds one file and an index, the file is the model, as in Hugging Face transformers: the index's shards may be those of an
// earlier one.
func TestOneFileBeforeShards(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"config.json", weightsName} {
		if err := os.WriteFile(filepath.Join(dir, name), readFile(t, oracle.Path(t, "models/mha/"+name)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	index := `{"weight_map":{"model.norm.weight":"model-00001-of-00001.safetensors"}}`
	if err := os.WriteFile(filepath.Join(dir, indexName), []byte(index), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, want := openDir(t, dir).Params(), openOracle(t, "mha").Params(); got != want {
		t.Errorf("found %d parameters, expected %d", got, want)
	}
}
