package prune

import "slices"

// What an index of an axis stands for.
//
//	symbol  meaning
//	atom    one thing that is cut or kept as a whole: a head, a channel
//	tuple   the atoms of one index of an axis, outermost first: (head, channel in the head); the index goes when any of them goes
//	axis    a tuple for every index; nil where nothing is known yet and nothing is tied (a number spread along an axis)
//	family  atoms that came into being together, along one axis
//
// At first every index of every parameter's axis is an atom of its own. Operations then say that two atoms are one (an addition), or that an
// atom is a pair (a reshape that splits an axis into heads and channels). Both are written down as a substitution, so what is found late
// holds for what was seen early.
type (
	atom  int32
	tuple []atom
	axis  []tuple
)

// mark says how an atom is used, as the computation shows.
type mark uint16

const (
	markIndexed  mark = 1 << iota // chosen by a number in the data: the rows of an embedding
	markConstant                  // a table of constants runs along it: rotary angles
	markResidual                  // it is carried past a branch by an addition
	markBatch                     // products of two activations are made for each of it: heads
	markScores                    // a free axis of attention's scores: query heads of one key-value head
	markAttended                  // contracted in the scores, or free in what is read with them: channels of a head
	markApart                     // taken by its position alone
	markSpread                    // one activation serves all of it: query heads that share a key-value head
	markWeight                    // it lies on a weight
	markMixed                     // an operation makes one of several of its axis
	markTied                      // an operation mixes it with others of its axis in a way that no cut survives
)

// labels holds the substitution.
type labels struct {
	sub    []tuple // nil where the atom stands for itself
	marks  []mark
	family []int32
	merged []int32 // union-find over families
}

// fresh makes an axis of n atoms of a new family. An axis of one index cannot be cut, so it has none.
func (l *labels) fresh(n int) axis {
	if n == 1 {
		return axis{nil}
	}
	family := int32(len(l.merged))
	l.merged = append(l.merged, family)
	atoms, x := make([]atom, n), make(axis, n)
	for i := range x {
		atoms[i] = l.add(family)
		x[i] = atoms[i : i+1 : i+1]
	}
	return x
}

func (l *labels) add(family int32) atom {
	l.sub, l.marks, l.family = append(l.sub, nil), append(l.marks, 0), append(l.family, family)
	return atom(len(l.sub) - 1)
}

// whole is an axis whose n indices are known, made up where they were not.
func (l *labels) whole(x axis, n int) axis {
	if x == nil {
		return l.fresh(n)
	}
	return x
}

// resolve returns what t stands for by now.
func (l *labels) resolve(t tuple) tuple {
	if !slices.ContainsFunc(t, func(a atom) bool { return l.sub[a] != nil }) {
		return t
	}
	var out tuple
	for _, a := range t {
		if l.sub[a] == nil {
			out = append(out, a)
			continue
		}
		l.sub[a] = l.resolve(l.sub[a])
		out = append(out, l.sub[a]...)
	}
	return out
}

// refresh resolves an axis in place; all that share it gain.
func (l *labels) refresh(x axis) {
	for i, t := range x {
		x[i] = l.resolve(t)
	}
}

// put says that a stands for t, neither of which has been substituted.
func (l *labels) put(a atom, t tuple) {
	if len(t) == 1 && t[0] == a {
		return
	}
	if len(t) == 0 || slices.Contains(t, a) { // a goes when it goes, or when others go: then all go together
		l.tie(append(tuple{a}, t...))
		return
	}
	l.sub[a] = t
	for _, b := range t {
		l.marks[b] |= l.marks[a]
	}
	if len(t) == 1 {
		l.merged[l.familyOf(a)] = l.familyOf(t[0])
	}
}

// join says that a and b are one.
func (l *labels) join(a, b atom) {
	x, y := l.resolve(tuple{a}), l.resolve(tuple{b})
	switch {
	case slices.Equal(x, y):
	case len(x) == 1:
		l.put(x[0], y)
	case len(y) == 1:
		l.put(y[0], x)
	default:
		l.tie(append(slices.Clone(x), y...))
	}
}

// tie makes all of t one atom that no cut survives.
func (l *labels) tie(t tuple) {
	t = slices.Clone(l.resolve(t))
	for _, a := range t[1:] {
		if a != t[0] && l.sub[a] == nil {
			l.sub[a] = t[:1:1]
			l.marks[t[0]] |= l.marks[a]
			l.merged[l.familyOf(a)] = l.familyOf(t[0])
		}
	}
	if len(t) > 0 {
		l.marks[t[0]] |= markTied
	}
}

func (l *labels) familyOf(a atom) int32 {
	f := l.family[a]
	for l.merged[f] != f {
		l.merged[f] = l.merged[l.merged[f]]
		f = l.merged[f]
	}
	return f
}

// set marks all atoms of an axis.
func (l *labels) set(x axis, m mark) {
	for _, t := range x {
		for _, a := range l.resolve(t) {
			l.marks[a] |= m
		}
	}
}
