package jinja

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Values are nil for None, undefined, bool, int, float64, string, []any, *Dict, *namespace, *loopState and Func.

// undefined is the value of a name that nothing defines. It prints as nothing, is false and empty; using it otherwise is an
// error.
type undefined struct{ name string }

// Dict is a dictionary with string keys, in the order in which they were added.
type Dict struct {
	keys   []string
	values map[string]any
}

// NewDict makes a dictionary of keys and values in turn.
func NewDict(pairs ...any) *Dict {
	d := &Dict{values: make(map[string]any)}
	for i := 0; i+1 < len(pairs); i += 2 {
		d.set(fmt.Sprint(pairs[i]), pairs[i+1])
	}
	return d
}

func (d *Dict) set(key string, value any) {
	if _, ok := d.values[key]; !ok {
		d.keys = append(d.keys, key)
	}
	d.values[key] = value
}

// namespace is a dictionary whose attributes can be set from inner scopes.
type namespace struct{ *Dict }

func copyNamed(named map[string]any) *Dict {
	d := NewDict()
	for _, key := range slices.Sorted(maps.Keys(named)) {
		d.set(key, named[key])
	}
	return d
}

// fromGo turns what a caller passes into a value.
func fromGo(v any, depth int) (any, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("nested more than %d deep", maxNesting)
	}
	switch v := v.(type) {
	case nil, bool, int, float64, string, Func, undefined:
		return v, nil
	case func([]any, map[string]any) (any, error):
		return Func(v), nil
	case *Dict:
		return v, nil
	}
	r := reflect.ValueOf(v)
	switch {
	case r.CanInt():
		return int(r.Int()), nil
	case r.CanUint():
		return int(r.Uint()), nil
	case r.CanFloat():
		return r.Float(), nil
	case r.Kind() == reflect.Slice:
		list := make([]any, r.Len())
		var err error
		for i := 0; i < len(list) && err == nil; i++ {
			list[i], err = fromGo(r.Index(i).Interface(), depth+1)
		}
		return list, err
	case r.Kind() == reflect.Map && r.Type().Key().Kind() == reflect.String:
		return fromMap(r, depth)
	}
	return nil, fmt.Errorf("values of type %T are not supported", v)
}

func fromMap(r reflect.Value, depth int) (any, error) {
	keys := r.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	d := NewDict()
	for _, k := range keys {
		v, err := fromGo(r.MapIndex(k).Interface(), depth+1)
		if err != nil {
			return nil, err
		}
		d.set(k.String(), v)
	}
	return d, nil
}

func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case undefined:
		return fmt.Sprintf("%q, which is undefined", v.name)
	case bool:
		return "a boolean"
	case int, float64:
		return "a number"
	case string:
		return "a string"
	case []any:
		return "a list"
	case *Dict, *namespace:
		return "a dictionary"
	case *loopState:
		return "a loop"
	}
	return "a function"
}

func isTrue(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case *Dict:
		return len(v.keys) > 0
	}
	return true
}

// toString is Python's str.
func toString(v any) string {
	switch v := v.(type) {
	case undefined:
		return ""
	case string:
		return v
	}
	return repr(v, 0)
}

// repr is Python's repr.
func repr(v any, depth int) string {
	if depth > maxNesting {
		return "…"
	}
	switch v := v.(type) {
	case nil:
		return "None"
	case undefined:
		return "Undefined"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int:
		return strconv.Itoa(v)
	case float64:
		return floatRepr(v)
	case string:
		return stringRepr(v)
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = repr(v[i], depth+1)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case *namespace:
		return repr(v.Dict, depth)
	case *Dict:
		parts := make([]string, len(v.keys))
		for i, k := range v.keys {
			parts[i] = stringRepr(k) + ": " + repr(v.values[k], depth+1)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return "<function>"
}

// floatRepr writes the shortest form that reads back, with an exponent from 1e16 up and below 1e-4, as Python does.
func floatRepr(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func stringRepr(s string) string {
	quote := "'"
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = `"`
	}
	var b strings.Builder
	b.WriteString(quote)
	for _, r := range s {
		switch {
		case string(r) == quote || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case !unicode.IsPrint(r) && r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		case !unicode.IsPrint(r) && r > 0xff:
			fmt.Fprintf(&b, `\u%04x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + quote
}

// toInt reads an integer; booleans count as 0 and 1.
func toInt(v any) (int, bool) {
	switch v := v.(type) {
	case int:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

func toFloat(v any) (float64, bool) {
	if f, ok := v.(float64); ok {
		return f, true
	}
	n, ok := toInt(v)
	return float64(n), ok
}

// elements returns what a loop goes over: the elements of a list, the keys of a dictionary, the characters of a string, nothing
// of what is undefined.
func elements(v any) ([]any, error) {
	var list []any
	switch v := v.(type) {
	case undefined:
		return nil, nil
	case []any:
		return v, nil
	case *Dict:
		for _, k := range v.keys {
			list = append(list, k)
		}
		return list, nil
	case string:
		for _, r := range v {
			list = append(list, string(r))
		}
		return list, nil
	}
	return nil, fmt.Errorf("cannot go over %s", kindOf(v))
}

// length is Python's len.
func length(v any) (int, error) {
	if s, ok := v.(string); ok {
		return len([]rune(s)), nil
	}
	list, err := elements(v)
	return len(list), err
}
