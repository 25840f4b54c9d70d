package jinja

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// filtered reads filters, tests, and calls of what they give.
func (w *words) filtered(e expression) (expression, error) {
	for {
		var err error
		switch {
		case w.take("|"):
			e, err = w.filter(e)
		case w.peek().kind == name && w.take("is"):
			e, err = w.test(e)
		case w.peek().kind == sign && w.take("("):
			e, err = w.call(e)
		default:
			return e, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// filter is a function of a value and arguments.
type filter func(r *run, v any, args []any, named map[string]any) (any, error)

func (w *words) filter(e expression) (expression, error) {
	title, err := w.name()
	if err != nil {
		return nil, err
	}
	f, ok := filters[title]
	if !ok {
		return nil, fmt.Errorf("filter %q is not supported", title)
	}
	var a arguments
	if w.take("(") {
		if a, err = w.arguments(); err != nil {
			return nil, err
		}
	}
	return func(r *run, s *scope) (any, error) {
		v, err := e(r, s)
		if err == nil {
			err = r.charge(v)
		}
		if err != nil {
			return nil, err
		}
		args, named, err := a.evaluate(r, s)
		if err != nil {
			return nil, err
		}
		if v, err = f(r, v, args, named); err != nil {
			return nil, fmt.Errorf("filter %s: %w", title, err)
		}
		return v, nil
	}, nil
}

// filterTag is {% filter upper %}…{% endfilter %}.
func (p *parser) filterTag(w *words) (statement, error) {
	var body []statement
	captured := func(r *run, s *scope) (any, error) { return r.capture(body, newScope(s)) }
	e, err := w.filter(captured)
	if err == nil {
		e, err = w.filtered(e)
	}
	if err != nil {
		return nil, err
	}
	if w.at < len(w.list) {
		return nil, fmt.Errorf("unexpected %q", w.peek().text)
	}
	body, _, err = p.block("endfilter")
	return print(e), err
}

// filters by name. It is filled when the program starts, for map and select look filters up themselves.
var filters map[string]filter

func init() {
	filters = map[string]filter{
		"length": lengthFilter, "count": lengthFilter, "first": endFilter(0), "last": endFilter(-1),
		"list": listFilter, "join": joinFilter, "default": defaultFilter, "d": defaultFilter, "tojson": jsonFilter,
		"map": mapFilter, "select": chooseFilter(true, false), "reject": chooseFilter(false, false),
		"selectattr": chooseFilter(true, true), "rejectattr": chooseFilter(false, true),
		"items": itemsFilter, "dictsort": dictsortFilter, "sort": sortFilter, "reverse": reverseFilter, "unique": uniqueFilter,
		"min": extremeFilter(-1), "max": extremeFilter(1), "sum": sumFilter,
		"int": intFilter, "float": floatFilter, "abs": absFilter, "round": roundFilter,
		"string": textFilter(func(s string) string { return s }), "safe": textFilter(func(s string) string { return s }),
		"upper": textFilter(strings.ToUpper), "lower": textFilter(strings.ToLower), "title": textFilter(titleCase),
		"capitalize": textFilter(capitalize), "escape": textFilter(escapeHTML), "e": textFilter(escapeHTML),
		"trim": viaMethod("strip"), "replace": viaMethod("replace"), "indent": indentFilter,
	}
}

func textFilter(f func(string) string) filter {
	return func(_ *run, v any, _ []any, _ map[string]any) (any, error) { return f(toString(v)), nil }
}

func viaMethod(title string) filter {
	return func(_ *run, v any, args []any, named map[string]any) (any, error) {
		return stringMethods[title](toString(v), args, named)
	}
}

// argument returns the i-th argument or the one with this name, otherwise if there is none.
func argument(args []any, named map[string]any, i int, name string, otherwise any) any {
	if i < len(args) {
		return args[i]
	}
	if v, ok := named[name]; ok {
		return v
	}
	return otherwise
}

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

func intFilter(_ *run, v any, args []any, named map[string]any) (any, error) {
	if f, ok := toFloat(v); ok {
		return int(f), nil
	}
	if f, err := strconv.ParseFloat(strings.TrimSpace(toString(v)), 64); err == nil {
		return int(f), nil
	}
	return argument(args, named, 0, "default", 0), nil
}

func floatFilter(_ *run, v any, args []any, named map[string]any) (any, error) {
	if f, ok := toFloat(v); ok {
		return f, nil
	}
	if f, err := strconv.ParseFloat(strings.TrimSpace(toString(v)), 64); err == nil {
		return f, nil
	}
	return argument(args, named, 0, "default", 0.0), nil
}

func absFilter(_ *run, v any, _ []any, _ map[string]any) (any, error) {
	if n, ok := v.(int); ok {
		return max(n, -n), nil
	}
	f, ok := toFloat(v)
	if !ok {
		return nil, fmt.Errorf("of %s", kindOf(v))
	}
	return math.Abs(f), nil
}

func roundFilter(_ *run, v any, args []any, named map[string]any) (any, error) {
	f, ok := toFloat(v)
	digits, isInt := toInt(argument(args, named, 0, "precision", 0))
	if !ok || !isInt || len(args) > 1 {
		return nil, fmt.Errorf("of %s to %s", kindOf(v), repr(args, 0))
	}
	scale := math.Pow(10, float64(digits))
	return math.RoundToEven(f*scale) / scale, nil
}

// indentFilter puts blanks before every line but the first, empty lines left alone.
func indentFilter(_ *run, v any, args []any, named map[string]any) (any, error) {
	blanks := "    "
	switch width := argument(args, named, 0, "width", 4).(type) {
	case int:
		blanks = strings.Repeat(" ", min(max(width, 0), 1000))
	case string:
		blanks = width
	}
	lines := strings.Split(toString(v), "\n")
	for i := range lines {
		first := i == 0 && !isTrue(argument(args, named, 1, "first", false))
		if empty := lines[i] == "" && !isTrue(argument(args, named, 2, "blank", false)); !first && !empty {
			lines[i] = blanks + lines[i]
		}
	}
	return bounded(strings.Join(lines, "\n"))
}

func escapeHTML(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;").Replace(s)
}
