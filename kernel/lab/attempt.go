package lab

import (
	"cmp"
	"fmt"
	"os"
	"slices"

	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/tracker"
)

// Method names a way to make a model smaller.
type Method = lowrank.Method

// By is how ranks are shared out: "uniform", "energy" or "fisher". See [lowrank.By] and [ByFisher].
type By = lowrank.By

// ByFisher is lowrank.ByEnergy with each linear's energy weighed by its Fisher salience, in place of Options.Weights.
const ByFisher By = "fisher"

// Dense is the method of an attempt that leaves the model as it is.
const Dense Method = "dense"

// Attempt is one way to make a model smaller. Method and Ratio must be set; the zero value of everything else works.
type Attempt struct {
	Method   Method                    // Dense, Prune, or one of lowrank.Methods: "pcm", "scm", "svd", …
	Ratio    float64                   // fraction of the decoder linears' parameters to remove, in (0,1); 0 for Dense
	Settings lowrank.Settings          // of the method
	Allocate By                        // how ranks are shared out; default lowrank.ByUniform
	Options  lowrank.AllocationOptions // of the allocation

	// Ranks are given, by linear, as a search finds them; one without a rank stays dense. Allocate then only names where they are from.
	Ranks map[string]int

	// Sequential recalibrates block after block on what compressed blocks give: lowrank.Recalibrate, Update or Both; "" does not.
	// Target is what its outputs should be; "" means lowrank.Shifted.
	Sequential Mode
	Target     Target

	Pruning Pruning // of method Prune

	Latency bool // measure how long batches of 1 and of 8 take, before and after

	Out       string // directory to write the model to; "" writes none
	Overwrite bool   // a model that is there

	Moments     *Moments    // a calibration that was made already; nil makes one where the method needs it
	Calibration Calibration // of moments and gradients that are not given
}

// Outcome is what came of an attempt.
type Outcome struct {
	*Smaller
	Trial    int // number in the study
	Measured []*evaluate.Perplexity
	Answers  *Answers   // to the study's questions; nil where it asks none
	Latency  *Latencies // nil unless asked for
}

// check refuses what would fail after minutes of computing.
func (a Attempt) check() error {
	if entries, _ := os.ReadDir(a.Out); len(entries) > 0 && !a.Overwrite { // transformer.Save looks closer
		return fmt.Errorf("%s: expected no such directory or an empty one, found %d entries; choose another name or ask for it to be overwritten", a.Out, len(entries))
	}
	if a.Method == Dense {
		if a.Ratio != 0 {
			return fmt.Errorf("ratio: method %q removes nothing, found %v", Dense, a.Ratio)
		}
		return nil
	}
	if a.Method == Prune {
		return nil // looks at the model; see checkPruning
	}
	if !slices.Contains(lowrank.Methods(), a.Method) {
		return fmt.Errorf("method: expected %q, %q or one of %v, found %q", Dense, Prune, lowrank.Methods(), a.Method)
	}
	if _, err := a.Settings.For(a.Method); err != nil {
		return err
	}
	if _, err := lowrank.Rank(a.Ratio, 1, 1); err != nil {
		return err
	}
	if _, err := a.sequential().For(a.Method); err != nil && a.Sequential != "" {
		return err
	}
	if a.Sequential == "" && a.Target != "" {
		return fmt.Errorf("target: %q has no say without a sequential mode; take %q, %q or %q", a.Target, lowrank.Recalibrate, lowrank.Update, lowrank.Both)
	}
	if a.Ranks != nil {
		return nil
	}
	if by := []By{"", lowrank.ByUniform, lowrank.ByEnergy, ByFisher}; !slices.Contains(by, a.Allocate) {
		return fmt.Errorf("allocate: expected one of %q, found %q", by[1:], a.Allocate)
	}
	return nil
}

// sequential are the options of lowrank.Sequential.
func (a Attempt) sequential() lowrank.SequentialOptions {
	return lowrank.SequentialOptions{Mode: a.Sequential, Target: a.Target}
}

// looksAtText says whether calibration text has a say.
func (a Attempt) looksAtText() bool {
	if a.Method == Prune {
		return a.Pruning.looksAtText()
	}
	return a.Method.NeedsMoments() || a.needsFisher() || a.Sequential != ""
}

func (a Attempt) needsFisher() bool { return a.Method.NeedsFisher() || a.Allocate == ByFisher }

// calibration says on what the attempt is calibrated.
func (a Attempt) calibration(m *Model) Calibration {
	if a.Moments != nil {
		return a.Moments.Options
	}
	return a.Calibration.withDefaults(m)
}

// Label names the attempt but for its ratio: "svd", "asvd alpha=0.3 energy".
func (a Attempt) Label() string {
	if a.Method == Prune {
		return a.Pruning.label()
	}
	label := string(a.Method)
	if settings := a.Settings.String(); settings != "" {
		label += " " + settings
	}
	if a.Allocate != "" && a.Allocate != lowrank.ByUniform {
		label += " " + string(a.Allocate)
	}
	if a.Sequential != "" {
		label += ", " + string(a.Sequential)
	}
	if a.Target == lowrank.Original {
		label += " to original"
	}
	for _, kind := range a.Options.Protect {
		label += " without " + string(kind)
	}
	for _, linear := range a.Options.ProtectLinears {
		label += " without " + linear
	}
	if a.Options.Multiple > 1 {
		label += fmt.Sprintf(" multiples of %d", a.Options.Multiple)
	}
	if a.Options.Minimum > 1 {
		label += fmt.Sprintf(" at least %d", a.Options.Minimum)
	}
	if a.Options.FreeBias {
		label += " free bias"
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
	if a.Method == Prune {
		return a.pruneParams(m, p)
	}
	if a.Method != Dense {
		p["allocate"] = tracker.String(string(cmp.Or(a.Allocate, lowrank.ByUniform)))
	}
	if a.Sequential != "" {
		p["sequential"] = tracker.String(string(a.Sequential))
		p["target"] = tracker.String(string(cmp.Or(a.Target, lowrank.Shifted)))
	}
	if !a.looksAtText() {
		return p
	}
	o := a.calibration(m)
	p["calibration"] = tracker.String(whole(o.Text, CalibrationPart))
	p["sequences"] = tracker.Int(int64(o.Sequences))
	p["length"] = tracker.Int(int64(o.Length))
	p["groups"] = tracker.Int(int64(o.Groups))
	p["seed"] = tracker.Int(int64(o.Seed))
	return p
}
