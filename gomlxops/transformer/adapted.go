package transformer

import (
	"fmt"
	"maps"
	"slices"
)

// Adapted is a linear with branches beside it. Base is not copied: several adapters sit on one base, and changing from one to
// another moves no weight.
type Adapted struct {
	Base  Form // dense or factored
	Sides []*Side
}

var _ Form = (*Adapted)(nil)

// Name is the base's, with "+" and the kind of each branch behind.
func (a *Adapted) Name() string {
	name := a.Base.Name()
	for _, s := range a.Sides {
		name += "+" + s.kind().String()
	}
	return name
}

// Size returns the base's.
func (a *Adapted) Size() (out, in int) { return a.Base.Size() }

// Params counts the base and the branches, without their scales.
func (a *Adapted) Params() int64 {
	n := a.Base.Params()
	for _, s := range a.Sides {
		n += s.Params()
	}
	return n
}

// Parts lists the base's, then those of each branch.
func (a *Adapted) Parts() []Part {
	parts := slices.Clone(a.Base.Parts())
	for _, s := range a.Sides {
		parts = append(parts, s.Parts()...)
	}
	return parts
}

// Read reads a part of the base or copies one of a branch.
func (a *Adapted) Read(i int, dst []float32) error {
	base := len(a.Base.Parts())
	if i < base {
		return a.Base.Read(i, dst)
	}
	var values [][]float32
	for _, s := range a.Sides {
		values = append(values, s.Values()...)
	}
	return readPart(a.Parts()[base:], i-base, dst, values...)
}

// onFile says how many of the first parts of f are tensors of the model's files.
func onFile(f Form) int {
	switch f := f.(type) {
	case *stored:
		return len(f.parts)
	case *Adapted:
		return onFile(f.Base)
	}
	return 0
}

// Adapt returns a variant in which the named linears have branches beside them, and no others: branches that they had are left
// out. It copies nothing; leave the branches unchanged for as long as the variant is used.
//
// An unknown name, and a branch of a wrong place, rank or size or with a number that is not finite, are errors that name the linear.
// [Save] refuses such a variant.
func (v *Variant) Adapt(sides map[string][]*Side) (*Variant, error) {
	adapted := &Variant{v.m, maps.Clone(v.forms)}
	if adapted.forms == nil {
		adapted.forms = make(map[string]Form, len(sides))
	}
	for _, name := range slices.Sorted(maps.Keys(sides)) {
		l, err := v.m.Linear(name)
		if err != nil {
			return nil, err
		}
		base := v.Held(l)
		if a, ok := base.(*Adapted); ok {
			base = a.Base
		}
		form := &Adapted{base, sides[name]}
		if err := form.check(l); err != nil {
			return nil, fmt.Errorf("cannot adapt a linear: %w", err)
		}
		adapted.forms[name] = form
	}
	return adapted, nil
}

// check says what is wrong with the branches; the base is checked already.
func (a *Adapted) check(l Linear) error {
	seen := map[sideKind]bool{}
	for _, s := range a.Sides {
		if s == nil {
			return fmt.Errorf("%s: the branch is nil", l.Name)
		}
		if err := s.check(l, a.Base); err != nil {
			return err
		}
		if seen[s.kind()] {
			return fmt.Errorf("%s: expected one branch of a kind, found two of %s", l.Name, s.kind())
		}
		seen[s.kind()] = true
	}
	return nil
}

// unadapted refuses a variant with branches, which no checkpoint holds.
func (v *Variant) unadapted() error {
	for _, l := range v.m.Linears() {
		if _, ok := v.forms[l.Name].(*Adapted); ok {
			return fmt.Errorf("cannot save the model: %s has a branch beside it; merge the adapter, or save it by itself", l.Name)
		}
	}
	return nil
}
