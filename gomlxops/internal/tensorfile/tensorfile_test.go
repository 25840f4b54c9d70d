package tensorfile

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func sample() []Tensor {
	return []Tensor{
		{"b.wide", []int{2, 3}, []float64{1, -2.5, math.SmallestNonzeroFloat64, 4, 5, math.MaxFloat64}},
		{"a.narrow", []int{3}, []float32{1, 1.0 / 3, -7}},
		{"count", []int{}, []int64{math.MaxInt64}},
		{"empty", []int{0, 4}, []float64{}},
	}
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	long := make([]float32, 100_001) // more than one piece
	for i := range long {
		long[i] = float32(i) / 7
	}
	tensors := append(sample(), Tensor{"long", []int{len(long)}, long})
	if err := Write(path, tensors, map[string]string{"made": "here"}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.Names(); !slices.Equal(got, []string{"a.narrow", "b.wide", "count", "empty", "long"}) {
		t.Errorf("names %v", got)
	}
	if f.Metadata("made") != "here" || f.Metadata("other") != "" || !f.Has("long") || f.Has("made") {
		t.Error("metadata or Has is wrong")
	}
	wide, err := f.Float64("b.wide", 2, 3)
	if err != nil || !slices.Equal(wide, tensors[0].Data.([]float64)) {
		t.Errorf("b.wide %v, %v", wide, err)
	}
	back, err := f.Float32("long", len(long))
	if err != nil || !slices.Equal(back, long) {
		t.Errorf("long differs, %v", err)
	}
	if n, err := f.Int64("count"); err != nil || n[0] != math.MaxInt64 {
		t.Errorf("count %v, %v", n, err)
	}
	if e, err := f.Float64("empty", 0, 4); err != nil || len(e) != 0 {
		t.Errorf("empty %v, %v", e, err)
	}
}

func TestReadRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	bad := append(sample(), Tensor{"nan", []int{2}, []float64{0, math.NaN()}}, Tensor{"inf", []int{1}, []float32{float32(math.Inf(1))}})
	if err := Write(path, bad, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, c := range []struct {
		name string
		read func() error
		want string
	}{
		{"absent", func() error { _, err := f.Float64("absent", 1); return err }, `"absent" is missing`},
		{"type", func() error { _, err := f.Float64("a.narrow", 3); return err }, "expected F64 [3], found F32 [3]"},
		{"shape", func() error { _, err := f.Float64("b.wide", 3, 2); return err }, "expected F64 [3 2], found F64 [2 3]"},
		{"nan", func() error { _, err := f.Float64("nan", 2); return err }, "NaN at index 1"},
		{"inf", func() error { _, err := f.Float32("inf", 1); return err }, "+Inf at index 0"},
	} {
		if err := c.read(); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want %q and the path", c.name, err, c.want)
		}
	}
}

func TestOpenRefusesDamage(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	if err := Write(good, sample(), nil); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	header := func(json, data string) []byte {
		return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(json))), json...), data...)
	}
	for name, c := range map[string]struct {
		bytes []byte
		want  string
	}{
		"empty":     {nil, "found 0 bytes"},
		"short":     {whole[:20], "truncated"},
		"truncated": {whole[:len(whole)-1], "expected"},
		"appended":  {append(slices.Clone(whole), 0), "appended"},
		"no json":   {header("nothing!", ""), "no JSON"},
		"type":      {header(`{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}`, "xx"), "BF16"},
		"negative":  {header(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, "xxxx"), "negative"},
		"huge":      {header(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, ""), "too many"},
		"overlap":   {header(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`, "xxxxxx"), "offset 4"},
		"size":      {header(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, "xxxx"), "expected 8 bytes"},
		"field":     {header(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`, "xxxx"), "unknown field"},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "_"))
		if err := os.WriteFile(path, c.bytes, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want %q and the path", name, err, c.want)
		}
	}
}

func TestWriteLeavesNothingHalf(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	if err := Write(path, sample(), nil); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	for name, tensors := range map[string][]Tensor{
		"shape":    {{"a", []int{2}, []float64{1}}},
		"type":     {{"a", []int{1}, []int{1}}},
		"twice":    {{"a", []int{1}, []float64{1}}, {"a", []int{1}, []float64{1}}},
		"reserved": {{"__metadata__", []int{1}, []float64{1}}},
	} {
		if err := Write(path, tensors, nil); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want an error that names the path", name, err)
		}
	}
	after, _ := os.ReadFile(path)
	files, _ := os.ReadDir(dir)
	if !slices.Equal(before, after) || len(files) != 1 {
		t.Errorf("a failed write changed the file or left another: %v", files)
	}
	if err := Write(filepath.Join(dir, "absent", "x"), sample(), nil); err == nil {
		t.Error("a directory that is not there was no error")
	}
}
