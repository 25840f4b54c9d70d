package jinja

import "fmt"

// item returns the value of a key, of an attribute, or at an index, undefined where there is none.
func item(v, key any) (any, error) {
	switch v := v.(type) {
	case undefined:
		return nil, fmt.Errorf("%s has no item %s", kindOf(v), repr(key, 0))
	case *namespace:
		return item(v.Dict, key)
	case *loopState:
		return v.get(toString(key)), nil
	case *Dict:
		if found, ok := v.values[toString(key)]; ok {
			return found, nil
		}
	case []any:
		if i, ok := index(key, len(v)); ok {
			return v[i], nil
		}
	case string:
		chars := []rune(v)
		if i, ok := index(key, len(chars)); ok {
			return string(chars[i]), nil
		}
	}
	return undefined{toString(key)}, nil
}

// index counts from the end where it is negative.
func index(key any, n int) (int, bool) {
	i, ok := key.(int)
	if i < 0 {
		i += n
	}
	return i, ok && i >= 0 && i < n
}

func subscripted(of, key expression) expression {
	return func(r *run, s *scope) (any, error) {
		v, err := of(r, s)
		if _, isString := v.(string); isString && err == nil {
			err = r.charge(v)
		}
		if err != nil {
			return nil, err
		}
		k, err := key(r, s)
		if err != nil {
			return nil, err
		}
		return item(v, k)
	}
}

// sliced is v[start:stop:step].
func sliced(of expression, bounds [3]expression) expression {
	return func(r *run, s *scope) (any, error) {
		v, err := of(r, s)
		if err == nil {
			err = r.charge(v)
		}
		if err != nil {
			return nil, err
		}
		var at [3]*int
		for i, e := range bounds {
			if e == nil {
				continue
			}
			b, err := e(r, s)
			if err != nil {
				return nil, err
			}
			if n, ok := toInt(b); ok {
				at[i] = &n
			} else if b != nil {
				return nil, fmt.Errorf("a slice from or to %s", kindOf(b))
			}
		}
		return slice(v, at[0], at[1], at[2])
	}
}

func slice(v any, start, stop, step *int) (any, error) {
	if text, ok := v.(string); ok {
		var out []rune
		chars := []rune(text)
		err := eachIndex(len(chars), start, stop, step, func(i int) { out = append(out, chars[i]) })
		return string(out), err
	}
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("cannot slice %s", kindOf(v))
	}
	out := []any{}
	err := eachIndex(len(list), start, stop, step, func(i int) { out = append(out, list[i]) })
	return out, err
}

// eachIndex calls take for the indices of a slice of n elements, as Python counts them.
func eachIndex(n int, start, stop, step *int, take func(int)) error {
	by := 1
	if step != nil {
		by = *step
	}
	if by == 0 {
		return fmt.Errorf("a slice with step 0")
	}
	by = min(max(by, -n-1), n+1) // beyond that every step leaves the list
	from, to := 0, n
	if by < 0 {
		from, to = n-1, -1
	}
	clamp := func(i, low, high int) int {
		if i < 0 {
			i += n
		}
		return min(max(i, low), high)
	}
	low, high := 0, n
	if by < 0 {
		low, high = -1, n-1
	}
	if start != nil {
		from = clamp(*start, low, high)
	}
	if stop != nil {
		to = clamp(*stop, low, high)
	}
	for i := from; by > 0 && i < to || by < 0 && i > to; i += by {
		take(i)
	}
	return nil
}
