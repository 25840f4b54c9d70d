package lab

import (
	"fmt"
	"slices"

	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/tracker"
)

// Method names a way to make a model smaller.
type Method = lowrank.Method

// Dense is the method of an attempt that leaves the model as it is.
const Dense Method = "dense"

// Attempt is one way to make a model smaller. Method and Ratio must be set; the zero value of everything else works.
type Attempt struct {
	Method   Method                    // Dense, or one of lowrank.Methods: "pcm", "scm", "svd", …
	Ratio    float64                   // fraction of the decoder linears' parameters to remove, in (0,1); 0 for Dense
	Settings lowrank.Settings          // of the method
	Allocate lowrank.By                // how ranks are shared out; default lowrank.ByUniform
	Options  lowrank.AllocationOptions // of the allocation
	Weigh    bool                      // let lowrank.ByEnergy weigh linears by their Fisher salience, in place of Options.Weights

	Moments     *Moments    // a calibration that was made already; nil makes one where the method needs it
	Calibration Calibration // of moments and gradients that are not given
}

// Outcome is what came of an attempt.
type Outcome struct {
	*Smaller
	Trial    int // number in the study
	Measured []*evaluate.Perplexity
}

// check refuses what would fail after minutes of computing.
func (a Attempt) check() error {
	if a.Method == Dense {
		if a.Ratio != 0 {
			return fmt.Errorf("ratio: method %q removes nothing, found %v", Dense, a.Ratio)
		}
		return nil
	}
	if !slices.Contains(lowrank.Methods(), a.Method) {
		return fmt.Errorf("method: expected %q or one of %v, found %q", Dense, lowrank.Methods(), a.Method)
	}
	if _, err := a.Settings.For(a.Method); err != nil {
		return err
	}
	if _, err := lowrank.Rank(a.Ratio, 1, 1); err != nil {
		return err
	}
	switch {
	case a.Allocate == lowrank.ByEnergy:
		return nil
	case a.Allocate != "" && a.Allocate != lowrank.ByUniform:
		return fmt.Errorf("allocate: expected %q or %q, found %q", lowrank.ByUniform, lowrank.ByEnergy, a.Allocate)
	case a.Weigh:
		return fmt.Errorf("weights have no say in a uniform allocation; allocate by %q", lowrank.ByEnergy)
	}
	return nil
}

// Label names the attempt but for its ratio: "svd", "asvd alpha=0.3 energy".
func (a Attempt) Label() string {
	label := string(a.Method)
	if settings := a.Settings.String(); settings != "" {
		label += " " + settings
	}
	if a.Allocate == lowrank.ByEnergy {
		label += " " + string(a.Allocate)
	}
	if a.Weigh {
		label += " by Fisher"
	}
	for _, kind := range a.Options.Protect {
		label += " without " + string(kind)
	}
	if a.Options.Multiple > 1 {
		label += fmt.Sprintf(" multiples of %d", a.Options.Multiple)
	}
	return label
}

// String names the attempt: "svd at 20%".
func (a Attempt) String() string {
	if a.Method == Dense {
		return string(Dense)
	}
	return fmt.Sprintf("%s at %.4g%%", a.Label(), 100*a.Ratio)
}

// params are the attempt's hyperparameters as the record keeps them.
func (a Attempt) params(m *Model) map[string]tracker.Value {
	p := map[string]tracker.Value{
		"model":  tracker.String(m.Name),
		"method": tracker.String(string(a.Method)),
		"ratio":  tracker.Float(a.Ratio),
	}
	if label := a.Label(); label != string(a.Method) {
		p["label"] = tracker.String(label)
	}
	if !a.Method.NeedsMoments() && !a.Method.NeedsFisher() && !a.Weigh {
		return p
	}
	o, text := a.Calibration.withDefaults(m), a.Calibration.Text
	if a.Moments != nil {
		o, text = a.Moments.Options, a.Moments.Text.String()
	}
	p["calibration"] = tracker.String(text)
	p["sequences"] = tracker.Int(int64(o.Sequences))
	p["length"] = tracker.Int(int64(o.Length))
	p["groups"] = tracker.Int(int64(o.Groups))
	p["seed"] = tracker.Int(int64(o.Seed))
	return p
}
