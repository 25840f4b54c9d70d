package lowrank

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/transformer"
)

// stage names the progress of [Sequential].
const stage = "recalibrate"

// sequence is a request that is worked on.
type sequence struct {
	model      *transformer.Model
	decomposer *decomposer // its moments are those of the layer
	spectra    map[string]*Spectrum
	ranks      map[string]int
	opt        SequentialOptions

	walk    *transformer.Walk
	moments *covariance.Layerwise
	pair    *pair // where the target is the original output

	forms map[string]transformer.Form
	done  Recalibration
}

func newSequence(m *transformer.Model, spectra []*Spectrum, a *Allocation, opt SequentialOptions) (*sequence, error) {
	if err := checkTogether(spectra); err != nil {
		return nil, err
	}
	method := spectra[0].Method
	opt, err := opt.For(method)
	if err != nil {
		return nil, err
	}
	s := &sequence{model: m, opt: opt, forms: map[string]transformer.Form{}, done: Recalibration{Mode: opt.Mode, Target: opt.Target}}
	if s.decomposer, err = plainDecomposer(m, method, spectra[0].Settings); err != nil {
		return nil, err
	}
	if spectra[0].Model != s.decomposer.digest {
		return nil, fmt.Errorf("spectra are of another model: expected digest %.16s…, found %.16s…", s.decomposer.digest, spectra[0].Model)
	}
	return s, s.take(spectra, a)
}

// take keeps ranks and spectra by name.
func (s *sequence) take(spectra []*Spectrum, a *Allocation) error {
	if a == nil || a.Method != spectra[0].Method || a.Settings != spectra[0].Settings || len(a.Ranks) != len(spectra) {
		return fmt.Errorf("allocation: expected one of these %d spectra by %s, found another", len(spectra), spectra[0].by())
	}
	s.spectra, s.ranks = map[string]*Spectrum{}, map[string]int{}
	for i, c := range a.Ranks {
		if c.Linear != spectra[i].Linear.Name {
			return fmt.Errorf("allocation: expected %s, found %s", spectra[i].Linear.Name, c.Linear)
		}
		if c.Rank > 0 {
			s.spectra[c.Linear], s.ranks[c.Linear] = spectra[i], c.Rank
		}
	}
	return nil
}

func (s *sequence) begin(sequences [][]int32) (err error) {
	if s.moments, err = covariance.NewLayerwise(s.model.Dense(), sequences, covariance.Options{Groups: s.opt.Groups}); err != nil {
		return err
	}
	run := transformer.RunOptions{Batch: s.opt.Batch, Align: s.moments.Align(), Probe: s.moments, Recorder: s.opt.Recorder, Stage: stage}
	if s.opt.Target == Original {
		s.pair, err = newPair(s.model, sequences, &run)
		if err != nil {
			return err
		}
	}
	s.walk, err = s.model.Walk(sequences, run)
	return err
}

func (s *sequence) close() error {
	var errs []error
	if s.walk != nil {
		errs = append(errs, s.walk.Close())
	}
	if s.pair != nil {
		errs = append(errs, s.pair.walk.Close())
	}
	return errors.Join(errs...)
}

// block does one block and passes it.
func (s *sequence) block(ctx context.Context) error {
	var linears []transformer.Linear
	for _, l := range s.model.Linears() {
		if l.Layer == s.walk.Layer() && s.ranks[l.Name] > 0 {
			linears = append(linears, l)
		}
	}
	forms := map[string]transformer.Form{}
	if len(linears) > 0 {
		if err := s.look(ctx); err != nil {
			return err
		}
		fits := make([]Fit, len(linears))
		made := make([]*transformer.Factored, len(linears))
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(runtime.GOMAXPROCS(0))
		for i, l := range linears {
			group.Go(func() (err error) {
				if err := ctx.Err(); err != nil {
					return err
				}
				made[i], fits[i], err = s.linear(l)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for i, l := range linears {
			forms[l.Name], s.forms[l.Name] = made[i], made[i]
		}
		s.done.Linears = append(s.done.Linears, fits...)
	}
	return s.pass(ctx, forms)
}

// look collects the moments of the next block's sites.
func (s *sequence) look(ctx context.Context) (err error) {
	s.moments.Begin(s.walk.Layer())
	if s.pair != nil {
		err = s.pair.look(ctx, s.walk)
	} else {
		err = s.walk.Look(ctx)
	}
	if err != nil {
		return err
	}
	s.decomposer.roots = roots{} // lets go of those of the layer before
	s.decomposer.moments, err = s.moments.Moments()
	return err
}

func (s *sequence) pass(ctx context.Context, forms map[string]transformer.Form) error {
	if s.pair != nil {
		if err := s.pair.walk.Pass(ctx, nil); err != nil {
			return err
		}
	}
	err := s.walk.Pass(ctx, forms)
	gomlxops.OrDiscard(s.opt.Recorder).Progress(stage, s.walk.Layer()*s.walk.Calls(), s.model.Config().Layers*s.walk.Calls())
	return err
}

// linear finds the factors of one linear on the inputs of the walk.
func (s *sequence) linear(l transformer.Linear) (*transformer.Factored, Fit, error) {
	fit := Fit{Linear: l.Name}
	form, err := s.spectra[l.Name].Factors(s.ranks[l.Name])
	if err != nil {
		return nil, fit, err
	}
	task, err := s.task(l, form.Bias != nil)
	if err != nil {
		return nil, fit, fmt.Errorf("%s: %w", l.Name, err)
	}
	if fit.Before, err = task.relative(widenFactors(form)); err != nil {
		return nil, fit, fmt.Errorf("%s: %w", l.Name, err)
	}
	if s.opt.Mode != Update {
		if form, err = s.decomposed(l, task, form.Rank); err != nil {
			return nil, fit, fmt.Errorf("%s: %w", l.Name, err)
		}
	}
	if s.opt.Mode != Recalibrate {
		better, err := task.refit(widenFactors(form))
		if err != nil {
			return nil, fit, fmt.Errorf("%s: %w", l.Name, err)
		}
		form = &transformer.Factored{Rank: form.Rank, A: form.A, B: narrow(better.b)}
		if better.bias != nil {
			form.Bias = narrow(better.bias)
		}
	}
	fit.After, err = task.relative(widenFactors(form))
	return form, fit, err
}

// decomposed takes the linear apart with the moments of its inputs, or what gives its original outputs from them.
func (s *sequence) decomposed(l transformer.Linear, t *task, rank int) (*transformer.Factored, error) {
	p, err := s.decomposer.problem(l)
	if err != nil {
		return nil, err
	}
	if s.pair != nil {
		if p.w, err = t.regression(p.w); err != nil {
			return nil, err
		}
	}
	a, err := s.decomposer.analyser.analyse(p)
	if err != nil {
		return nil, err
	}
	spectrum, err := newSpectrum(p, a, rank)
	if err != nil {
		return nil, err
	}
	form, err := spectrum.Factors(rank)
	if err != nil || s.pair == nil || t.x == nil {
		return form, err
	}
	bias, err := t.bias(widenFactors(form)) // that of the original outputs, which the mean of x' leads elsewhere
	form.Bias = narrow(bias)
	return form, err
}

// task is what a linear should do on the inputs of the walk.
func (s *sequence) task(l transformer.Linear, bias bool) (*task, error) {
	w, _, err := s.model.Float32(l.Name + ".weight")
	if err != nil {
		return nil, err
	}
	input, err := s.decomposer.moments.Input(l)
	if err != nil {
		return nil, err
	}
	beta, err := ownBias(s.model, l)
	if err != nil {
		return nil, err
	}
	second, mean := momentsAbout(input, bias)
	if s.pair != nil {
		return s.pair.task(l, widen(w), beta, second, mean)
	}
	return keepWeight(widen(w), beta, l.In, second, mean)
}

// momentsAbout returns the mean of x xᵀ about zero and no mean, or about the mean and the mean.
func momentsAbout(s *covariance.Stats, mean bool) (second, at []float64) {
	if !mean {
		return s.SecondMoment(), nil
	}
	second = s.SCM()
	n := float64(s.Count())
	for i := range second {
		second[i] *= (n - 1) / n
	}
	return second, s.Mean()
}
