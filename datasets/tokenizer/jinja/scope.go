package jinja

import (
	"errors"
	"fmt"
	"strings"
)

// Bounds on rendering.
const (
	maxSteps = 2_000_000 // operations and rounds of loops, more of long values
	maxText  = 16 << 20  // bytes of any string that is built, and of the output
)

// Template is a parsed template. It is safe for concurrent use.
type Template struct{ body []statement }

// Parse reads a template. An error tells the line.
func Parse(source string) (*Template, error) {
	parts, err := cutParts(source)
	if err != nil {
		return nil, err
	}
	p := parser{parts: parts}
	body, _, err := p.block()
	if err != nil {
		return nil, err
	}
	return &Template{body}, nil
}

// Render runs the template with these variables: nil, booleans, integers, floats, strings, slices, maps with string keys (read
// in the order of their keys), [*Dict], and functions of type [Func].
func (t *Template) Render(variables map[string]any) (string, error) {
	r := &run{out: new(strings.Builder)}
	globals := newScope(nil)
	for name, f := range builtins {
		globals.vars[name] = f
	}
	for name, v := range variables {
		value, err := fromGo(v, 0)
		if err != nil {
			return "", fmt.Errorf("variable %s: %w", name, err)
		}
		globals.vars[name] = value
	}
	err := r.all(t.body, newScope(globals))
	if errors.Is(err, errBreak) || errors.Is(err, errContinue) {
		err = fmt.Errorf("%w outside a loop", err)
	}
	return r.out.String(), err
}

// run is one rendering.
type run struct {
	out   *strings.Builder
	steps int
	depth int // macros being called
}

// statement is a tag or a stretch of text, ready to run.
type statement func(*run, *scope) error

// expression is ready to be evaluated.
type expression func(*run, *scope) (any, error)

func (r *run) all(list []statement, s *scope) error {
	for _, st := range list {
		if err := st(r, s); err != nil {
			return err
		}
	}
	return nil
}

// step counts work, so that no template runs for ever.
func (r *run) step() error { return r.work(1) }

func (r *run) work(steps int) error {
	if r.steps += steps; r.steps > maxSteps {
		return fmt.Errorf("more than %d steps", maxSteps)
	}
	return nil
}

// charge counts the work that goes with a value's size.
func (r *run) charge(v any) error {
	switch v := v.(type) {
	case string:
		return r.work(1 + len(v)/64)
	case []any:
		return r.work(1 + len(v)/8)
	}
	return r.work(1)
}

func (r *run) write(s string) error {
	if r.out.Len()+len(s) > maxText {
		return fmt.Errorf("more than %d bytes of output", maxText)
	}
	r.out.WriteString(s)
	return nil
}

// capture runs statements and returns what they write.
func (r *run) capture(list []statement, s *scope) (string, error) {
	outer := r.out
	r.out = new(strings.Builder)
	err := r.all(list, s)
	inner := r.out.String()
	r.out = outer
	return inner, err
}

// scope holds variables; those of an outer scope can be read but not set.
type scope struct {
	vars  map[string]any
	outer *scope
}

func newScope(outer *scope) *scope { return &scope{vars: make(map[string]any), outer: outer} }

func (s *scope) get(name string) any {
	for ; s != nil; s = s.outer {
		if v, ok := s.vars[name]; ok {
			return v
		}
	}
	return undefined{name}
}

// Func is a function that a template can call.
type Func func(args []any, named map[string]any) (any, error)

// builtins are the functions that every template finds.
var builtins = map[string]Func{
	"range":           pythonRange,
	"namespace":       func(_ []any, named map[string]any) (any, error) { return &namespace{copyNamed(named)}, nil },
	"dict":            func(_ []any, named map[string]any) (any, error) { return copyNamed(named), nil },
	"raise_exception": raise,
}

// raise is how a template objects to its input.
func raise(args []any, _ map[string]any) (any, error) {
	if len(args) != 1 {
		return nil, errors.New("raise_exception without a message")
	}
	return nil, errors.New(toString(args[0]))
}

// maxRange is the longest range, as in Jinja's sandbox.
const maxRange = 100_000

func pythonRange(args []any, _ map[string]any) (any, error) {
	n := make([]int, len(args))
	for i, a := range args {
		var ok bool
		if n[i], ok = toInt(a); !ok {
			return nil, fmt.Errorf("range: expected integers, found %s", kindOf(a))
		}
	}
	start, stop, step := 0, 0, 1
	switch len(n) {
	case 1:
		stop = n[0]
	case 2:
		start, stop = n[0], n[1]
	case 3:
		start, stop, step = n[0], n[1], n[2]
	}
	if len(n) == 0 || len(n) > 3 || step == 0 {
		return nil, errors.New("range: expected one to three integers, the step not 0")
	}
	list := []any{}
	for i := start; step > 0 && i < stop || step < 0 && i > stop; i += step {
		if list = append(list, i); len(list) > maxRange {
			return nil, fmt.Errorf("range: more than %d numbers", maxRange)
		}
	}
	return list, nil
}
