package transformer

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/parelab/pare/gomlxops/internal/oracle"
)

// seeds returns the named file of every case in the oracle's data_bad that has one.
func seeds(f *testing.F, name string) [][]byte {
	index := oracle.Path(f, "data_bad/index.json")
	paths, err := filepath.Glob(filepath.Join(filepath.Dir(index), "*", name))
	if err != nil || len(paths) == 0 {
		f.Fatalf("found no %s to start from: %v", name, err)
	}
	var all [][]byte
	for _, path := range paths {
		if data, err := os.ReadFile(path); err == nil {
			all = append(all, data)
		}
	}
	return all
}

// FuzzSafetensors parses arbitrary bytes as a weight file: no panic, and whatever is accepted lies within the file, each byte once. With the tool's own
// settings it spends a minute on making the first input smaller; -fuzzminimizetime 10x tries some 2,000 a second.
func FuzzSafetensors(f *testing.F) {
	for _, data := range seeds(f, "model.safetensors") {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := mapped{bytes: data}
		if m.parse() != nil {
			return
		}
		covered := 8 + binary.LittleEndian.Uint64(data)
		for name, tensor := range m.tensors {
			covered += uint64(len(tensor.data))
			if n := (Part{Shape: tensor.shape}).Elements() * dtypeSizes[tensor.dtype]; n != len(tensor.data) {
				t.Errorf("tensor %q: shape %v of %s is %d bytes, holds %d", name, tensor.shape, tensor.dtype, n, len(tensor.data))
			}
		}
		if covered != uint64(len(data)) {
			t.Errorf("%d bytes of %d belong to the header or a tensor", covered, len(data))
		}
	})
}

// FuzzConfig parses arbitrary bytes as a configuration: no panic, and whatever is accepted is valid and reads back equal from its own JSON.
func FuzzConfig(f *testing.F) {
	for _, data := range seeds(f, "config.json") {
		f.Add(data)
	}
	for _, c := range familyCases() {
		f.Add([]byte(c.config))
	}
	for _, name := range allOracleModels {
		data, err := os.ReadFile(oracle.Path(f, "models/"+name+"/config.json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"n_embd":6,"n_layer":1,"n_head":2,"n_positions":8,"vocab_size":5,"model_type":"pare","pare":{"version":1,"model_type":"gpt2","architectures":[],"linears":{},"head_dim":3,"layers":[{"heads":2,"kv_heads":1,"mlp":3}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig(data)
		if err != nil {
			return
		}
		text, err := c.JSON()
		if err != nil {
			t.Fatalf("cannot write %+v: %v", c, err)
		}
		again, err := ParseConfig(text)
		if err != nil {
			t.Fatalf("cannot read back %s: %v", text, err)
		}
		if twice, _ := again.JSON(); string(twice) != string(text) {
			t.Errorf("changed when written twice:\n%s\n%s", text, twice)
		}
		if err := c.checkSaid(text); err != nil {
			t.Error(err)
		}
	})
}
