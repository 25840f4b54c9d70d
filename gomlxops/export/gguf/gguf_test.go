package gguf

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// every is metadata of every kind, alone and in arrays.
var every = Metadata{
	{"u8", uint8(250)}, {"i8", int8(-7)}, {"u16", uint16(60000)}, {"i16", int16(-600)}, {"u32", uint32(4e9)}, {"i32", int32(-2e9)},
	{"f32", float32(1.5)}, {"yes", true}, {"no", false}, {"text", "größer 字"}, {"u64", uint64(1 << 60)}, {"i64", int64(-1 << 60)}, {"f64", math.Pi},
	{"u8s", []uint8{1, 255}}, {"i8s", []int8{-1, 2}}, {"u16s", []uint16{1, 65535}}, {"i16s", []int16{-1}}, {"u32s", []uint32{1 << 31}},
	{"i32s", []int32{-1 << 31, 5}}, {"f32s", []float32{0.25, -3}}, {"bools", []bool{true, false, true}}, {"texts", []string{"", "a b", "ĠĠ"}},
	{"u64s", []uint64{1 << 63}}, {"i64s", []int64{-1 << 63}}, {"f64s", []float64{math.E}}, {"none", []string{}},
	{"nested", []any{[]int32{1}, []string{"x"}, []any{[]bool{true}}}},
}

func numbers(n int, scale float64) []float32 {
	rng := rand.New(rand.NewPCG(uint64(n), 9))
	all := make([]float32, n)
	for i := range all {
		all[i] = float32(scale * rng.NormFloat64())
	}
	return all
}

// sample writes a file with a tensor of each type.
func sample(t testing.TB) (path string, values map[string][]float32) {
	t.Helper()
	path, values = filepath.Join(t.TempDir(), "sample.gguf"), map[string][]float32{}
	var tensors []Tensor
	for _, kind := range []Type{F32, F16, BF16, Q8_0} {
		name := strings.ToLower(kind.String()) + ".weight"
		values[name] = numbers(3*64, 0.7)
		tensors = append(tensors, Tensor{Info{Name: name, Shape: []int{3, 64}, Type: kind}, func(dst []float32) error {
			copy(dst, values[name])
			return nil
		}})
	}
	values["odd"] = numbers(5, 1)
	tensors = append(tensors, Tensor{Info{Name: "odd", Shape: []int{5}, Type: F32}, func(dst []float32) error { copy(dst, values["odd"]); return nil }})
	if err := Write(t.Context(), path, every, tensors, nil); err != nil {
		t.Fatal(err)
	}
	return path, values
}

func TestRoundTrip(t *testing.T) {
	path, values := sample(t)
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Version != 3 || !reflect.DeepEqual(f.Metadata, every) {
		t.Errorf("version %d, metadata %v", f.Version, f.Metadata)
	}
	if len(f.Tensors) != len(values) {
		t.Fatalf("%d tensors", len(f.Tensors))
	}
	for _, info := range f.Tensors {
		got, want := make([]float32, info.Elements()), values[info.Name]
		if err := f.Read(info, got); err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if d := math.Abs(float64(got[i] - want[i])); d > bound(info.Type, want, i) || info.Type != F32 && d == 0 && allSame(got, want) {
				t.Errorf("%s[%d]: %v, wrote %v", info.Name, i, got[i], want[i])
			}
		}
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("%v lie beside, %v", left, err)
	}
}

func allSame(a, b []float32) bool { return reflect.DeepEqual(a, b) }

// bound is what a number may be off by, as the types' documentation has it.
func bound(kind Type, values []float32, i int) float64 {
	v := math.Abs(float64(values[i]))
	switch kind {
	case F16:
		return max(v*0x1p-11, 0x1p-25)
	case BF16:
		return v * 0x1p-8
	case Q8_0:
		largest := 0.0
		for _, x := range values[i/32*32:][:32] {
			largest = max(largest, math.Abs(float64(x)))
		}
		return largest/254*1.0001 + max(largest/2048, 127*0x1p-25)
	}
	return 0
}

// TestBlocks holds the stated error of Q8_0 over thirty decades, and sees that it is nearly met.
func TestBlocks(t *testing.T) {
	worst := 0.0
	for e := -26; e <= 4; e++ {
		values := numbers(64, math.Pow(10, float64(e)))
		data, err := encode(nil, Q8_0, values)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, 64)
		if err := decode(got, Q8_0, data); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			d, most := math.Abs(float64(got[i]-values[i])), bound(Q8_0, values, i)
			if !(d <= most) {
				t.Fatalf("1e%d: %v for %v, off by more than %v", e, got[i], values[i], most)
			}
			worst = max(worst, d/most)
		}
	}
	if worst < 0.5 {
		t.Errorf("the bound is loose: at most %v of it is used", worst)
	}
	if _, err := encode(nil, Q8_0, append(make([]float32, 31), 1e8)); err == nil || !strings.Contains(err.Error(), "wider type") {
		t.Errorf("a scale beyond F16: %v", err)
	}
	data, err := encode(nil, Q8_0, append([]float32{127, -127, 2.5, -2.5, 63.4}, make([]float32, 27)...))
	if err != nil || !bytes.Equal(data[:7], []byte{0, 0x3c, 127, 129, 3, 253, 63}) {
		t.Errorf("% x, %v", data[:7], err) // scale 1, halves away from zero
	}
}

// TestHalf takes all 65,536 numbers there and back, and rounds between neighbours.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		wide := wide16(uint16(h))
		if h&0x7c00 == 0x7c00 {
			continue
		}
		if back := float16(wide); back != uint16(h) {
			t.Fatalf("%#x is %v, and back %#x", h, wide, back)
		}
		if h&0x7fff >= 0x7bff {
			continue
		}
		next := wide16(uint16(h + 1))
		middle := float32((float64(wide) + float64(next)) / 2)
		if got, even := float16(middle), uint16(h+h&1); got != even {
			t.Fatalf("%v, between %#x and its neighbour, rounds to %#x", middle, h, got)
		}
	}
	for bits, want := range map[uint32]uint16{0x3f808000: 0x3f80, 0x3f818000: 0x3f82, 0x3f808001: 0x3f81, 0x3f807fff: 0x3f80, 0xbf818000: 0xbf82} {
		if got := bfloat16(math.Float32frombits(bits)); got != want {
			t.Errorf("bfloat16 of %#x is %#x, want %#x", bits, got, want)
		}
	}
	if wide16(0x3c00) != 1 || wide16(0xc000) != -2 || wide16(0x7bff) != 65504 || wide16(1) != 0x1p-24 || !math.IsInf(float64(wide16(0x7c00)), 1) {
		t.Error("known numbers are off")
	}
}

// TestWriteRefuses lists what cannot be written, and that nothing is left behind.
func TestWriteRefuses(t *testing.T) {
	fill := func(v float32) func([]float32) error {
		return func(dst []float32) error {
			for i := range dst {
				dst[i] = v
			}
			return nil
		}
	}
	one := func(kind Type, shape []int, v float32) []Tensor {
		return []Tensor{{Info{Name: "w", Shape: shape, Type: kind}, fill(v)}}
	}
	for name, c := range map[string]struct {
		metadata Metadata
		tensors  []Tensor
		want     string
	}{
		"value":     {Metadata{{"a", 1}}, nil, "of type int"},
		"twice":     {Metadata{{"a", true}, {"a", true}}, nil, "twice"},
		"reserved":  {Metadata{{alignmentKey, uint32(64)}}, nil, "reserved"},
		"not array": {Metadata{{"a", []any{int32(1)}}}, nil, "arrays"},
		"rows":      {nil, one(Q8_0, []int{2, 31}, 1), "cannot be written as Q8_0"},
		"type":      {nil, one(Type(12), []int{32}, 1), "type 12"},
		"NaN":       {nil, one(F32, []int{2}, float32(math.NaN())), "tensor w: expected finite"},
		"too large": {nil, one(F16, []int{2}, 1e6), "wider type"},
		"two names": {nil, append(one(F32, []int{2}, 1), one(F32, []int{2}, 1)...), "twice"},
	} {
		dir := t.TempDir()
		err := Write(t.Context(), filepath.Join(dir, "x.gguf"), c.metadata, c.tensors, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s left %v behind", name, left)
		}
	}
}

// TestDamaged cuts a file off at every length of its header and turns bits everywhere in it: an error or a file, never a panic.
func TestDamaged(t *testing.T) {
	path, _ := sample(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for n := range int(whole.data) {
		if _, err := read(bytes.NewReader(data[:n]), int64(n)); err == nil {
			t.Fatalf("cut off at %d: no error", n)
		}
		refused++
	}
	changed := 0
	for at := range int(whole.data) {
		for _, bit := range []byte{1, 0x80} {
			bad := bytes.Clone(data)
			bad[at] ^= bit
			if readAll(bad) != nil {
				changed++
			}
		}
	}
	if refused == 0 || changed < int(whole.data)/4 {
		t.Errorf("%d and %d errors of %d bytes", refused, changed, whole.data)
	}
}

// readAll reads a file in memory and all its tensors.
func readAll(data []byte) error {
	f, err := read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	for _, info := range f.Tensors {
		if info.bytes() < 0 {
			continue
		}
		if err := f.Read(info, make([]float32, info.Elements())); err != nil {
			return err
		}
	}
	return nil
}

// TestClaims asks for a lot in a few bytes.
func TestClaims(t *testing.T) {
	le := binary.LittleEndian
	begin := func(tensors, pairs uint64) []byte {
		return le.AppendUint64(le.AppendUint64(le.AppendUint32([]byte(magic), 3), tensors), pairs)
	}
	array := func(k kind, n uint64) []byte {
		return le.AppendUint64(le.AppendUint32(le.AppendUint32(appendString(begin(0, 1), "a"), uint32(kindArray)), uint32(k)), n)
	}
	info := func(dims ...uint64) []byte {
		b := le.AppendUint32(appendString(begin(1, 0), "w"), uint32(len(dims)))
		for _, d := range dims {
			b = le.AppendUint64(b, d)
		}
		return append(le.AppendUint64(le.AppendUint32(b, 0), 0), make([]byte, 64)...)
	}
	deep := le.AppendUint32(appendString(begin(0, 1), "a"), uint32(kindArray))
	for range 40 {
		deep = le.AppendUint64(le.AppendUint32(deep, uint32(kindArray)), 1)
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":         {nil, "begins with"},
		"not GGUF":      {[]byte("GGML and more of it"), "begins with"},
		"version":       {le.AppendUint32([]byte(magic), 1), "version 2 or 3"},
		"other way":     {binary.BigEndian.AppendUint32([]byte(magic), 3), "the other way round"},
		"tensors":       {begin(1<<62, 0), "tensors"},
		"metadata":      {begin(0, 1<<62), "metadata"},
		"long key":      {append(begin(0, 1), append(le.AppendUint64(nil, 1<<50), make([]byte, 20)...)...), "at most"},
		"numbers":       {array(kindFloat64, 1<<61), "bytes left"},
		"strings":       {array(kindString, 1<<40), "bytes left"},
		"arrays":        {array(kindArray, 1<<40), "bytes left"},
		"kind":          {array(99, 1), "kind of value"},
		"deep":          {append(deep, make([]byte, 100)...), "nested at most"},
		"dimension 0":   {info(0), "dimension 0"},
		"product":       {info(1<<39, 1<<39), "dimension"},
		"no dimensions": {info(), "dimensions"},
		"five":          {info(1, 1, 1, 1, 1), "dimensions"},
		"beyond":        {info(1 << 30), "the file to end"},
	} {
		if err := readAll(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// FuzzRead reads whatever it is given: an error or a file, never a panic, and no more memory than a few times the input.
func FuzzRead(f *testing.F) {
	path, _ := sample(f)
	data, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:200])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := readAll(data); err == nil && len(data) < 24 {
			t.Error("a file of nothing")
		}
	})
}
