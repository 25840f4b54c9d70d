package lab

import (
	"cmp"
	"context"
	"fmt"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/show"
)

// Smaller is what a compression gives.
type Smaller struct {
	Variant    *transformer.Variant
	Allocation *lowrank.Allocation // of ranks; nil where none were given
	Pruned     *Pruned             // what pruning left; nil for other methods
	InTurn     *InTurn             // of two methods; nil for one
	Counted    Counted             // what went
	Warnings   []string            // about the calibration

	was   []transformer.Linear // of the model
	whole []int64              // parameters of each, as it was held
}

// Counted is how many parameters there are before and after.
type Counted struct {
	Before, After             int64
	LinearBefore, LinearAfter int64 // of these in decoder linears, as they are held
}

// Removed is the fraction of the decoder linears' parameters that is gone.
func (c Counted) Removed() float64 { return 1 - float64(c.LinearAfter)/float64(c.LinearBefore) }

func count(before, after *transformer.Variant) Counted {
	return Counted{before.Params(), after.Params(), before.LinearParams(), after.LinearParams()}
}

// Compress makes the model smaller as the attempt says. Moments, gradients and decompositions of the same model, text and
// options are read back. rec is told how the decomposition goes; nil keeps nothing.
func (l *Lab) Compress(ctx context.Context, m *Model, a Attempt, rec gomlxops.Recorder) (*Smaller, error) {
	if err := l.Check(m, a); err != nil {
		return nil, err
	}
	small, err := l.smaller(ctx, m, a, rec)
	if err != nil {
		return nil, err
	}
	small.Counted, small.was = count(m.Dense(), small.Variant), m.Linears()
	for _, lin := range small.was {
		small.whole = append(small.whole, m.Dense().Held(lin).Params())
	}
	return small, nil
}

// smaller makes the model smaller without checking first.
func (l *Lab) smaller(ctx context.Context, m *Model, a Attempt, rec gomlxops.Recorder) (*Smaller, error) {
	switch {
	case a.Then != "":
		return l.inTurn(ctx, m, a, rec)
	case a.Method == Dense:
		return &Smaller{Variant: m.Dense()}, nil
	case a.Method == Prune:
		return l.prune(ctx, m, a, rec)
	}
	return l.factor(ctx, m, a, rec)
}

// factor makes the model smaller by low rank.
func (l *Lab) factor(ctx context.Context, m *Model, a Attempt, rec gomlxops.Recorder) (*Smaller, error) {
	given, err := l.needs(ctx, m, a)
	if err != nil {
		return nil, err
	}
	spectra, err := l.decompose(ctx, m, a, given, rec)
	if err != nil {
		return nil, err
	}
	forms, allocation, err := a.allocate(m, spectra, given)
	if err != nil {
		return nil, err
	}
	if a.Sequential != "" {
		if forms, allocation, err = l.sequential(ctx, m, a, spectra, allocation, rec); err != nil {
			return nil, err
		}
	}
	small, err := m.With(forms)
	return &Smaller{Variant: small, Allocation: allocation, Warnings: given.warnings()}, err
}

// sequential goes through the blocks once more, with the sequences that the attempt is calibrated on.
func (l *Lab) sequential(ctx context.Context, m *Model, a Attempt, spectra []*lowrank.Spectrum, allocation *lowrank.Allocation, rec gomlxops.Recorder) (map[string]transformer.Form, *lowrank.Allocation, error) {
	s, err := l.sample(m, a.calibration(m))
	if err != nil {
		return nil, nil, err
	}
	sequences, err := s.sequences()
	if err != nil {
		return nil, nil, err
	}
	opt := a.sequential()
	opt.Groups, opt.Recorder = s.Groups, rec
	return lowrank.Sequential(ctx, m.Model, spectra, allocation, sequences, opt)
}

// needs are what a compression is computed from; each is nil where nothing asks for it.
type needs struct {
	moments *Moments
	fisher  *Gradients
}

func (l *Lab) needs(ctx context.Context, m *Model, a Attempt) (n needs, err error) {
	if n.moments = a.Moments; n.moments == nil && a.Method.NeedsMoments() {
		if n.moments, err = l.Calibrate(ctx, m, a.Calibration); err != nil {
			return n, err
		}
	}
	if a.needsFisher() {
		n.fisher, err = l.Gradients(ctx, m, a.Calibration)
	}
	return n, err
}

func (n needs) warnings() (all []string) {
	if n.moments != nil {
		for _, w := range n.moments.Warnings() {
			all = append(all, w.String())
		}
	}
	return all
}

// allocate chooses ranks.
func (a Attempt) allocate(m *Model, spectra []*lowrank.Spectrum, n needs) (map[string]transformer.Form, *lowrank.Allocation, error) {
	if a.Ranks != nil {
		forms, allocation, err := lowrank.Apply(spectra, a.Ranks)
		if err == nil {
			allocation.By, allocation.Ratio = a.Allocate, a.Ratio
		}
		return forms, allocation, err
	}
	if cmp.Or(a.Allocate, lowrank.ByUniform) == lowrank.ByUniform {
		return lowrank.UniformWith(spectra, a.Ratio, a.Options)
	}
	if a.Allocate == ByFisher {
		var err error
		if a.Options.Weights, err = n.fisher.Salience(m.Model); err != nil {
			return nil, nil, err
		}
	}
	forms, allocation, err := lowrank.Energy(spectra, a.Ratio, a.Options)
	if err == nil {
		allocation.By = a.Allocate
	}
	return forms, allocation, err
}

// decompose takes every decoder linear apart, or reads back what an earlier run left.
func (l *Lab) decompose(ctx context.Context, m *Model, a Attempt, n needs, rec gomlxops.Recorder) ([]*lowrank.Spectrum, error) {
	digest, err := m.Digest()
	if err != nil {
		return nil, err
	}
	settings, err := a.Settings.For(a.Method)
	if err != nil {
		return nil, err
	}
	opt := lowrank.Options{Settings: settings, Recorder: rec}
	made := []any{"spectra 3", digest, string(a.Method), settings.String()}
	var moments *covariance.Moments
	if a.Method.NeedsMoments() {
		moments, made = n.moments.Moments, append(made, n.moments.key, n.moments.Digest())
	}
	if a.Method.NeedsFisher() {
		opt.Fisher, made = n.fisher.Fisher, append(made, n.fisher.key)
	}
	path := l.result("spectra-"+string(a.Method), key(made...), ".safetensors")
	spectra, found, err := readBack(path, func(path string) ([]*lowrank.Spectrum, error) { return lowrank.Load(path, m.Model) })
	if err != nil || found {
		return spectra, err
	}
	spectra, err = lowrank.DecomposeAll(ctx, m.Model, moments, a.Method, opt)
	if err != nil {
		return nil, err
	}
	return spectra, saveResult(path, func(path string) error { return lowrank.Save(path, spectra) })
}

// Facts says what the compression removed and what it cost.
func (s *Smaller) Facts() show.Fragment {
	a := s.Allocation
	if s.InTurn != nil {
		return s.inTurnFacts()
	}
	if s.Pruned != nil {
		return s.Pruned.Facts()
	}
	if a == nil {
		return show.Facts{Title: "Compression", Items: []show.Fact{{Name: "method", Value: string(Dense)}}}
	}
	dense := 0
	for _, c := range a.Ranks {
		if c.Rank == 0 {
			dense++
		}
	}
	facts := show.Facts{
		Title: "Compression",
		Items: []show.Fact{
			{Name: "method", Value: string(a.Method) + " " + a.Settings.String()},
			{Name: "allocated", Value: string(a.By)},
			{Name: "removed of decoder linears", Value: a.Removed(), Format: show.Percent},
			{Name: "parameters of decoder linears", Value: a.After},
			{Name: "before", Value: a.Before},
			{Name: "linears left dense", Value: dense},
		},
	}
	if r := a.Sequential; r != nil {
		before, after := 0.0, 0.0
		for _, fit := range r.Linears {
			before, after = before+fit.Before/float64(len(r.Linears)), after+fit.After/float64(len(r.Linears))
		}
		facts.Items = append(facts.Items,
			show.Fact{Name: "block after block", Value: fmt.Sprintf("%s, target %s", r.Mode, r.Target)},
			show.Fact{Name: "output error, mean of linears", Value: fmt.Sprintf("%.4g before, %.4g after, of the outputs' energy", before, after)})
	}
	return facts
}
