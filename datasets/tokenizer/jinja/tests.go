package jinja

import (
	"errors"
	"fmt"
	"strings"
)

// test tells something of a value.
type test func(v any, args []any) (bool, error)

// test reads what follows "is".
func (w *words) test(e expression) (expression, error) {
	negated := w.take("not")
	title, err := w.name()
	if err != nil {
		return nil, err
	}
	t, ok := tests[title]
	if !ok {
		return nil, fmt.Errorf("test %q is not supported", title)
	}
	var a arguments
	next := w.peek()
	switch {
	case w.take("("):
		a, err = w.arguments()
	case next.kind == str, next.kind == number, next.kind == sign && (next.text == "[" || next.text == "{"),
		next.kind == name && !isKeyword(next.text):
		var one expression
		if one, err = w.primary(); err == nil {
			one, err = w.postfix(one)
		}
		a.values = []expression{one}
	}
	if err != nil {
		return nil, err
	}
	return func(r *run, s *scope) (any, error) {
		v, err := e(r, s)
		if err != nil {
			return nil, err
		}
		args, _, err := a.evaluate(r, s)
		if err != nil {
			return nil, err
		}
		holds, err := t(v, args)
		return holds != negated, err
	}, nil
}

// isKeyword says whether a name ends a test that has no arguments.
func isKeyword(s string) bool {
	switch s {
	case "and", "or", "not", "if", "else", "is", "in":
		return true
	}
	return false
}

// tests by name.
var tests = map[string]test{
	"defined":   plain(func(v any) bool { _, missing := v.(undefined); return !missing }),
	"undefined": plain(func(v any) bool { _, missing := v.(undefined); return missing }),
	"none":      plain(func(v any) bool { return v == nil }),
	"string":    plain(func(v any) bool { _, ok := v.(string); return ok }),
	"boolean":   plain(func(v any) bool { _, ok := v.(bool); return ok }),
	"integer":   plain(func(v any) bool { _, ok := v.(int); return ok }),
	"float":     plain(func(v any) bool { _, ok := v.(float64); return ok }),
	"number":    plain(func(v any) bool { _, ok := toFloat(v); return ok }),
	"true":      plain(func(v any) bool { return v == true }),
	"false":     plain(func(v any) bool { return v == false }),
	"callable":  plain(func(v any) bool { _, ok := v.(Func); return ok }),
	"mapping":   plain(isMapping),
	"sequence":  plain(isSequence),
	"iterable":  plain(isSequence),
	"lower":     plain(func(v any) bool { s := toString(v); return s == strings.ToLower(s) && s != strings.ToUpper(s) }),
	"upper":     plain(func(v any) bool { s := toString(v); return s == strings.ToUpper(s) && s != strings.ToLower(s) }),
	"odd":       divisible(2, 1), "even": divisible(2, 0),
	"divisibleby": operator(func(a, b any) (any, error) {
		m, err := binary("%", a, b)
		return equal(m, 0), err
	}),
	"in":     operator(func(a, b any) (any, error) { return contains(b, a) }),
	"sameas": operator(func(a, b any) (any, error) { return kindOf(a) == kindOf(b) && equal(a, b), nil }),
	"eq":     compared("=="), "equalto": compared("=="), "ne": compared("!="),
	"lt": compared("<"), "lessthan": compared("<"), "le": compared("<="),
	"gt": compared(">"), "greaterthan": compared(">"), "ge": compared(">="),
	"==": compared("=="), "!=": compared("!="), "<": compared("<"), "<=": compared("<="), ">": compared(">"), ">=": compared(">="),
}

func plain(f func(any) bool) test {
	return func(v any, args []any) (bool, error) {
		if len(args) > 0 {
			return false, errors.New("a test was given an argument that it does not take")
		}
		return f(v), nil
	}
}

func isMapping(v any) bool { _, ok := v.(*Dict); return ok }

func isSequence(v any) bool {
	switch v.(type) {
	case string, []any, *Dict, undefined:
		return true
	}
	return false
}

func divisible(by, rest int) test {
	return func(v any, _ []any) (bool, error) {
		m, err := binary("%", v, by)
		return equal(m, rest), err
	}
}

func operator(f func(a, b any) (any, error)) test {
	return func(v any, args []any) (bool, error) {
		if len(args) != 1 {
			return false, fmt.Errorf("a test expected one argument, found %d", len(args))
		}
		holds, err := f(v, args[0])
		return isTrue(holds), err
	}
}

func compared(op string) test {
	return operator(func(a, b any) (any, error) { return binary(op, a, b) })
}
