package tracker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Kind is the type of a hyperparameter.
type Kind string

// The kinds of a [Value].
const (
	KindInt    Kind = "int"
	KindFloat  Kind = "float"
	KindString Kind = "string"
	KindBool   Kind = "bool"
	KindList   Kind = "list"
)

// Value is a typed hyperparameter: an int64, a float64, a string, a bool, or a list of values. The zero Value is the empty string.
//
// Its JSON is the natural one and keeps the type: a float always has a point or an exponent (2.0), an int never has. The
// non-finite floats, which JSON has no numbers for, are {"float":"NaN"}, {"float":"Infinity"} and {"float":"-Infinity"}.
type Value struct {
	kind Kind
	i    int64
	f    float64
	s    string
	b    bool
	list []Value
}

// Int returns an integer value.
func Int(v int64) Value { return Value{kind: KindInt, i: v} }

// Float returns a floating-point value.
func Float(v float64) Value { return Value{kind: KindFloat, f: v} }

// String returns a text value.
func String(v string) Value { return Value{kind: KindString, s: v} }

// Bool returns a truth value.
func Bool(v bool) Value { return Value{kind: KindBool, b: v} }

// List returns a list, whose elements may differ in kind.
func List(vs ...Value) Value { return Value{kind: KindList, list: slices.Clone(vs)} }

// ValueOf converts a Go value by its kind: all integers and floats, strings, bools, and slices and arrays of them. Another type, or an
// unsigned integer above the largest int64, is [ErrInvalid].
func ValueOf(v any) (Value, error) {
	if v, ok := v.(Value); ok {
		return v, nil
	}
	r := reflect.ValueOf(v)
	switch {
	case !r.IsValid():
		return Value{}, fmt.Errorf("a hyperparameter cannot be nil: %w", ErrInvalid)
	case r.CanInt():
		return Int(r.Int()), nil
	case r.CanUint() && r.Uint() > math.MaxInt64:
		return Value{}, fmt.Errorf("hyperparameter %d is above the largest 64-bit signed integer: %w", r.Uint(), ErrInvalid)
	case r.CanUint():
		return Int(int64(r.Uint())), nil
	case r.Kind() == reflect.Float32: // 0.1f must read 0.1, not 0.10000000149011612
		f, err := strconv.ParseFloat(strconv.FormatFloat(r.Float(), 'g', -1, 32), 64)
		return Float(f), err
	case r.CanFloat():
		return Float(r.Float()), nil
	case r.Kind() == reflect.String:
		return String(r.String()), nil
	case r.Kind() == reflect.Bool:
		return Bool(r.Bool()), nil
	case r.Kind() == reflect.Slice || r.Kind() == reflect.Array:
		return listOf(r)
	}
	return Value{}, fmt.Errorf("a hyperparameter cannot be of type %T; use an integer, float, string, bool, or a slice of them: %w", v, ErrInvalid)
}

func listOf(r reflect.Value) (Value, error) {
	out := Value{kind: KindList, list: make([]Value, r.Len())}
	for i := range out.list {
		v, err := ValueOf(r.Index(i).Interface())
		if err != nil {
			return Value{}, fmt.Errorf("element %d: %w", i, err)
		}
		out.list[i] = v
	}
	return out, nil
}

// Kind returns the value's type.
func (v Value) Kind() Kind {
	if v.kind == "" {
		return KindString
	}
	return v.kind
}

// Float64 returns an int or float as a float64; ok is false for the other kinds.
func (v Value) Float64() (f float64, ok bool) {
	switch v.kind {
	case KindInt:
		return float64(v.i), true
	case KindFloat:
		return v.f, true
	}
	return 0, false
}

// Any returns the value as an int64, float64, string, bool or []any.
func (v Value) Any() any {
	switch v.kind {
	case KindInt:
		return v.i
	case KindFloat:
		return v.f
	case KindBool:
		return v.b
	case KindList:
		out := make([]any, len(v.list))
		for i, e := range v.list {
			out[i] = e.Any()
		}
		return out
	}
	return v.s
}

// Equal reports whether v and w have the same kind and content; NaN equals NaN.
func (v Value) Equal(w Value) bool {
	if v.Kind() != w.Kind() {
		return false
	}
	if v.kind == KindFloat {
		return v.f == w.f || math.IsNaN(v.f) && math.IsNaN(w.f)
	}
	return v.i == w.i && v.s == w.s && v.b == w.b && slices.EqualFunc(v.list, w.list, Value.Equal)
}

// String returns the value for people: text bare, lists in brackets, numbers in their shortest form.
func (v Value) String() string {
	switch v.kind {
	case KindInt:
		return strconv.FormatInt(v.i, 10)
	case KindFloat:
		return Number(v.f).String()
	case KindBool:
		return strconv.FormatBool(v.b)
	case KindList:
		parts := make([]string, len(v.list))
		for i, e := range v.list {
			parts[i] = e.String()
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return v.s
}

// MarshalJSON implements [json.Marshaler].
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.kind {
	case KindInt:
		return strconv.AppendInt(nil, v.i, 10), nil
	case KindFloat:
		return marshalFloat(v.f)
	case KindBool:
		return strconv.AppendBool(nil, v.b), nil
	case KindList:
		if v.list == nil {
			return []byte("[]"), nil
		}
		return json.Marshal(v.list)
	}
	return json.Marshal(v.s)
}

func marshalFloat(f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return json.Marshal(map[string]Number{"float": Number(f)})
	}
	out, err := json.Marshal(f)
	if err == nil && !bytes.ContainsAny(out, ".eE") {
		out = append(out, ".0"...)
	}
	return out, err
}

// UnmarshalJSON implements [json.Unmarshaler].
func (v *Value) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return fmt.Errorf("empty hyperparameter: %w", ErrInvalid)
	}
	var err error
	switch data[0] {
	case '"':
		v.kind = KindString
		err = json.Unmarshal(data, &v.s)
	case 't', 'f':
		v.kind = KindBool
		err = json.Unmarshal(data, &v.b)
	case '[':
		v.kind = KindList
		err = json.Unmarshal(data, &v.list)
	case '{':
		var wide struct {
			Float Number `json:"float"`
		}
		err = json.Unmarshal(data, &wide)
		v.kind, v.f = KindFloat, float64(wide.Float)
	default:
		return v.unmarshalNumber(data)
	}
	return err
}

func (v *Value) unmarshalNumber(data []byte) (err error) {
	if bytes.ContainsAny(data, ".eE") {
		v.kind = KindFloat
		v.f, err = strconv.ParseFloat(string(data), 64)
	} else {
		v.kind = KindInt
		v.i, err = strconv.ParseInt(string(data), 10, 64)
	}
	if err != nil {
		return fmt.Errorf("hyperparameter %s is neither a number, text, truth value nor list: %w", data, ErrInvalid)
	}
	return nil
}
