package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Filters of lists and dictionaries.

func lengthFilter(_ *run, v any, _ []any, _ map[string]any) (any, error) { return length(v) }

func listFilter(_ *run, v any, _ []any, _ map[string]any) (any, error) {
	list, err := elements(v)
	return append([]any{}, list...), err
}

// endFilter returns the first or the last element.
func endFilter(at int) filter {
	return func(_ *run, v any, _ []any, _ map[string]any) (any, error) {
		list, err := elements(v)
		if err != nil {
			return nil, err
		}
		return item(append([]any{}, list...), at)
	}
}

func joinFilter(_ *run, v any, args []any, named map[string]any) (any, error) {
	list, err := elements(v)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	between := toString(argument(args, named, 0, "d", ""))
	attribute := argument(args, named, 1, "attribute", nil)
	for i, e := range list {
		if attribute != nil {
			if e, err = item(e, attribute); err != nil {
				return nil, err
			}
		}
		if i > 0 {
			b.WriteString(between)
		}
		b.WriteString(toString(e))
		if b.Len() > maxText {
			break
		}
	}
	return bounded(b.String())
}

func defaultFilter(_ *run, v any, args []any, named map[string]any) (any, error) {
	_, missing := v.(undefined)
	if missing || !isTrue(v) && isTrue(argument(args, named, 1, "boolean", false)) {
		return argument(args, named, 0, "default_value", ""), nil
	}
	return v, nil
}

// mapFilter applies a filter to each element, or takes an attribute of each.
func mapFilter(r *run, v any, args []any, named map[string]any) (any, error) {
	list, err := elements(v)
	if err != nil {
		return nil, err
	}
	attribute, isAttribute := named["attribute"]
	var f filter
	if !isAttribute {
		if len(args) == 0 {
			return nil, errors.New("expected a filter or an attribute")
		}
		var ok bool
		if f, ok = filters[toString(args[0])]; !ok {
			return nil, fmt.Errorf("filter %s is not supported", repr(args[0], 0))
		}
	}
	out := make([]any, len(list))
	for i, e := range list {
		if isAttribute {
			out[i], err = path(e, toString(attribute))
			if _, missing := out[i].(undefined); missing && named["default"] != nil {
				out[i] = named["default"]
			}
		} else {
			out[i], err = f(r, e, args[1:], named)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// path follows attributes with dots between.
func path(v any, attributes string) (any, error) {
	for _, a := range strings.Split(attributes, ".") {
		var key any = a
		if n, err := strconv.Atoi(a); err == nil {
			key = n
		}
		var err error
		if v, err = item(v, key); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// chooseFilter keeps the elements whose test, or the test of whose attribute, is as wanted.
func chooseFilter(wanted, attribute bool) filter {
	return func(_ *run, v any, args []any, _ map[string]any) (any, error) {
		list, err := elements(v)
		if err != nil {
			return nil, err
		}
		out := []any{}
		for _, e := range list {
			subject, rest := e, args
			if attribute {
				if len(args) == 0 {
					return nil, errors.New("expected an attribute")
				}
				if subject, err = path(e, toString(args[0])); err != nil {
					return nil, err
				}
				rest = args[1:]
			}
			holds := isTrue(subject)
			if len(rest) > 0 {
				t, ok := tests[toString(rest[0])]
				if !ok {
					return nil, fmt.Errorf("test %s is not supported", repr(rest[0], 0))
				}
				if holds, err = t(subject, rest[1:]); err != nil {
					return nil, err
				}
			}
			if holds == wanted {
				out = append(out, e)
			}
		}
		return out, nil
	}
}

func itemsFilter(_ *run, v any, _ []any, _ map[string]any) (any, error) {
	switch v := v.(type) {
	case undefined:
		return []any{}, nil
	case *Dict:
		return pairsOf(v), nil
	}
	return nil, fmt.Errorf("of %s", kindOf(v))
}

func pairsOf(d *Dict) []any {
	list := make([]any, len(d.keys))
	for i, k := range d.keys {
		list[i] = []any{k, d.values[k]}
	}
	return list
}

func dictsortFilter(_ *run, v any, _ []any, _ map[string]any) (any, error) {
	d, ok := v.(*Dict)
	if !ok {
		return nil, fmt.Errorf("of %s", kindOf(v))
	}
	list := pairsOf(d)
	slices.SortStableFunc(list, func(a, b any) int {
		return strings.Compare(strings.ToLower(a.([]any)[0].(string)), strings.ToLower(b.([]any)[0].(string)))
	})
	return list, nil
}

func sortFilter(_ *run, v any, args []any, named map[string]any) (any, error) {
	list, err := elements(v)
	if err != nil {
		return nil, err
	}
	list = append([]any{}, list...)
	attribute := argument(args, named, 2, "attribute", nil)
	sensitive := isTrue(argument(args, named, 1, "case_sensitive", false))
	key := func(e any) any {
		if attribute != nil {
			e, err = path(e, toString(attribute))
		}
		if s, ok := e.(string); ok && !sensitive {
			return strings.ToLower(s)
		}
		return e
	}
	slices.SortStableFunc(list, func(a, b any) int {
		c, wrong := compare(key(a), key(b))
		if wrong != nil {
			err = wrong
		}
		return c
	})
	if isTrue(argument(args, named, 0, "reverse", false)) {
		slices.Reverse(list)
	}
	return list, err
}

func reverseFilter(_ *run, v any, _ []any, _ map[string]any) (any, error) {
	by := -1
	if s, ok := v.(string); ok {
		return slice(s, nil, nil, &by)
	}
	list, err := elements(v)
	if err != nil {
		return nil, err
	}
	return slice(append([]any{}, list...), nil, nil, &by)
}

func uniqueFilter(_ *run, v any, _ []any, _ map[string]any) (any, error) {
	list, err := elements(v)
	out := []any{}
	seen := make(map[string]bool)
	for _, e := range list {
		key := repr(e, 0)
		if f, ok := toFloat(e); ok {
			key = floatRepr(f)
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, e)
		}
	}
	return out, err
}

func extremeFilter(wanted int) filter {
	return func(_ *run, v any, _ []any, _ map[string]any) (any, error) {
		list, err := elements(v)
		if err != nil || len(list) == 0 {
			return undefined{"an element of nothing"}, err
		}
		best := list[0]
		for _, e := range list[1:] {
			c, err := compare(e, best)
			if err != nil {
				return nil, err
			}
			if c*wanted > 0 {
				best = e
			}
		}
		return best, nil
	}
}

func sumFilter(_ *run, v any, args []any, named map[string]any) (any, error) {
	list, err := elements(v)
	var total any = 0
	for _, e := range list {
		if a := argument(args, named, 0, "attribute", nil); a != nil && err == nil {
			e, err = path(e, toString(a))
		}
		if err == nil {
			total, err = binary("+", total, e)
		}
	}
	return total, err
}
