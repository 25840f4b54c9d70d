package jinja

import (
	"fmt"
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
