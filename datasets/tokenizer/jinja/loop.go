package jinja

import (
	"errors"
	"fmt"
)

// What break and continue are while they leave the statements of a loop.
var (
	errBreak    = errors.New("break")
	errContinue = errors.New("continue")
)

// loopTag is {% for targets in items if condition %}body{% else %}empty{% endfor %}.
type loopTag struct {
	targets     []string
	items       expression
	condition   expression // nil where there is none
	body, empty []statement
}

func (p *parser) forTag(w *words) (statement, error) {
	var l loopTag
	var err error
	if l.targets, err = w.targets(); err != nil {
		return nil, err
	}
	if err = w.expect("in"); err != nil {
		return nil, err
	}
	if l.items, err = w.or(); err != nil { // an "if" here is the loop's
		return nil, err
	}
	if w.take("if") {
		if l.condition, err = w.expression(); err != nil {
			return nil, err
		}
	}
	if w.at < len(w.list) {
		return nil, fmt.Errorf("unexpected %q: recursive loops are not supported", w.peek().text)
	}
	body, closer, err := p.block("else", "endfor")
	if err != nil {
		return nil, err
	}
	if l.body = body; closer.next().text == "else" {
		if l.empty, _, err = p.block("endfor"); err != nil {
			return nil, err
		}
	}
	return l.run, nil
}

func (l *loopTag) run(r *run, s *scope) error {
	v, err := l.items(r, s)
	if err != nil {
		return err
	}
	list, err := elements(v)
	if err != nil {
		return err
	}
	if l.condition != nil {
		if list, err = l.chosen(r, s, list); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		return r.all(l.empty, newScope(s))
	}
	for i := range list {
		if err := r.step(); err != nil {
			return err
		}
		inner := newScope(s)
		if err := assign(inner, l.targets, list[i]); err != nil {
			return err
		}
		inner.vars["loop"] = &loopState{list, i}
		switch err := r.all(l.body, inner); {
		case errors.Is(err, errBreak):
			return nil
		case err != nil && !errors.Is(err, errContinue):
			return err
		}
	}
	return nil
}

// chosen returns the elements that meet the loop's condition.
func (l *loopTag) chosen(r *run, s *scope, list []any) ([]any, error) {
	var kept []any
	for _, e := range list {
		if err := r.step(); err != nil {
			return nil, err
		}
		inner := newScope(s)
		if err := assign(inner, l.targets, e); err != nil {
			return nil, err
		}
		v, err := l.condition(r, inner)
		if err != nil {
			return nil, err
		}
		if isTrue(v) {
			kept = append(kept, e)
		}
	}
	return kept, nil
}

// loopState is what a loop knows of itself in its i-th round, under the name loop.
type loopState struct {
	list []any
	i    int
}

// get returns an attribute.
func (l *loopState) get(name string) any {
	n := len(l.list)
	switch name {
	case "index":
		return l.i + 1
	case "index0":
		return l.i
	case "revindex":
		return n - l.i
	case "revindex0":
		return n - l.i - 1
	case "first":
		return l.i == 0
	case "last":
		return l.i == n-1
	case "length":
		return n
	case "previtem":
		if l.i > 0 {
			return l.list[l.i-1]
		}
	case "nextitem":
		if l.i < n-1 {
			return l.list[l.i+1]
		}
	case "cycle":
		return Func(l.cycle)
	}
	return undefined{name}
}

func (l *loopState) cycle(args []any, _ map[string]any) (any, error) {
	if len(args) == 0 {
		return nil, errors.New("cycle: expected values")
	}
	return args[l.i%len(args)], nil
}

// macroTag is {% macro name(a, b=default) %}body{% endmacro %}.
func (p *parser) macroTag(w *words) (statement, error) {
	title, err := w.name0()
	if err != nil {
		return nil, err
	}
	if err := w.expect("("); err != nil {
		return nil, err
	}
	var names []string
	var defaults []expression
	for !w.take(")") {
		if len(names) > 0 {
			if err := w.expect(","); err != nil {
				return nil, err
			}
		}
		if w.at >= len(w.list) {
			return nil, errors.New("macro without its )")
		}
		n, err := w.name()
		if err != nil {
			return nil, err
		}
		value := constant(undefined{n})
		if w.take("=") {
			if value, err = w.expression(); err != nil {
				return nil, err
			}
		}
		names, defaults = append(names, n), append(defaults, value)
	}
	body, _, err := p.block("endmacro")
	m := &macro{title, names, defaults, body}
	return func(r *run, s *scope) error {
		s.vars[title] = Func(func(args []any, named map[string]any) (any, error) { return m.call(r, s, args, named) })
		return nil
	}, err
}

type macro struct {
	title    string
	names    []string
	defaults []expression
	body     []statement
}

func (m *macro) call(r *run, s *scope, args []any, named map[string]any) (any, error) {
	if r.depth++; r.depth > maxNesting {
		return nil, fmt.Errorf("macro %s: called more than %d deep", m.title, maxNesting)
	}
	defer func() { r.depth-- }()
	if len(args) > len(m.names) {
		return nil, fmt.Errorf("macro %s: expected at most %d arguments, found %d", m.title, len(m.names), len(args))
	}
	inner := newScope(s)
	for i, n := range m.names {
		v, given := named[n]
		var err error
		switch {
		case i < len(args):
			v = args[i]
		case !given:
			if v, err = m.defaults[i](r, inner); err != nil {
				return nil, err
			}
		}
		inner.vars[n] = v
	}
	return r.capture(m.body, inner)
}
