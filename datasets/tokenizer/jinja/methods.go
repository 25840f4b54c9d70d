package jinja

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// callMethod calls a method of a value, or what a dictionary holds under that name.
func callMethod(r *run, s *scope, v any, title string, a arguments) (any, error) {
	if err := r.charge(v); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case string:
		if m, ok := stringMethods[title]; ok {
			args, named, err := a.evaluate(r, s)
			if err != nil {
				return nil, err
			}
			out, err := m(v, args, named)
			if err != nil {
				return nil, fmt.Errorf("method %s: %w", title, err)
			}
			return out, nil
		}
	case *namespace:
		return callMethod(r, s, v.Dict, title, a)
	case *loopState:
		return call(r, s, v.get(title), a)
	case *Dict:
		if f, ok := v.values[title].(Func); ok {
			return call(r, s, f, a)
		}
		args, named, err := a.evaluate(r, s)
		if err != nil {
			return nil, err
		}
		return dictMethod(v, title, args, named)
	case []any:
		args, _, err := a.evaluate(r, s)
		if err != nil {
			return nil, err
		}
		return listMethod(v, title, args)
	}
	return nil, fmt.Errorf("%s has no method %s that is supported", kindOf(v), title)
}

func dictMethod(d *Dict, title string, args []any, named map[string]any) (any, error) {
	switch title {
	case "items":
		return pairsOf(d), nil
	case "keys":
		return elements(d)
	case "values":
		list := make([]any, len(d.keys))
		for i, k := range d.keys {
			list[i] = d.values[k]
		}
		return list, nil
	case "get":
		if len(args) == 0 {
			return nil, errors.New("method get: expected a key")
		}
		if v, ok := d.values[toString(args[0])]; ok {
			return v, nil
		}
		return argument(args, named, 1, "default", nil), nil
	}
	return nil, fmt.Errorf("a dictionary has no method %s that is supported", title)
}

func listMethod(list []any, title string, args []any) (any, error) {
	if title != "index" && title != "count" || len(args) != 1 {
		return nil, fmt.Errorf("a list has no method %s that is supported: templates cannot change lists", title)
	}
	count := 0
	for i, e := range list {
		if !equal(e, args[0]) {
			continue
		}
		if count++; title == "index" {
			return i, nil
		}
	}
	if title == "index" {
		return nil, fmt.Errorf("%s is not in the list", repr(args[0], 0))
	}
	return count, nil
}

// method is a function of a string.
type method func(s string, args []any, named map[string]any) (any, error)

// stringMethods by name.
var stringMethods = map[string]method{
	"strip":      stripper(strings.Trim, strings.TrimFunc),
	"lstrip":     stripper(strings.TrimLeft, strings.TrimLeftFunc),
	"rstrip":     stripper(strings.TrimRight, strings.TrimRightFunc),
	"startswith": affix(strings.HasPrefix), "endswith": affix(strings.HasSuffix),
	"removeprefix": oneString(func(s, t string) any { return strings.TrimPrefix(s, t) }),
	"removesuffix": oneString(func(s, t string) any { return strings.TrimSuffix(s, t) }),
	"find":         oneString(func(s, t string) any { return charIndex(s, strings.Index(s, t)) }),
	"rfind":        oneString(func(s, t string) any { return charIndex(s, strings.LastIndex(s, t)) }),
	"count":        oneString(func(s, t string) any { return strings.Count(s, t) }),
	"upper":        noArguments(func(s string) any { return strings.ToUpper(s) }),
	"lower":        noArguments(func(s string) any { return strings.ToLower(s) }),
	"title":        noArguments(func(s string) any { return titleCase(s) }),
	"capitalize":   noArguments(func(s string) any { return capitalize(s) }),
	"isdigit":      noArguments(func(s string) any { return all(s, unicode.IsDigit) }),
	"isalpha":      noArguments(func(s string) any { return all(s, unicode.IsLetter) }),
	"isspace":      noArguments(func(s string) any { return all(s, unicode.IsSpace) }),
	"splitlines":   noArguments(func(s string) any { return splitLines(s) }),
	"split":        split, "rsplit": rsplit, "replace": replaceMethod, "join": joinMethod,
}

func noArguments(f func(string) any) method {
	return func(s string, args []any, _ map[string]any) (any, error) {
		if len(args) > 0 {
			return nil, errors.New("arguments are not supported")
		}
		return f(s), nil
	}
}

func oneString(f func(s, t string) any) method {
	return func(s string, args []any, _ map[string]any) (any, error) {
		if len(args) != 1 {
			return nil, fmt.Errorf("expected one argument, found %d", len(args))
		}
		t, ok := args[0].(string)
		if !ok {
			return nil, fmt.Errorf("expected a string, found %s", kindOf(args[0]))
		}
		return f(s, t), nil
	}
}

// stripper removes white space, or the characters of its argument, from the ends.
func stripper(chars func(s, cutset string) string, space func(string, func(rune) bool) string) method {
	return func(s string, args []any, named map[string]any) (any, error) {
		set := argument(args, named, 0, "chars", nil)
		if set == nil {
			return space(s, unicode.IsSpace), nil
		}
		return chars(s, toString(set)), nil
	}
}

// affix tests for a string or for one of several.
func affix(has func(s, t string) bool) method {
	return func(s string, args []any, _ map[string]any) (any, error) {
		if len(args) != 1 {
			return nil, fmt.Errorf("expected one argument, found %d", len(args))
		}
		list, ok := args[0].([]any)
		if !ok {
			list = args
		}
		for _, t := range list {
			t, ok := t.(string)
			if !ok {
				return nil, errors.New("expected strings")
			}
			if has(s, t) {
				return true, nil
			}
		}
		return false, nil
	}
}

// charIndex turns a place in bytes into one in characters; -1 stays.
func charIndex(s string, at int) int {
	if at < 0 {
		return at
	}
	return len([]rune(s[:at]))
}

func all(s string, is func(rune) bool) bool {
	for _, r := range s {
		if !is(r) {
			return false
		}
	}
	return s != ""
}

func splitLines(s string) []any {
	list := []any{}
	for line := range strings.Lines(strings.ReplaceAll(s, "\r\n", "\n")) {
		list = append(list, strings.TrimSuffix(line, "\n"))
	}
	return list
}

// separator reads the arguments of split: a string, nil for white space, and the number of cuts, -1 for all.
func separator(args []any, named map[string]any) (by string, space bool, cuts int, err error) {
	cuts, isInt := toInt(argument(args, named, 1, "maxsplit", -1))
	sep := argument(args, named, 0, "sep", nil)
	by, isString := sep.(string)
	switch {
	case !isInt:
		err = errors.New("expected a number of cuts")
	case sep == nil:
		space = true
	case !isString || by == "":
		err = fmt.Errorf("expected a string that is not empty, found %s", repr(sep, 0))
	}
	return by, space, cuts, err
}

func split(s string, args []any, named map[string]any) (any, error) {
	by, space, cuts, err := separator(args, named)
	if err != nil {
		return nil, err
	}
	if !space {
		if cuts >= 0 {
			cuts++
		}
		return anyList(strings.SplitN(s, by, cuts)), nil
	}
	list := []any{}
	for s = strings.TrimLeftFunc(s, unicode.IsSpace); s != ""; s = strings.TrimLeftFunc(s, unicode.IsSpace) {
		i := strings.IndexFunc(s, unicode.IsSpace)
		if i < 0 || cuts == 0 {
			return append(list, s), nil
		}
		list, s = append(list, s[:i]), s[i:]
		cuts--
	}
	return list, nil
}

func rsplit(s string, args []any, named map[string]any) (any, error) {
	by, space, cuts, err := separator(args, named)
	if err == nil && space {
		err = errors.New("rsplit at white space is not supported")
	}
	if err != nil {
		return nil, err
	}
	parts := strings.Split(s, by)
	if cuts >= 0 && len(parts) > cuts+1 {
		joined := strings.Join(parts[:len(parts)-cuts], by)
		parts = append([]string{joined}, parts[len(parts)-cuts:]...)
	}
	return anyList(parts), nil
}

func anyList(parts []string) []any {
	list := make([]any, len(parts))
	for i, p := range parts {
		list[i] = p
	}
	return list
}

func replaceMethod(s string, args []any, named map[string]any) (any, error) {
	if len(args) < 2 {
		return nil, errors.New("expected two strings and at most a count")
	}
	from, to := toString(args[0]), toString(args[1])
	count, ok := toInt(argument(args, named, 2, "count", -1))
	if !ok {
		return nil, errors.New("expected a number as count")
	}
	if n := strings.Count(s, from); len(to) > 0 && n > maxText/len(to) {
		return nil, fmt.Errorf("a string of more than %d bytes", maxText)
	}
	return bounded(strings.Replace(s, from, to, count))
}

func joinMethod(s string, args []any, named map[string]any) (any, error) {
	if len(args) != 1 {
		return nil, errors.New("expected one list")
	}
	return joinFilter(nil, args[0], []any{s}, named)
}

// titleCase makes the first letter of each word upper case and the others lower case.
func titleCase(s string) string {
	inWord := false
	return strings.Map(func(r rune) rune {
		was := inWord
		if inWord = unicode.IsLetter(r); inWord && !was {
			return unicode.ToTitle(r)
		}
		return unicode.ToLower(r)
	}, s)
}

func capitalize(s string) string {
	first := true
	return strings.Map(func(r rune) rune {
		if first {
			first = false
			return unicode.ToTitle(r)
		}
		return unicode.ToLower(r)
	}, s)
}
