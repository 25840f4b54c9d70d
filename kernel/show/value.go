package show

import (
	"fmt"
	"math"
	"reflect"
	"time"
)

// Estimate is a number with its uncertainty (a standard error, or the spread over seeds), written 7.96 ± 0.04.
type Estimate struct{ Value, Spread float64 }

// absent is what stands for a value that was not measured.
const absent = "–"

// number returns the quantity behind a cell of a table, if it is one. Pointers are followed.
func number(v any) (Estimate, bool) {
	switch v := v.(type) {
	case Estimate:
		return v, true
	case time.Duration, time.Time, nil:
		return Estimate{}, false
	case fmt.Stringer, error:
		return Estimate{}, false
	}
	r := reflect.ValueOf(v)
	for r.Kind() == reflect.Pointer && !r.IsNil() {
		r = r.Elem()
	}
	none := math.NaN()
	switch {
	case r.CanFloat():
		return Estimate{r.Float(), none}, true
	case r.CanInt():
		return Estimate{float64(r.Int()), none}, true
	case r.CanUint():
		return Estimate{float64(r.Uint()), none}, true
	}
	if e, ok := r.Interface().(Estimate); ok {
		return e, true
	}
	return Estimate{}, false
}

// words writes what is not a number. Package fmt catches a value's own method when it panics.
func words(v any) string {
	if r := reflect.ValueOf(v); !r.IsValid() || (r.Kind() == reflect.Pointer && r.IsNil()) {
		return absent
	}
	switch v := v.(type) {
	case time.Duration:
		return elapsed(v)
	case time.Time:
		return v.Format("2006-01-02 15:04:05")
	case bool:
		if v {
			return "yes"
		}
		return "no"
	}
	_, speaks := v.(fmt.Stringer)
	_, fails := v.(error)
	if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && !speaks && !fails {
		return words(r.Elem().Interface())
	}
	return fmt.Sprint(v)
}

// column returns how the values of one column are written, numbers with the same digits.
func (f Format) column(values []any) func(any) string {
	var plain []float64
	for _, v := range values {
		if n, ok := number(v); ok {
			plain = append(plain, n.Value)
		}
	}
	write := f.writer(plain)
	return func(v any) string {
		n, ok := number(v)
		switch {
		case !ok:
			return words(v)
		case math.IsNaN(n.Spread):
			return write(n.Value)
		}
		return write(n.Value) + " ± " + write(n.Spread)
	}
}
