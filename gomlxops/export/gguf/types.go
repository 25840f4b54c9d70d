package gguf

import (
	"fmt"
	"slices"
)

// Type is how the numbers of a tensor are held, by ggml's numbers.
type Type uint32

// The types that can be read and written.
const (
	F32  Type = 0
	F16  Type = 1
	Q8_0 Type = 8 // blocks of 32: a half-precision scale and 32 signed bytes
	BF16 Type = 30
)

// quantum is a type's block: how many numbers of a row lie together, and their bytes.
type quantum struct {
	name           string
	numbers, bytes int64
}

var quanta = map[Type]quantum{F32: {"F32", 1, 4}, F16: {"F16", 1, 2}, BF16: {"BF16", 1, 2}, Q8_0: {"Q8_0", blockNumbers, 2 + blockNumbers}}

// String names the type; one that is not read by its number.
func (t Type) String() string {
	if q, ok := quanta[t]; ok {
		return q.name
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// Fits says whether rows of so many numbers can be held in the type.
func (t Type) Fits(columns int) bool {
	q, ok := quanta[t]
	return ok && int64(columns)%q.numbers == 0
}

// Info is the name, shape and type of a tensor. Shape is row-major, the longest stride first, the reverse of the order in the file.
type Info struct {
	Name  string
	Shape []int
	Type  Type

	offset int64 // from the beginning of the data
}

// Elements counts the tensor's numbers.
func (i Info) Elements() int {
	n := 1
	for _, d := range i.Shape {
		n *= d
	}
	return n
}

// bytes is what the tensor takes in the file; -1 where its type is not known.
func (i Info) bytes() int64 {
	q, ok := quanta[i.Type]
	if !ok {
		return -1
	}
	return int64(i.Elements()) / q.numbers * q.bytes
}

// Pair is one entry of the metadata. Value is a bool, string, float32, float64 or sized integer, or a slice of one of them, or []any of slices.
type Pair struct {
	Key   string
	Value any
}

// Metadata keeps its order.
type Metadata []Pair

// Get returns a value, nil where there is none.
func (m Metadata) Get(key string) any {
	if at := slices.IndexFunc(m, func(p Pair) bool { return p.Key == key }); at >= 0 {
		return m[at].Value
	}
	return nil
}

// kind is the type of a value of the metadata, by GGUF's numbers.
type kind uint32

const (
	kindUint8 kind = iota
	kindInt8
	kindUint16
	kindInt16
	kindUint32
	kindInt32
	kindFloat32
	kindBool
	kindString
	kindArray
	kindUint64
	kindInt64
	kindFloat64
)

// kindBytes is what a value takes in the file, at least.
var kindBytes = map[kind]int64{
	kindUint8: 1, kindInt8: 1, kindUint16: 2, kindInt16: 2, kindUint32: 4, kindInt32: 4, kindFloat32: 4, kindBool: 1,
	kindString: 8, kindArray: 12, kindUint64: 8, kindInt64: 8, kindFloat64: 8,
}

const (
	magic            = "GGUF"
	version          = 3
	defaultAlignment = 32
	alignmentKey     = "general.alignment"
)

// aligned is the next multiple.
func aligned(n, to int64) int64 { return (n + to - 1) / to * to }
