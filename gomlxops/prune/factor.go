package prune

import (
	"encoding/binary"
	"slices"
)

// unify says that index i of x and index i of y are the same thing, for all i, and returns the axis that both are. An axis of one index
// fits any.
func (l *labels) unify(x, y axis) axis {
	if len(x) <= 1 && (x == nil || len(y) > 1) {
		return y
	}
	if len(y) <= 1 || &x[0] == &y[0] {
		return x
	}
	l.refresh(x)
	l.refresh(y)
	for from := 0; from < len(x); {
		to := from + 1
		for to < len(x) && len(x[to]) == len(x[from]) && len(y[to]) == len(y[from]) {
			to++
		}
		l.align(x[from:to], y[from:to])
		from = to
	}
	l.refresh(x)
	return x
}

// align unifies runs of tuples, all of x of one length and all of y of one. A side that is made of finer factors splits the other: heads
// of eight against two groups of four.
func (l *labels) align(x, y axis) {
	for range len(x) + 64 { // each turn settles a position or makes factors finer; the bound is for safety
		l.refresh(x)
		l.refresh(y)
		x, y = strip(x, y)
		if slices.EqualFunc(x, y, slices.Equal[tuple]) {
			return
		}
		if len(x[0]) <= 1 || len(y[0]) <= 1 {
			l.substitute(x, y)
			return
		}
		rx, ry := run(x), run(y)
		switch {
		case rx == ry:
			for i := range x {
				l.join(x[i][0], y[i][0])
			}
		case rx < ry && len(x)%ry == 0:
			l.split(x, len(x)/ry, ry)
		case ry < rx && len(y)%rx == 0:
			l.split(y, len(y)/rx, rx)
		default:
			l.tieAll(x, y)
			return
		}
	}
	l.tieAll(x, y)
}

// strip leaves out the leading positions that agree everywhere.
func strip(x, y axis) (axis, axis) {
	n := 0
	for n < len(x[0]) && n < len(y[0]) {
		same := true
		for i := range x {
			same = same && n < len(x[i]) && n < len(y[i]) && x[i][n] == y[i][n]
		}
		if !same {
			break
		}
		n++
	}
	a, b := make(axis, len(x)), make(axis, len(y))
	for i := range x {
		a[i], b[i] = x[i][n:], y[i][n:]
	}
	return a, b
}

// substitute unifies runs of which one has tuples of a single atom, or of none.
func (l *labels) substitute(x, y axis) {
	for i := range x {
		s, t := l.resolve(x[i]), l.resolve(y[i])
		switch {
		case slices.Equal(s, t):
		case len(s) == 1 && len(t) > 0:
			l.put(s[0], t)
		case len(t) == 1 && len(s) > 0:
			l.put(t[0], s)
		default:
			l.tie(append(slices.Clone(s), t...))
		}
	}
}

// run is how many leading indices share their first atom.
func run(x axis) int {
	n := 1
	for n < len(x) && x[n][0] == x[0][0] {
		n++
	}
	return n
}

func (l *labels) tieAll(axes ...axis) {
	var all tuple
	for _, x := range axes {
		for _, t := range x {
			all = append(all, t...)
		}
	}
	l.tie(all)
}

// split lays the axis t out as a matrix of the given rows and columns and returns an axis for each, so that index (i, j) is row i's tuple
// followed by column j's. Atoms that reach over both become pairs.
func (l *labels) split(t axis, rows, columns int) (row, column axis) {
	for range 16 {
		l.refresh(t)
		s := cut(t, rows, columns)
		if s.done() {
			return s.prefix, s.rest[0]
		}
		if !l.refine(s) {
			for _, rest := range s.rest[1:] {
				l.unify(slices.Clone(s.rest[0]), slices.Clone(rest))
			}
		}
	}
	l.tieAll(t)
	l.refresh(t)
	return slices.Repeat(axis{t[0]}, rows), slices.Repeat(axis{nil}, columns)
}

// matrix is an axis laid out in rows: what all of a row begin with, and what is left of each.
type matrix struct {
	prefix axis
	rest   []axis // by row
}

func cut(t axis, rows, columns int) matrix {
	s := matrix{make(axis, rows), make([]axis, rows)}
	for i := range rows {
		r := t[i*columns : (i+1)*columns]
		n := len(r[0])
		for _, u := range r[1:] {
			k := 0
			for k < n && k < len(u) && u[k] == r[0][k] {
				k++
			}
			n = k
		}
		s.prefix[i] = r[0][:n]
		s.rest[i] = make(axis, columns)
		for j, u := range r {
			s.rest[i][j] = u[n:]
		}
	}
	if rows == 1 { // all of it belongs to the columns
		s.prefix[0], s.rest[0] = nil, slices.Clone(t)
	}
	return s
}

// done says whether the rest is the same in every row.
func (s matrix) done() bool {
	for _, rest := range s.rest[1:] {
		if !slices.EqualFunc(rest, s.rest[0], slices.Equal[tuple]) {
			return false
		}
	}
	return true
}

// refine makes pairs of the atoms that the rows' rests begin with, where rows that begin alike go on differently: then the atoms tell rows
// apart, and not columns only. It returns false where there is nothing of the kind.
func (l *labels) refine(s matrix) bool {
	class, alike := make([]string, len(s.rest)), make(map[string]map[string]bool)
	for i, rest := range s.rest {
		class[i] = firsts(rest)
		p := key(s.prefix[i])
		if alike[p] == nil {
			alike[p] = make(map[string]bool)
		}
		alike[p][class[i]] = true
	}
	count, order := make(map[string]int), []int(nil)
	for i := range s.rest {
		if len(alike[key(s.prefix[i])]) < 2 {
			continue
		}
		if _, ok := count[class[i]]; !ok {
			count[class[i]] = len(order)
			order = append(order, i)
		}
	}
	if len(order) == 0 {
		return false
	}
	l.pairs(s, order)
	return true
}

// pairs replaces the first atoms of the rows in order by (a new atom for the row, a new atom for the rank within the row).
func (l *labels) pairs(s matrix, order []int) {
	rowAtoms, columns := l.fresh(max(2, len(order))), make(map[int]axis)
	for k, i := range order {
		var ranked []atom
		seen := make(map[atom]bool)
		for _, t := range s.rest[i] {
			if len(t) == 0 {
				l.tieAll(s.rest[i])
				return
			}
			if !seen[t[0]] {
				seen[t[0]] = true
				ranked = append(ranked, t[0])
			}
		}
		n := len(ranked)
		if columns[n] == nil {
			columns[n] = l.fresh(n)
		}
		for rank, a := range ranked {
			if l.sub[a] != nil { // it is in another row too, at another place
				l.tieAll(s.rest...)
				return
			}
			l.put(a, slices.Concat(rowAtoms[k], columns[n][rank]))
		}
	}
}

// firsts is the sequence of first atoms, as a key.
func firsts(x axis) string {
	b := make([]byte, 0, 4*len(x))
	for _, t := range x {
		a := atom(-1)
		if len(t) > 0 {
			a = t[0]
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(a))
	}
	return string(b)
}

func key(t tuple) string {
	b := make([]byte, 0, 4*len(t))
	for _, a := range t {
		b = binary.LittleEndian.AppendUint32(b, uint32(a))
	}
	return string(b)
}
