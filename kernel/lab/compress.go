package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/parelab/pare/datasets"
	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/importance"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/show"
)

// Compression is one way to make a model smaller by low rank, in full.
type Compression struct {
	Method   lowrank.Method   // default "pcm"
	Settings lowrank.Settings // of the method
	Ratio    float64          // fraction of the decoder linears' parameters to remove, in (0,1)
	Allocate lowrank.By       // default ByUniform
	Options  lowrank.AllocationOptions
	Weigh    bool // let ByEnergy weigh linears by their Fisher salience, in place of Options.Weights

	Calibration Calibration // of moments and gradients; not run where nothing needs it
}

// Smaller is what a compression gives.
type Smaller struct {
	Variant    *transformer.Variant
	Allocation *lowrank.Allocation
	Warnings   []string // about the calibration
}

// Shrink makes the model smaller. Moments, gradients and decompositions of the same model, text and options are read back.
func (l *Lab) Shrink(ctx context.Context, m *Model, c Compression) (*Smaller, error) {
	if c.Method == "" {
		c.Method = lowrank.FeaturePCM
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	given, err := l.needs(ctx, m, c)
	if err != nil {
		return nil, err
	}
	spectra, err := l.decompose(ctx, m, c, given)
	if err != nil {
		return nil, err
	}
	forms, allocation, err := c.allocate(m, spectra, given)
	if err != nil {
		return nil, err
	}
	small, err := m.With(forms)
	return &Smaller{small, allocation, given.warnings()}, err
}

// check refuses what would fail after minutes of computing.
func (c Compression) check() error {
	if _, err := c.Settings.For(c.Method); err != nil {
		return err
	}
	if _, err := lowrank.Rank(c.Ratio, 1, 1); err != nil {
		return err
	}
	switch c.Allocate {
	case lowrank.ByEnergy:
		return nil
	case "", lowrank.ByUniform:
		if c.Weigh {
			return fmt.Errorf("weights have no say in a uniform allocation; allocate by %q", lowrank.ByEnergy)
		}
		return nil
	}
	return fmt.Errorf("allocate: expected %q or %q, found %q", lowrank.ByUniform, lowrank.ByEnergy, c.Allocate)
}

// needs are what a compression is computed from; each is nil where nothing asks for it.
type needs struct {
	moments *Moments
	fisher  *Gradients
}

func (l *Lab) needs(ctx context.Context, m *Model, c Compression) (n needs, err error) {
	if c.Method.NeedsMoments() {
		if n.moments, err = l.Calibrate(ctx, m, c.Calibration); err != nil {
			return n, err
		}
	}
	if c.Method.NeedsFisher() || c.Weigh {
		n.fisher, err = l.Gradients(ctx, m, c.Calibration)
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
func (c Compression) allocate(m *Model, spectra []*lowrank.Spectrum, n needs) (map[string]transformer.Form, *lowrank.Allocation, error) {
	if c.Allocate != lowrank.ByEnergy {
		return lowrank.UniformWith(spectra, c.Ratio, c.Options)
	}
	if c.Weigh {
		var err error
		if c.Options.Weights, err = n.fisher.Salience(m.Model); err != nil {
			return nil, nil, err
		}
	}
	return lowrank.Energy(spectra, c.Ratio, c.Options)
}

// decompose takes every decoder linear apart, or reads back what an earlier run left.
func (l *Lab) decompose(ctx context.Context, m *Model, c Compression, n needs) ([]*lowrank.Spectrum, error) {
	digest, err := m.Digest()
	if err != nil {
		return nil, err
	}
	settings, err := c.Settings.For(c.Method)
	if err != nil {
		return nil, err
	}
	opt := lowrank.Options{Settings: settings}
	made := []any{"spectra 2", digest, string(c.Method), settings.String()}
	var moments *covariance.Moments
	if c.Method.NeedsMoments() {
		moments, made = n.moments.Moments, append(made, n.moments.key)
	}
	if c.Method.NeedsFisher() {
		opt.Fisher, made = n.fisher.Fisher, append(made, n.fisher.key)
	}
	path := l.result("spectra-"+string(c.Method), key(made...), ".safetensors")
	spectra, err := lowrank.Load(path, m.Model)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return spectra, err
	}
	watch := l.watch(fmt.Sprintf("Decompose %s by %s", m.Name, c.Method))
	defer watch.Close()
	opt.Recorder = gomlxops.OrDiscard(watch)
	spectra, err = lowrank.DecomposeAll(ctx, m.Model, moments, c.Method, opt)
	if err != nil {
		return nil, err
	}
	return spectra, saveResult(path, func(path string) error { return lowrank.Save(path, spectra) })
}

// Gradients are the Fisher sums of a model on a text.
type Gradients struct {
	*importance.Fisher
	ReadBack string // file that an earlier run left; empty where this one ran
	key      string
}

// Gradients runs calibration text forward and backward through the model. Those of the same model, text and options are read
// back; Groups mean nothing here.
func (l *Lab) Gradients(ctx context.Context, m *Model, opt Calibration) (*Gradients, error) {
	opt = opt.withDefaults(m)
	text, err := l.Tokens(m, opt.Text, CalibrationPart)
	if err != nil {
		return nil, err
	}
	digest, err := m.Digest()
	if err != nil {
		return nil, err
	}
	out := &Gradients{key: key("fisher 1", digest, text.Digest, text.Part, opt.Sequences, opt.Length, opt.Seed)}
	path := l.result("fisher", out.key, ".safetensors")
	if out.Fisher, err = importance.Load(path, m.Model); err == nil {
		out.ReadBack = path
		return out, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; remove the file to collect them again", err)
	}
	sequences, err := datasets.Sample(text.IDs, opt.Sequences, opt.Length, opt.Seed)
	if err != nil {
		return nil, fmt.Errorf("text %v: %w", text, err)
	}
	watch := l.watch("Gradients of " + m.Name)
	defer watch.Close()
	out.Fisher, err = importance.Collect(ctx, m.Model, sequences, importance.Options{Data: text.Digest, Recorder: watch})
	if err != nil {
		return nil, err
	}
	return out, saveResult(path, out.Fisher.Save)
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
