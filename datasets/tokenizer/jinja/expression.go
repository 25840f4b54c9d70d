package jinja

import (
	"fmt"
	"slices"
)

// words reads the tokens of one tag.
type words struct {
	list  []token
	at    int
	depth int
}

func (w *words) peek() token {
	if w.at < len(w.list) {
		return w.list[w.at]
	}
	return token{}
}

func (w *words) next() token {
	t := w.peek()
	w.at++
	return t
}

// take steps over a name or sign where it is the next token.
func (w *words) take(text string) bool {
	if t := w.peek(); t.text == text && (t.kind == name || t.kind == sign) {
		w.at++
		return true
	}
	return false
}

func (w *words) expect(text string) error {
	if !w.take(text) {
		return fmt.Errorf("expected %q, found %q", text, w.peek().text)
	}
	return nil
}

func (w *words) name() (string, error) {
	if t := w.next(); t.kind == name {
		return t.text, nil
	}
	return "", fmt.Errorf("expected a name, found %q", w.list[min(w.at-1, len(w.list)-1)].text)
}

// whole reads an expression that ends the tag.
func (w *words) whole() (expression, error) {
	e, err := w.tuple()
	if err == nil && w.at < len(w.list) {
		err = fmt.Errorf("unexpected %q", w.peek().text)
	}
	return e, err
}

// tuple is one expression, or several with commas between, which make a list.
func (w *words) tuple() (expression, error) {
	first, err := w.expression()
	if err != nil || w.peek().text != "," || w.peek().kind != sign {
		return first, err
	}
	list := []expression{first}
	for w.take(",") {
		if t := w.peek(); t.kind == end || t.kind == sign && t.text == ")" {
			break
		}
		e, err := w.expression()
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return listOf(list), nil
}

// expression is a condition or what stands before it: a if b else c.
func (w *words) expression() (expression, error) {
	if w.depth++; w.depth > maxNesting {
		return nil, fmt.Errorf("nested more than %d deep", maxNesting)
	}
	defer func() { w.depth-- }()
	then, err := w.or()
	if err != nil || !w.take("if") {
		return then, err
	}
	condition, err := w.or()
	if err != nil {
		return nil, err
	}
	otherwise := constant(undefined{"the inline if without else"})
	if w.take("else") {
		if otherwise, err = w.expression(); err != nil {
			return nil, err
		}
	}
	return func(r *run, s *scope) (any, error) {
		c, err := condition(r, s)
		if err != nil {
			return nil, err
		}
		if isTrue(c) {
			return then(r, s)
		}
		return otherwise(r, s)
	}, nil
}

func constant(v any) expression { return func(*run, *scope) (any, error) { return v, nil } }

func (w *words) or() (expression, error)  { return w.logic("or", w.and, true) }
func (w *words) and() (expression, error) { return w.logic("and", w.not, false) }

// logic reads operands with op between; the value is that of the first operand that decides.
func (w *words) logic(op string, operand func() (expression, error), decides bool) (expression, error) {
	left, err := operand()
	if err != nil || w.peek().text != op {
		return left, err
	}
	list := []expression{left}
	for w.take(op) {
		e, err := operand()
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return func(r *run, s *scope) (v any, err error) {
		for _, e := range list {
			if v, err = e(r, s); err != nil || isTrue(v) == decides {
				return v, err
			}
		}
		return v, nil
	}, nil
}

func (w *words) not() (expression, error) {
	negated := false
	for w.take("not") {
		negated = !negated
	}
	twice := w.at > 0 && w.list[w.at-1].text == "not" && !negated
	e, err := w.comparison()
	if err != nil || !negated && !twice {
		return e, err
	}
	return func(r *run, s *scope) (any, error) {
		v, err := e(r, s)
		return isTrue(v) != negated, err
	}, nil
}

// comparison is a chain such as a < b < c, each operator between its neighbours.
func (w *words) comparison() (expression, error) {
	first, err := w.sum()
	if err != nil {
		return nil, err
	}
	var ops []string
	operands := []expression{first}
	for {
		op, ok := w.comparator()
		if !ok {
			break
		}
		e, err := w.sum()
		if err != nil {
			return nil, err
		}
		ops, operands = append(ops, op), append(operands, e)
	}
	if len(ops) == 0 {
		return first, nil
	}
	return func(r *run, s *scope) (any, error) { return compareChain(r, s, ops, operands) }, nil
}

func (w *words) comparator() (string, bool) {
	t := w.peek()
	switch {
	case t.kind == sign && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, t.text), t.kind == name && t.text == "in":
		w.at++
		return t.text, true
	case t.kind == name && t.text == "not" && w.at+1 < len(w.list) && w.list[w.at+1].text == "in":
		w.at += 2
		return "not in", true
	}
	return "", false
}

func compareChain(r *run, s *scope, ops []string, operands []expression) (any, error) {
	left, err := operands[0](r, s)
	if err != nil {
		return nil, err
	}
	for i, op := range ops {
		right, err := operands[i+1](r, s)
		if err != nil {
			return nil, err
		}
		if err := r.charge(right); err != nil {
			return nil, err
		}
		var v any
		if op == "not in" {
			v, err = binary("in", left, right)
			v = !isTrue(v)
		} else {
			v, err = binary(op, left, right)
		}
		if err != nil || !isTrue(v) {
			return v, err
		}
		left = right
	}
	return true, nil
}

func (w *words) sum() (expression, error)     { return w.chain(w.concat, "+", "-") }
func (w *words) concat() (expression, error)  { return w.chain(w.product, "~") }
func (w *words) product() (expression, error) { return w.chain(w.power, "*", "/", "//", "%") }
func (w *words) power() (expression, error) {
	return w.chain(func() (expression, error) { return w.unary(true) }, "**")
}

// chain reads operands with operators of one rank between, from the left.
func (w *words) chain(operand func() (expression, error), ops ...string) (expression, error) {
	left, err := operand()
	for err == nil && w.peek().kind == sign && slices.Contains(ops, w.peek().text) {
		op := w.next().text
		var right expression
		if right, err = operand(); err == nil {
			left = operation(op, left, right)
		}
		if w.depth++; w.depth > 50*maxNesting { // long sums nest when they run
			return nil, fmt.Errorf("more than %d operations in a row", 50*maxNesting)
		}
	}
	return left, err
}

func operation(op string, left, right expression) expression {
	return func(r *run, s *scope) (any, error) {
		a, err := left(r, s)
		if err != nil {
			return nil, err
		}
		b, err := right(r, s)
		if err != nil {
			return nil, err
		}
		v, err := binary(op, a, b)
		if err != nil {
			return nil, err
		}
		return v, r.charge(v)
	}
}
