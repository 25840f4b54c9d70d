package covariance

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/internal/tensorfile"
)

func TestSaveLoad(t *testing.T) {
	m := moments(rows(rand.New(rand.NewPCG(1, 0)), 48, 7), 4, 6)
	m.Data, m.Replaced = "d", 3
	path := filepath.Join(t.TempDir(), "moments.safetensors")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	back, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(m, back) {
		t.Errorf("saved %+v, read %+v", m, back)
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	good := map[string]string{"kind": fileKind, "version": fileVersion, "sequences": "4", "length": "2", "groups": "2", "replaced": "0"}
	arrays := func() map[string]any {
		return map[string]any{
			"layers.0.mlp_in.counts": []int64{4, 4}, "layers.0.mlp_in.means": []float64{1, 2, 3, 4},
			"layers.0.mlp_in.abs_mean": []float64{1, 2}, "layers.0.mlp_in.within": []float64{1, 0, 1},
		}
	}
	shapes := map[string][]int{"means": {2, 2}}
	write := func(path string, metadata map[string]string, all map[string]any) {
		var ts []tensorfile.Tensor
		for name, data := range all {
			shape := shapes[name[strings.LastIndex(name, ".")+1:]]
			if shape == nil {
				shape = []int{reflect.ValueOf(data).Len()}
			}
			ts = append(ts, tensorfile.Tensor{Name: name, Shape: shape, Data: data})
		}
		if err := tensorfile.Write(path, ts, metadata); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "m")
	write(path, good, arrays())
	if _, err := Load(path); err != nil {
		t.Fatalf("the control must load: %v", err)
	}
	for name, c := range map[string]struct {
		spoil func(metadata map[string]string, arrays map[string]any)
		want  string
	}{
		"kind":     {func(m map[string]string, _ map[string]any) { m["kind"] = "pare spectra" }, "expected kind"},
		"version":  {func(m map[string]string, _ map[string]any) { m["version"] = "0" }, "calibrate again"},
		"number":   {func(m map[string]string, _ map[string]any) { m["groups"] = "two" }, `groups: expected a number of at least 1, found "two"`},
		"zero":     {func(m map[string]string, _ map[string]any) { m["length"] = "0" }, "length: expected"},
		"tokens":   {func(m map[string]string, _ map[string]any) { m["sequences"] = "6" }, "expected 12 tokens, found 8"},
		"missing":  {func(_ map[string]string, a map[string]any) { delete(a, "layers.0.mlp_in.within") }, "within"},
		"size":     {func(_ map[string]string, a map[string]any) { a["layers.0.mlp_in.within"] = []float64{1} }, "expected F64 [3], found F64 [1]"},
		"unequal":  {func(_ map[string]string, a map[string]any) { a["layers.0.mlp_in.counts"] = []int64{5, 3} }, "equal size"},
		"leftover": {func(_ map[string]string, a map[string]any) { a["layers.7.mlp_in.counts"] = []int64{4, 4} }, "found 5 arrays"},
		"empty":    {func(_ map[string]string, a map[string]any) { clear(a) }, "found 0 arrays"},
	} {
		metadata, all := map[string]string{}, arrays()
		for k, v := range good {
			metadata[k] = v
		}
		c.spoil(metadata, all)
		path := filepath.Join(dir, name)
		write(path, metadata, all)
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want %q and the path", name, err, c.want)
		}
	}
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("not safetensors at all"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(text); err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("a text file: %v", err)
	}
}
