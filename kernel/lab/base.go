package lab

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/recovery"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Base is a model, or what an attempt has made of it, with adapters that are put beside it by name. It is loaded once: changing from one adapter to
// another moves no weight.
type Base struct {
	*Smaller
	Model    *Model
	adapters map[string]*recovery.Adapter
	lab      *Lab
}

// NewBase makes a model smaller as an attempt says, to put adapters beside it.
func (l *Lab) NewBase(ctx context.Context, m *Model, a Attempt) (*Base, error) {
	small, err := l.Compress(ctx, m, a, nil)
	return &Base{Smaller: small, Model: m, adapters: map[string]*recovery.Adapter{}, lab: l}, err
}

// Load reads an adapter from its directory under a name. One that was made for another model is an error that says what disagrees.
func (b *Base) Load(name, dir string) error {
	a, err := recovery.LoadAdapter(dir, b.Variant)
	if err != nil {
		return err
	}
	b.adapters[name] = a
	return nil
}

// With returns the base with the adapter of that name beside it; "" is the base alone.
func (b *Base) With(name string) (*transformer.Variant, error) {
	if name == "" {
		return b.Variant, nil
	}
	a, ok := b.adapters[name]
	if !ok {
		return nil, fmt.Errorf("no adapter is called %q; there are %q", name, slices.Sorted(maps.Keys(b.adapters)))
	}
	return a.Apply(b.Variant)
}

// Perplexity measures the base with the adapter of that name; "" is the base alone.
func (b *Base) Perplexity(ctx context.Context, name string, opt Measure) (*evaluate.Perplexity, error) {
	v, err := b.With(name)
	if err != nil {
		return nil, err
	}
	return b.lab.PerplexityOf(ctx, b.Model, v, opt)
}

// CellBase is a [Base] whose methods are made for cells.
type CellBase struct{ *Base }

// NewBase makes a model smaller in a cell, to put adapters beside it. See [Lab.NewBase].
func NewBase(m *Model, a Attempt) CellBase {
	return CellBase{must(here().NewBase(interruptible(), m, a))}
}

// Load reads an adapter. See [Base.Load].
func (b CellBase) Load(name, dir string) { check(b.Base.Load(name, dir)) }

// With returns the base with an adapter. See [Base.With].
func (b CellBase) With(name string) *transformer.Variant { return must(b.Base.With(name)) }

// Perplexity measures the base with an adapter. See [Base.Perplexity].
func (b CellBase) Perplexity(name string, opt Measure) *evaluate.Perplexity {
	return must(b.Base.Perplexity(interruptible(), name, opt))
}
