package lab

import (
	"cmp"
	"fmt"

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

	// Then is a second method, on what the first leaves: Prune after low rank, or low rank after Prune. Ratio is of both together, of the numbers that linears
	// hold: the first removes Share of it, the second what is missing. Settings of low rank are for the one that is it, Pruning for the other.
	Then  Method
	Share float64 // above 0 and below 1; default 0.5

	Latency bool // measure how long batches of 1 and of 8 take, before and after

	Out       string // directory to write the model to; "" writes none
	Overwrite bool   // a model that is there

	Moments     *Moments    // a calibration that was made already; nil makes one where the method needs it
	Calibration Calibration // of moments and gradients that are not given

	remove int // numbers that Prune has to remove, in place of Ratio; see inTurn
}

// Outcome is what came of an attempt.
type Outcome struct {
	*Smaller
	Trial    int // number in the study
	Measured []*evaluate.Perplexity
	Answers  *Answers   // to the study's questions; nil where it asks none
	Latency  *Latencies // nil unless asked for
}

// sequential are the options of lowrank.Sequential.
func (a Attempt) sequential() lowrank.SequentialOptions {
	return lowrank.SequentialOptions{Mode: a.Sequential, Target: a.Target}
}

// looksAtText says whether calibration text has a say.
func (a Attempt) looksAtText() bool {
	if a.Then != "" {
		first, second := a.parts()
		return first.looksAtText() || second.looksAtText()
	}
	if a.Method == Prune {
		return a.Pruning.looksAtText()
	}
	return a.Method.NeedsMoments() || a.needsFisher() || a.Sequential != ""
}

// needsFisher says whether low rank looks at squared gradients.
func (a Attempt) needsFisher() bool {
	return a.Method.NeedsFisher() || a.Then.NeedsFisher() || a.Allocate == ByFisher
}

// calibration says on what the attempt is calibrated.
func (a Attempt) calibration(m *Model) Calibration {
	if a.Moments != nil {
		return a.Moments.Options
	}
	return a.Calibration.withDefaults(m)
}

// Label names the attempt but for its ratio: "svd", "asvd alpha=0.3 energy".
func (a Attempt) Label() string {
	if a.Then != "" {
		first, second := a.parts()
		label := first.Label() + ", then " + second.Label()
		if a.share() != 0.5 {
			label += fmt.Sprintf(", share %.4g", a.share())
		}
		return label
	}
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
	if a.Then == "" {
		a.ownParams(m, p)
		return p
	}
	p["then"], p["share"] = tracker.String(string(a.Then)), tracker.Float(a.share())
	first, second := a.parts()
	first.ownParams(m, p)
	second.ownParams(m, p)
	return p
}

// ownParams adds what the attempt's method has.
func (a Attempt) ownParams(m *Model, p map[string]tracker.Value) {
	switch a.Method {
	case Dense:
	case Prune:
		a.pruneParams(m, p)
	default:
		a.lowRankParams(m, p)
	}
}

func (a Attempt) lowRankParams(m *Model, p map[string]tracker.Value) {
	p["allocate"] = tracker.String(string(cmp.Or(a.Allocate, lowrank.ByUniform)))
	if a.Sequential != "" {
		p["sequential"] = tracker.String(string(a.Sequential))
		p["target"] = tracker.String(string(cmp.Or(a.Target, lowrank.Shifted)))
	}
	if !a.looksAtText() {
		return
	}
	o := a.calibration(m)
	p["calibration"] = tracker.String(whole(o.Text, CalibrationPart))
	p["sequences"] = tracker.Int(int64(o.Sequences))
	p["length"] = tracker.Int(int64(o.Length))
	p["groups"] = tracker.Int(int64(o.Groups))
	p["seed"] = tracker.Int(int64(o.Seed))
}
