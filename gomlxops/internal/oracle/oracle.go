// Package oracle reads the reference numbers in gomlxops/testdata/oracle for tests.
//
// [Path] finds a file, [JSON] and [Tensors] read it. The reader of tensors is deliberately not the one that models are
// opened with, so that a fault in that one cannot hide itself.
package oracle

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Array is a row-major array of any stored type, widened to float64.
type Array struct {
	Shape []int
	Data  []float64
}

// Path returns where name ("models/mha/forward.json") lies, and fails the test where it is absent.
func Path(t testing.TB, name string) string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	path := filepath.Join(filepath.Dir(here), "..", "..", "testdata", "oracle", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("oracle: %v", err)
	}
	return path
}

// JSON decodes the named file into v.
func JSON(t testing.TB, name string, v any) {
	t.Helper()
	data, err := os.ReadFile(Path(t, name))
	if err != nil {
		t.Fatalf("oracle: %v", err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("oracle: %s: %v", name, err)
	}
}

// Tensors reads every array of the named safetensors file (F64, F32 or I64).
func Tensors(t testing.TB, name string) map[string]Array {
	t.Helper()
	return ReadTensors(t, Path(t, name))
}

// ReadTensors reads every array of a safetensors file anywhere.
func ReadTensors(t testing.TB, name string) map[string]Array {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("oracle: %v", err)
	}
	n := binary.LittleEndian.Uint64(data)
	var header map[string]struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	head := map[string]json.RawMessage{}
	if err := json.Unmarshal(data[8:8+n], &head); err != nil {
		t.Fatalf("oracle: %s: %v", name, err)
	}
	delete(head, "__metadata__")
	plain, _ := json.Marshal(head)
	if err := json.Unmarshal(plain, &header); err != nil {
		t.Fatalf("oracle: %s: %v", name, err)
	}
	if len(header) == 0 {
		t.Fatalf("oracle: %s holds no tensor", name)
	}
	body := data[8+n:]
	out := make(map[string]Array, len(header))
	for key, h := range header {
		out[key] = Array{h.Shape, widen(t, key, h.DType, body[h.Offsets[0]:h.Offsets[1]])}
	}
	return out
}

func widen(t testing.TB, key, dtype string, raw []byte) []float64 {
	t.Helper()
	size := map[string]int{"F64": 8, "I64": 8, "F32": 4}[dtype]
	if size == 0 {
		t.Fatalf("oracle: tensor %s has type %s", key, dtype)
	}
	out := make([]float64, len(raw)/size)
	for i := range out {
		p := raw[i*size:]
		switch dtype {
		case "F64":
			out[i] = math.Float64frombits(binary.LittleEndian.Uint64(p))
		case "I64":
			out[i] = float64(int64(binary.LittleEndian.Uint64(p)))
		case "F32":
			out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(p)))
		}
	}
	return out
}

// Unpack expands the packed lower triangle of a symmetric n×n matrix into full row-major form.
func Unpack(packed []float64, n int) []float64 {
	full := make([]float64, n*n)
	for i, k := 0, 0; i < n; i++ {
		for j := 0; j <= i; j, k = j+1, k+1 {
			full[i*n+j], full[j*n+i] = packed[k], packed[k]
		}
	}
	return full
}
