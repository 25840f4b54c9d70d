package export

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// ONNX's messages, as far as they are written: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. Numbers beside names are that file's.

// onnxType is TensorProto.DataType.
type onnxType uint64

const (
	onnxFloat  onnxType = 1
	onnxInt64  onnxType = 7
	onnxHalf   onnxType = 10
	onnxDouble onnxType = 11
)

const (
	onnxIR    = 8  // of onnx 1.12
	onnxOpset = 17 // the first with every operator used here in this form; the same release
)

// message is a protobuf message under way.
type message []byte

func (m *message) text(number protowire.Number, s string) { m.raw(number, []byte(s)) }
func (m *message) raw(number protowire.Number, b []byte) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, number, protowire.BytesType), b)
}
func (m *message) number(number protowire.Number, v int64) {
	*m = protowire.AppendVarint(protowire.AppendTag(*m, number, protowire.VarintType), uint64(v))
}

// onnxAttribute is an attribute of a node: an int64, or a list of them.
func onnxAttribute(name string, value any) (m message) {
	const kindInt, kindInts = 2, 7
	m.text(1, name)
	switch v := value.(type) {
	case int64:
		m.number(3, v)
		m.number(20, kindInt)
	case []int64:
		for _, i := range v {
			m.number(8, i)
		}
		m.number(20, kindInts)
	}
	return m
}

// onnxConstant is a small tensor whose numbers are in the model itself.
func onnxConstant(name string, values any, dims ...int64) (m message) {
	var data []byte
	kind := onnxFloat
	switch v := values.(type) {
	case []float32:
		for _, x := range v {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
	case []float64:
		kind = onnxDouble
		for _, x := range v {
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(x))
		}
	case []int64:
		kind = onnxInt64
		for _, x := range v {
			data = binary.LittleEndian.AppendUint64(data, uint64(x))
		}
	}
	for _, d := range dims {
		m.number(1, d)
	}
	m.number(2, int64(kind))
	m.text(8, name)
	m.raw(9, data)
	return m
}

// onnxOutside is a tensor whose numbers lie in another file.
func onnxOutside(name string, kind onnxType, dims []int, file string, at, size int64) (m message) {
	const external = 1
	for _, d := range dims {
		m.number(1, int64(d))
	}
	m.number(2, int64(kind))
	m.text(8, name)
	for _, entry := range [][2]string{{"location", file}, {"offset", decimal(at)}, {"length", decimal(size)}} {
		var e message
		e.text(1, entry[0])
		e.text(2, entry[1])
		m.raw(13, e)
	}
	m.number(14, external)
	return m
}

// onnxValue is an input or output: its name, type and dimensions, numbers or names.
func onnxValue(name string, kind onnxType, dims ...any) (m message) {
	var shape, tensor, typed message
	for _, d := range dims {
		var dim message
		switch d := d.(type) {
		case int:
			dim.number(1, int64(d))
		case string:
			dim.text(2, d)
		}
		shape.raw(1, dim)
	}
	tensor.number(1, int64(kind))
	tensor.raw(2, shape)
	typed.raw(1, tensor)
	m.text(1, name)
	m.raw(2, typed)
	return m
}
