package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// parser reads the parts of a template in order.
type parser struct {
	parts []part
	at    int
	depth int
}

// block reads statements up to a tag of one of these names, which it returns with its tokens; to the end of the template where
// no names are given.
func (p *parser) block(closers ...string) ([]statement, *words, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, nil, fmt.Errorf("tags nested more than %d deep", maxNesting)
	}
	defer func() { p.depth-- }()
	var list []statement
	for p.at < len(p.parts) {
		part := p.parts[p.at]
		p.at++
		if part.kind == text {
			list = append(list, func(r *run, _ *scope) error { return r.write(part.body) })
			continue
		}
		tokens, err := tokenize(part.body)
		if err != nil {
			return nil, nil, atLine(part.line, err)
		}
		w := &words{list: tokens}
		if part.kind == tag && w.peek().kind == name && slices.Contains(closers, w.peek().text) {
			return list, w, nil
		}
		st, err := p.statement(part, w)
		if err != nil {
			return nil, nil, atLine(part.line, err)
		}
		list = append(list, func(r *run, s *scope) error { return atLine(part.line, st(r, s)) })
	}
	if len(closers) > 0 {
		return nil, nil, fmt.Errorf("the template ends without %s", closers[len(closers)-1])
	}
	return list, nil, nil
}

// lineError tells the innermost line of an error.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

func atLine(line int, err error) error {
	var known *lineError
	if err == nil || errors.As(err, &known) || errors.Is(err, errBreak) || errors.Is(err, errContinue) {
		return err
	}
	return &lineError{line, err}
}

func (p *parser) statement(part part, w *words) (statement, error) {
	if part.kind == output {
		e, err := w.whole()
		return print(e), err
	}
	keyword, err := w.name0()
	if err != nil {
		return nil, err
	}
	switch keyword {
	case "if":
		return p.ifTag(w)
	case "for":
		return p.forTag(w)
	case "set":
		return p.setTag(w)
	case "macro":
		return p.macroTag(w)
	case "filter":
		return p.filterTag(w)
	case "generation":
		body, _, err := p.block("endgeneration")
		return func(r *run, s *scope) error { return r.all(body, s) }, err
	case "break":
		return func(*run, *scope) error { return errBreak }, nil
	case "continue":
		return func(*run, *scope) error { return errContinue }, nil
	}
	return nil, fmt.Errorf("tag %q: not supported, or not where it belongs", keyword)
}

// name0 reads the keyword of a tag.
func (w *words) name0() (string, error) {
	if len(w.list) == 0 {
		return "", errors.New("an empty tag")
	}
	return w.name()
}

func print(e expression) statement {
	return func(r *run, s *scope) error {
		if err := r.step(); err != nil {
			return err
		}
		v, err := e(r, s)
		if err != nil {
			return err
		}
		return r.write(toString(v))
	}
}

// branch is a condition and what runs where it holds.
type branch struct {
	condition expression
	body      []statement
}

func (p *parser) ifTag(w *words) (statement, error) {
	var branches []branch
	for {
		condition := constant(true)
		var err error
		if w != nil {
			if condition, err = w.whole(); err != nil {
				return nil, err
			}
		}
		body, closer, err := p.block("elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		branches = append(branches, branch{condition, body})
		keyword := closer.next().text
		if keyword == "endif" {
			break
		}
		if w == nil {
			return nil, fmt.Errorf("%s after else", keyword)
		}
		if w = closer; keyword == "else" {
			w = nil
		}
	}
	return func(r *run, s *scope) error {
		for _, b := range branches {
			v, err := b.condition(r, s)
			if err != nil {
				return err
			}
			if isTrue(v) {
				return r.all(b.body, s)
			}
		}
		return nil
	}, nil
}

// setTag is {% set a = … %}, {% set a, b = … %}, {% set ns.a = … %} or {% set a %}…{% endset %}.
func (p *parser) setTag(w *words) (statement, error) {
	targets, err := w.targets()
	if err != nil {
		return nil, err
	}
	if w.take("=") {
		e, err := w.whole()
		return func(r *run, s *scope) error {
			v, err := e(r, s)
			if err != nil {
				return err
			}
			return assign(s, targets, v)
		}, err
	}
	filter := func(e expression) (expression, error) { return w.filtered(e) }
	body, _, err := p.block("endset")
	if err != nil {
		return nil, err
	}
	captured, err := filter(func(r *run, s *scope) (any, error) { return r.capture(body, newScope(s)) })
	if err == nil && w.at < len(w.list) {
		err = fmt.Errorf("unexpected %q", w.peek().text)
	}
	return func(r *run, s *scope) error {
		v, err := captured(r, s)
		if err != nil {
			return err
		}
		return assign(s, targets, v)
	}, err
}

// targets reads names with commas between; one of them may have an attribute.
func (w *words) targets() (list []string, err error) {
	closed := !w.take("(")
	for {
		if len(w.list) <= w.at {
			return nil, errors.New("expected a name")
		}
		n, err := w.name()
		if err != nil {
			return nil, err
		}
		if w.take(".") {
			attribute, err := w.name()
			if err != nil {
				return nil, err
			}
			n += "." + attribute
		}
		list = append(list, n)
		if !w.take(",") {
			break
		}
	}
	if !closed {
		err = w.expect(")")
	}
	return list, err
}

// assign sets variables, several from the elements of a list.
func assign(s *scope, targets []string, v any) error {
	if len(targets) == 1 {
		return assignOne(s, targets[0], v)
	}
	list, err := elements(v)
	if err != nil {
		return err
	}
	if len(list) != len(targets) {
		return fmt.Errorf("expected %d values for %s, found %d", len(targets), strings.Join(targets, ", "), len(list))
	}
	for i, t := range targets {
		if err := assignOne(s, t, list[i]); err != nil {
			return err
		}
	}
	return nil
}

func assignOne(s *scope, target string, v any) error {
	object, attribute, ok := strings.Cut(target, ".")
	if !ok {
		s.vars[target] = v
		return nil
	}
	ns, isNamespace := s.get(object).(*namespace)
	if !isNamespace {
		return fmt.Errorf("cannot set %s: %s is no namespace", target, object)
	}
	ns.set(attribute, v)
	return nil
}
