package lab

import (
	"context"
	"fmt"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/importance"
	"github.com/parelab/pare/gomlxops/prune"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Importance is how much every weight of a model, and everything that can be cut out of it, matters.
type Importance struct {
	Weights  *importance.Scores
	Cut      prune.Scores // of heads, MLP channels, hidden channels and layers
	Pruning  Pruning      // whose score and aggregation it is
	ReadBack string       // file that an earlier run left; empty where this one ran, or where nothing is kept
	Warnings []string     // about the calibration
	model    *Model
}

// Importance scores a model's weights, and from them what can be cut out of it. Scores by gradients of the same model, text and options are read back;
// one backward pass gives them all. Those by activations come from the calibration, which is read back likewise.
// A model that low rank has made smaller is scored as the product of its factors.
func (l *Lab) Importance(ctx context.Context, m *Model, p Pruning, opt Calibration) (*Importance, error) {
	if err := p.checkNames(); err != nil {
		return nil, err
	}
	graph, err := m.graph()
	if err != nil {
		return nil, err
	}
	return l.importance(ctx, m, graph, p, opt, nil)
}

func (l *Lab) importance(ctx context.Context, m *Model, graph *prune.Graph, p Pruning, opt Calibration, rec gomlxops.Recorder) (*Importance, error) {
	out := &Importance{Pruning: p, model: m}
	if p.looksAtText() {
		if err := opt.checkLengths(); err != nil {
			return nil, err
		}
	}
	merged, err := multipliedOut(m.Dense())
	if err != nil {
		return nil, err
	}
	switch s := p.score(); {
	case s.needsGradients():
		err = l.taylor(ctx, m, merged, opt, rec, out)
	case s.needsMoments():
		var moments *Moments
		if moments, err = l.Calibrate(ctx, m, opt.withDefaults(m)); err == nil {
			out.ReadBack, out.Warnings = moments.ReadBack, needs{moments: moments}.warnings()
			out.Weights, err = importance.Activations(merged, moments.Moments)
		}
	case s == Random:
		out.Weights, err = importance.Randoms(merged, opt.withDefaults(m).Seed)
	default:
		out.Weights, err = importance.Magnitudes(ctx, merged, rec)
	}
	if err != nil {
		return nil, err
	}
	out.Cut, err = graph.Scores(m.Config(), out.Weights, prune.Scoring{By: criteria[p.score()], Members: p.Aggregate, Units: p.Units, Normalise: p.Normalise})
	return out, err
}

// taylor fills in the scores by gradients.
func (l *Lab) taylor(ctx context.Context, m *Model, v *transformer.Variant, opt Calibration, rec gomlxops.Recorder, out *Importance) error {
	s, err := l.sample(m, opt)
	if err != nil {
		return err
	}
	path, found := l.result("scores-taylor", key("scores 1", s.model, s.text.Digest, s.text.Part, s.Sequences, s.Length, s.Seed), ".safetensors"), false
	out.Weights, found, err = readBack(path, func(path string) (*importance.Scores, error) { return importance.LoadScores(path, m.Model) })
	if err != nil {
		return err
	}
	if found {
		out.ReadBack = path
		return nil
	}
	sequences, err := s.sequences()
	if err != nil {
		return err
	}
	if rec == nil {
		watch := l.watch("Importance of " + m.Name)
		defer watch.Close()
		rec = watch
	}
	out.Weights, err = importance.Taylor(ctx, v, sequences, importance.Options{Data: s.text.Digest, Recorder: rec})
	if err != nil {
		return err
	}
	return saveResult(path, out.Weights.Save)
}

// multipliedOut is v with every factored linear multiplied out, since scores are of a matrix's rows and columns.
func multipliedOut(v *transformer.Variant) (*transformer.Variant, error) {
	forms := map[string]transformer.Form{}
	for _, lin := range v.Model().Linears() {
		form, ok := v.Form(lin.Name)
		if !ok || form.Name() == "dense" {
			continue
		}
		d, err := multiplied(form)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", lin.Name, err)
		}
		forms[lin.Name] = d
	}
	if len(forms) == 0 {
		return v, nil
	}
	return v.Model().With(forms)
}

// multiplied is B A of a factored form, in float64 and then rounded, with its bias.
func multiplied(f transformer.Form) (*transformer.Dense, error) {
	out, in := f.Size()
	var read [3][]float32 // A, B, bias
	for i, p := range f.Parts() {
		read[i] = make([]float32, p.Elements())
		if err := f.Read(i, read[i]); err != nil {
			return nil, err
		}
	}
	a, b := read[0], read[1]
	rank := len(a) / in
	d := &transformer.Dense{Out: out, In: in, W: make([]float32, out*in), Bias: read[2]}
	row := make([]float64, in)
	for i := range out {
		clear(row)
		for k, scale := range b[i*rank : (i+1)*rank] {
			for j, x := range a[k*in : (k+1)*in] {
				row[j] += float64(scale) * float64(x)
			}
		}
		for j, x := range row {
			d.W[i*in+j] = float32(x)
		}
	}
	return d, nil
}
