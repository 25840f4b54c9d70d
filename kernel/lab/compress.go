package lab

import (
	"context"
	"errors"
	"io/fs"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/show"
)

// Smaller is what a compression gives.
type Smaller struct {
	Variant    *transformer.Variant
	Allocation *lowrank.Allocation
	Warnings   []string // about the calibration
}

// Compress makes the model smaller as the attempt says. Moments, gradients and decompositions of the same model, text and
// options are read back. rec is told how the decomposition goes; nil keeps nothing.
func (l *Lab) Compress(ctx context.Context, m *Model, a Attempt, rec gomlxops.Recorder) (*Smaller, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	if a.Method == Dense {
		return &Smaller{Variant: m.Dense()}, nil
	}
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
	small, err := m.With(forms)
	return &Smaller{small, allocation, given.warnings()}, err
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
	if a.Method.NeedsFisher() || a.Weigh {
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
	if a.Allocate != lowrank.ByEnergy {
		return lowrank.UniformWith(spectra, a.Ratio, a.Options)
	}
	if a.Weigh {
		var err error
		if a.Options.Weights, err = n.fisher.Salience(m.Model); err != nil {
			return nil, nil, err
		}
	}
	return lowrank.Energy(spectra, a.Ratio, a.Options)
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
	made := []any{"spectra 2", digest, string(a.Method), settings.String()}
	var moments *covariance.Moments
	if a.Method.NeedsMoments() {
		moments, made = n.moments.Moments, append(made, n.moments.key)
	}
	if a.Method.NeedsFisher() {
		opt.Fisher, made = n.fisher.Fisher, append(made, n.fisher.key)
	}
	path := l.result("spectra-"+string(a.Method), key(made...), ".safetensors")
	spectra, err := lowrank.Load(path, m.Model)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
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
	dense := 0
	for _, c := range a.Ranks {
		if c.Rank == 0 {
			dense++
		}
	}
	return show.Facts{
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
}
