package jinja

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// binary applies an operator to two values, as Python does.
func binary(op string, a, b any) (any, error) {
	switch op {
	case "==":
		return equal(a, b), nil
	case "!=":
		return !equal(a, b), nil
	case "<", "<=", ">", ">=":
		return ordered(op, a, b)
	case "in":
		return contains(b, a)
	case "~":
		return bounded(toString(a) + toString(b))
	case "+":
		if v, ok, err := concatenated(a, b); ok {
			return v, err
		}
	case "*":
		if v, ok, err := repeated(a, b); ok {
			return v, err
		}
	case "%":
		if s, ok := a.(string); ok {
			return formatted(s, b)
		}
	}
	return arithmetic(op, a, b)
}

func bounded(s string) (any, error) {
	if len(s) > maxText {
		return nil, fmt.Errorf("a string of more than %d bytes", maxText)
	}
	return s, nil
}

func concatenated(a, b any) (any, bool, error) {
	if s, ok := a.(string); ok {
		if t, ok := b.(string); ok {
			v, err := bounded(s + t)
			return v, true, err
		}
	}
	if s, ok := a.([]any); ok {
		if t, ok := b.([]any); ok {
			if len(s)+len(t) > maxRange {
				return nil, true, fmt.Errorf("a list of more than %d elements", maxRange)
			}
			return append(append([]any{}, s...), t...), true, nil
		}
	}
	return nil, false, nil
}

func repeated(a, b any) (any, bool, error) {
	s, ok := a.(string)
	n, isInt := toInt(b)
	if !ok {
		s, ok = b.(string)
		n, isInt = toInt(a)
	}
	if !ok || !isInt {
		return nil, false, nil
	}
	if n > 0 && len(s) > maxText/n {
		return nil, true, fmt.Errorf("a string of more than %d bytes", maxText)
	}
	return strings.Repeat(s, max(0, n)), true, nil
}

func arithmetic(op string, a, b any) (any, error) {
	x, ok1 := toFloat(a)
	y, ok2 := toFloat(b)
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("%s between %s and %s", op, kindOf(a), kindOf(b))
	}
	if y == 0 && (op == "/" || op == "//" || op == "%") {
		return nil, errors.New("division by zero")
	}
	i, int1 := toInt(a)
	j, int2 := toInt(b)
	if int1 && int2 && op != "/" && !(op == "**" && j < 0) {
		return integers(op, i, j)
	}
	switch op {
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "*":
		return x * y, nil
	case "/":
		return x / y, nil
	case "//":
		return math.Floor(x / y), nil
	case "%":
		return x - y*math.Floor(x/y), nil
	}
	return math.Pow(x, y), nil
}

// integers computes with whole numbers; // and % round down.
func integers(op string, i, j int) (any, error) {
	switch op {
	case "+":
		return i + j, nil
	case "-":
		return i - j, nil
	case "*":
		return i * j, nil
	case "//", "%":
		q, m := i/j, i%j
		if m != 0 && (m < 0) != (j < 0) {
			q, m = q-1, m+j
		}
		if op == "%" {
			return m, nil
		}
		return q, nil
	}
	p := math.Pow(float64(i), float64(j))
	if math.Abs(p) > 1<<53 {
		return nil, fmt.Errorf("%d ** %d is too large", i, j)
	}
	return int(p), nil
}

// formatted is the operator % of strings, with %s, %d, %r, %f and %.2f.
func formatted(format string, args any) (any, error) {
	list, ok := args.([]any)
	if !ok {
		list = []any{args}
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		j := i + 1
		for j < len(format) && (format[j] == '.' || format[j] >= '0' && format[j] <= '9') {
			j++
		}
		switch {
		case j >= len(format):
			return nil, errors.New("a format ends in %")
		case format[j] == '%':
			b.WriteByte('%')
		case len(list) == 0:
			return nil, errors.New("too few arguments for a format")
		default:
			s, err := formatOne(format[i+1:j], format[j], list[0])
			if err != nil {
				return nil, err
			}
			b.WriteString(s)
			list = list[1:]
		}
		i = j
	}
	if len(list) > 0 && ok {
		return nil, errors.New("too many arguments for a format")
	}
	return bounded(b.String())
}

func formatOne(width string, verb byte, v any) (string, error) {
	if len(width) > 4 {
		return "", fmt.Errorf("%%%s%c in a format", width, verb)
	}
	n, isNumber := toFloat(v)
	switch {
	case verb == 's' && width == "":
		return toString(v), nil
	case verb == 'r' && width == "":
		return repr(v, 0), nil
	case (verb == 'd' || verb == 'i') && isNumber:
		return fmt.Sprintf("%"+width+"d", int(n)), nil
	case verb == 'f' && isNumber:
		return fmt.Sprintf("%"+width+"f", n), nil
	}
	return "", fmt.Errorf("%%%s%c of %s in a format", width, verb, kindOf(v))
}
