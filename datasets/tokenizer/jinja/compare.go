package jinja

import (
	"fmt"
	"strings"
)

// equal is Python's ==.
func equal(a, b any) bool {
	if x, ok := toFloat(a); ok {
		y, ok := toFloat(b)
		return ok && x == y
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case string:
		s, ok := b.(string)
		return ok && a == s
	case undefined:
		_, ok := b.(undefined)
		return ok
	case []any:
		list, ok := b.([]any)
		if !ok || len(a) != len(list) {
			return false
		}
		for i := range a {
			if !equal(a[i], list[i]) {
				return false
			}
		}
		return true
	case *Dict:
		d, ok := b.(*Dict)
		if !ok || len(a.keys) != len(d.keys) {
			return false
		}
		for k, v := range a.values {
			if w, ok := d.values[k]; !ok || !equal(v, w) {
				return false
			}
		}
		return true
	}
	return false
}

// compare orders numbers, strings and lists.
func compare(a, b any) (int, error) {
	if x, ok := toFloat(a); ok {
		if y, ok := toFloat(b); ok {
			switch {
			case x < y:
				return -1, nil
			case x > y:
				return 1, nil
			}
			return 0, nil
		}
	}
	if s, ok := a.(string); ok {
		if t, ok := b.(string); ok {
			return strings.Compare(s, t), nil
		}
	}
	if s, ok := a.([]any); ok {
		if t, ok := b.([]any); ok {
			for i := 0; i < min(len(s), len(t)); i++ {
				if c, err := compare(s[i], t[i]); c != 0 || err != nil {
					return c, err
				}
			}
			return len(s) - len(t), nil
		}
	}
	return 0, fmt.Errorf("cannot order %s and %s", kindOf(a), kindOf(b))
}

func ordered(op string, a, b any) (any, error) {
	c, err := compare(a, b)
	if err != nil {
		return nil, err
	}
	switch op {
	case "<":
		return c < 0, nil
	case "<=":
		return c <= 0, nil
	case ">":
		return c > 0, nil
	}
	return c >= 0, nil
}

// contains is Python's in.
func contains(in, v any) (any, error) {
	switch in := in.(type) {
	case string:
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("%s in a string", kindOf(v))
		}
		return strings.Contains(in, s), nil
	case *Dict:
		s, ok := v.(string)
		_, found := in.values[s]
		return ok && found, nil
	}
	list, err := elements(in)
	for _, e := range list {
		if equal(e, v) {
			return true, nil
		}
	}
	return false, err
}
