package jinja

import (
	"errors"
	"fmt"
)

// unary is a value with its sign, attributes, subscripts, calls, and, where filters is set, filters and tests.
func (w *words) unary(filters bool) (e expression, err error) {
	if w.depth++; w.depth > 100*maxNesting {
		return nil, fmt.Errorf("nested more than %d deep", 100*maxNesting)
	}
	switch {
	case w.take("-"):
		if e, err = w.signed(); err == nil {
			e = operation("-", constant(0), e)
		}
	case w.take("+"):
		e, err = w.signed()
	default:
		e, err = w.primary()
	}
	if err != nil {
		return nil, err
	}
	if e, err = w.postfix(e); err != nil || !filters {
		return e, err
	}
	return w.filtered(e)
}

func (w *words) signed() (expression, error) {
	if t := w.peek(); t.kind == sign && (t.text == "-" || t.text == "+") {
		return nil, fmt.Errorf("unexpected %q", t.text)
	}
	return w.unary(false)
}

func (w *words) primary() (expression, error) {
	t := w.next()
	switch t.kind {
	case str:
		return constant(t.text), nil
	case number:
		return constant(t.value), nil
	case name:
		switch t.text {
		case "true", "True":
			return constant(true), nil
		case "false", "False":
			return constant(false), nil
		case "none", "None":
			return constant(nil), nil
		}
		return func(_ *run, s *scope) (any, error) { return s.get(t.text), nil }, nil
	case sign:
		switch t.text {
		case "(":
			return w.parenthesis()
		case "[":
			list, err := w.until("]")
			return listOf(list), err
		case "{":
			return w.dict()
		}
	}
	if t.kind == end {
		return nil, errors.New("an expression is missing")
	}
	return nil, fmt.Errorf("unexpected %q", t.text)
}

func (w *words) parenthesis() (expression, error) {
	if w.take(")") {
		return listOf(nil), nil
	}
	e, err := w.tuple()
	if err != nil {
		return nil, err
	}
	return e, w.expect(")")
}

// until reads expressions with commas between up to a closing bracket.
func (w *words) until(closer string) ([]expression, error) {
	var list []expression
	for !w.take(closer) {
		if len(list) > 0 {
			if err := w.expect(","); err != nil {
				return nil, err
			}
			if w.take(closer) {
				break
			}
		}
		e, err := w.expression()
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

func listOf(list []expression) expression {
	return func(r *run, s *scope) (any, error) {
		values := make([]any, len(list))
		for i, e := range list {
			var err error
			if values[i], err = e(r, s); err != nil {
				return nil, err
			}
		}
		return values, nil
	}
}

func (w *words) dict() (expression, error) {
	var keys, values []expression
	for !w.take("}") {
		if len(keys) > 0 {
			if err := w.expect(","); err != nil {
				return nil, err
			}
			if w.take("}") {
				break
			}
		}
		k, err := w.expression()
		if err != nil {
			return nil, err
		}
		if err := w.expect(":"); err != nil {
			return nil, err
		}
		v, err := w.expression()
		if err != nil {
			return nil, err
		}
		keys, values = append(keys, k), append(values, v)
	}
	return func(r *run, s *scope) (any, error) {
		d := NewDict()
		for i := range keys {
			k, err := keys[i](r, s)
			if err != nil {
				return nil, err
			}
			v, err := values[i](r, s)
			if err != nil {
				return nil, err
			}
			d.set(toString(k), v)
		}
		return d, nil
	}, nil
}

// postfix reads attributes, subscripts and calls.
func (w *words) postfix(e expression) (expression, error) {
	for {
		var err error
		switch t := w.peek(); {
		case t.kind != sign:
			return e, nil
		case t.text == ".":
			w.at++
			e, err = w.attribute(e)
		case t.text == "[":
			w.at++
			e, err = w.subscript(e)
		case t.text == "(":
			w.at++
			e, err = w.call(e)
		default:
			return e, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// attribute reads what follows a dot; a call of it may be a method.
func (w *words) attribute(of expression) (expression, error) {
	t := w.next()
	if t.kind == number {
		return subscripted(of, constant(t.value)), nil
	}
	if t.kind != name {
		return nil, fmt.Errorf("expected an attribute, found %q", t.text)
	}
	if w.take("(") {
		args, err := w.arguments()
		if err != nil {
			return nil, err
		}
		return func(r *run, s *scope) (any, error) {
			v, err := of(r, s)
			if err != nil {
				return nil, err
			}
			return callMethod(r, s, v, t.text, args)
		}, nil
	}
	return func(r *run, s *scope) (any, error) {
		v, err := of(r, s)
		if err != nil {
			return nil, err
		}
		return item(v, t.text)
	}, nil
}

// subscript reads an index or a slice.
func (w *words) subscript(of expression) (expression, error) {
	bounds := [3]expression{}
	count := 0
	for {
		if t := w.peek(); t.kind != sign || t.text != ":" && t.text != "]" {
			e, err := w.expression()
			if err != nil {
				return nil, err
			}
			bounds[count] = e
		}
		if w.take("]") {
			break
		}
		if err := w.expect(":"); err != nil {
			return nil, err
		}
		if count++; count > 2 {
			return nil, errors.New("a slice has at most three parts")
		}
	}
	if count > 0 {
		return sliced(of, bounds), nil
	}
	if bounds[0] == nil {
		return nil, errors.New("an index is missing")
	}
	return subscripted(of, bounds[0]), nil
}

// arguments are those of a call.
type arguments struct {
	values []expression
	names  []string // of the last ones, which have a name
}

// arguments reads up to the closing parenthesis.
func (w *words) arguments() (arguments, error) {
	var a arguments
	for !w.take(")") {
		if len(a.values) > 0 {
			if err := w.expect(","); err != nil {
				return a, err
			}
			if w.take(")") {
				break
			}
		}
		if w.peek().kind == name && w.at+1 < len(w.list) && w.list[w.at+1].kind == sign && w.list[w.at+1].text == "=" {
			a.names = append(a.names, w.next().text)
			w.at++
		} else if len(a.names) > 0 {
			return a, errors.New("an argument without a name after one with a name")
		}
		e, err := w.expression()
		if err != nil {
			return a, err
		}
		a.values = append(a.values, e)
	}
	return a, nil
}

// evaluate returns the values by position and by name.
func (a arguments) evaluate(r *run, s *scope) (args []any, named map[string]any, err error) {
	named = make(map[string]any)
	positional := len(a.values) - len(a.names)
	for i, e := range a.values {
		v, err := e(r, s)
		if err != nil {
			return nil, nil, err
		}
		if i < positional {
			args = append(args, v)
		} else {
			named[a.names[i-positional]] = v
		}
	}
	return args, named, nil
}

func (w *words) call(f expression) (expression, error) {
	a, err := w.arguments()
	if err != nil {
		return nil, err
	}
	return func(r *run, s *scope) (any, error) {
		v, err := f(r, s)
		if err != nil {
			return nil, err
		}
		return call(r, s, v, a)
	}, nil
}

func call(r *run, s *scope, f any, a arguments) (any, error) {
	if err := r.step(); err != nil {
		return nil, err
	}
	function, ok := f.(Func)
	if !ok {
		return nil, fmt.Errorf("cannot call %s", kindOf(f))
	}
	args, named, err := a.evaluate(r, s)
	if err != nil {
		return nil, err
	}
	return function(args, named)
}
