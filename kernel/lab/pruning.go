package lab

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/parelab/pare/gomlxops/importance"
	"github.com/parelab/pare/gomlxops/prune"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/tracker"
)

// Prune is the method of an attempt that cuts heads, MLP channels, channels of the residual stream or layers out of the model. The attempt's
// Pruning says how; its Ratio is that of prune.Options.
const Prune Method = "prune"

// Score says what makes a weight worth keeping.
type Score string

// The scores, by the names of the command line. See [importance.Criterion] for what they are.
const (
	TaylorFirst  Score = "taylor-first"
	TaylorSecond Score = "taylor-second"
	TaylorMix    Score = "taylor-mix"
	Vectorize    Score = "vectorize"
	L1           Score = "l1"
	L2           Score = "l2"
	Random       Score = "random"
	Wanda        Score = "wanda"
	FLAP         Score = "flap"
)

// Scores lists all scores.
func Scores() []Score {
	return []Score{TaylorFirst, TaylorSecond, TaylorMix, Vectorize, L1, L2, Random, Wanda, FLAP}
}

// criteria are the names that package importance has for scores.
var criteria = map[Score]importance.Criterion{
	TaylorFirst: importance.ParamFirst, TaylorSecond: importance.ParamSecond, TaylorMix: importance.ParamMix, Vectorize: importance.Vectorize,
	L1: importance.L1, L2: importance.L2, Random: importance.Random, Wanda: importance.Wanda, FLAP: importance.FLAP,
}

// needsGradients says whether text is run forward and backward.
func (s Score) needsGradients() bool { return slices.Contains(importance.TaylorCriteria, criteria[s]) }

// needsMoments says whether the score is made from moments.
func (s Score) needsMoments() bool { return s == Wanda || s == FLAP }

// CutScope says what is cut.
type CutScope string

// The scopes; the empty one is CutBlocks.
const (
	CutBlocks   CutScope = "block"   // heads and MLP channels
	CutChannels CutScope = "channel" // channels of the residual stream
	CutLayers   CutScope = "layer"   // whole layers
)

// Pruning says how an attempt of method [Prune] cuts; the zero value works.
type Pruning struct {
	Score     Score                    // default TaylorFirst
	Aggregate Aggregation              // over the weights that go together; default sum
	Units     Aggregation              // over the channels of a head; default sum
	Normalise importance.Normalisation // within a layer's heads and within its channels; default not

	Scope  CutScope // default CutBlocks
	Across Across   // which heads and channels compete; default prune.Local, those of a layer

	// ProtectFirst and ProtectLast layers lose nothing. Where heads and channels are cut from a model of at least 16 layers the default is 4
	// and 2, as in LLM-Pruner's recipe for 32; otherwise none. -1 is none.
	ProtectFirst, ProtectLast int

	KeepHeads, KeepChannels bool // attention, or MLPs, lose nothing
	Round                   int  // what is kept of channels is a multiple of it; default 1
	Steps                   int  // the ratio is reached in so many steps, with new scores on other sequences before each; default 1
	Compensate              bool // biases make up for the mean of what goes, as in FLAP
}

// Aggregation is how scores of several weights become one: "sum", "mean", "max", "prod", "first", "second" or "last". See [importance.Aggregation].
type Aggregation = importance.Aggregation

// Across says which heads and channels compete, and what the ratio is of: "local", "global", "even", "budget" or "density". See [prune.Scope].
type Across = prune.Scope

// deepEnough is from how many layers on some are protected by default.
const deepEnough = 16

func (p Pruning) score() Score           { return cmp.Or(p.Score, TaylorFirst) }
func (p Pruning) scope() CutScope        { return cmp.Or(p.Scope, CutBlocks) }
func (p Pruning) aggregate() Aggregation { return cmp.Or(p.Aggregate, importance.Sum) }

// looksAtText says whether calibration text has a say.
func (p Pruning) looksAtText() bool {
	return p.score().needsGradients() || p.score().needsMoments() || p.Compensate
}

// options are those of package prune, for a model of so many layers.
func (p Pruning) options(layers int, ratio float64) prune.Options {
	protect := func(n, usual int) int {
		switch {
		case n == -1 || n == 0 && (layers < deepEnough || p.scope() != CutBlocks):
			return 0
		case n == 0:
			return usual
		}
		return n
	}
	return prune.Options{
		Ratio: ratio, ProtectFirst: protect(p.ProtectFirst, 4), ProtectLast: protect(p.ProtectLast, 2),
		KeepHeads: p.KeepHeads, KeepChannels: p.KeepChannels, Scope: p.Across, Round: p.Round, Steps: p.Steps,
	}
}

// pruneOptions are those of package prune for the model.
func (a Attempt) pruneOptions(m *Model) prune.Options {
	o := a.Pruning.options(m.Config().Layers, a.Ratio)
	o.Remove, o.Holdings = a.remove, prune.Holdings(m.Dense())
	return o
}

// checkPlan refuses what would fail after minutes of computing.
func (a Attempt) checkPlan(m *Model) error {
	p := a.Pruning
	if !(a.Ratio > 0) {
		return fmt.Errorf("ratio: expected a fraction above 0 and below 1, found %v", a.Ratio)
	}
	if err := p.checkNames(); err != nil {
		return err
	}
	switch {
	case p.Steps < 0:
		return fmt.Errorf("steps: expected a number of at least 1, found %d", p.Steps)
	case p.Across == prune.Density && (p.score() == FLAP || p.Normalise == importance.Standardise):
		return fmt.Errorf("across %q: standardised scores (score %q, normalise %q) lie below 0 for half of all heads and channels, and those divided by what they hold are in no order; take %q or %q",
			prune.Density, FLAP, importance.Standardise, prune.Budget, prune.Even)
	case p.Steps > 1 && p.scope() != CutBlocks:
		return fmt.Errorf("steps: scope %q is cut in one step, found %d; leave steps away", p.Scope, p.Steps)
	case p.Compensate && p.Steps > 1:
		return fmt.Errorf("compensate: expected one step, found %d: it is made for one plan", p.Steps)
	case p.Compensate && p.scope() != CutBlocks:
		return fmt.Errorf("compensate: biases make up for heads and MLP channels only, found scope %q", p.Scope)
	case p.scope() != CutBlocks && (p.Across != "" && p.Across != prune.Local || p.KeepHeads || p.KeepChannels):
		return fmt.Errorf("scope %q: heads and channels of the layers do not compete; leave away what says how", p.Scope)
	}
	_, err := p.plan(m.Config(), a.pruneOptions(m), nothing(m.Config()))
	return err
}

func (p Pruning) checkNames() error {
	if _, ok := criteria[p.score()]; !ok {
		return fmt.Errorf("score: expected one of %v, found %q", Scores(), p.Score)
	}
	if _, err := importance.ParseAggregation(string(p.aggregate())); err != nil {
		return err
	}
	if _, err := importance.Units([]float64{0}, 1, cmp.Or(p.Units, importance.Sum)); err != nil {
		return fmt.Errorf("units: %w", err)
	}
	if _, err := importance.Normalise([]float64{0}, p.Normalise); err != nil {
		return err
	}
	if p.score() == FLAP && p.Normalise == importance.ByMean {
		return fmt.Errorf("normalisation: score %q is standardised, so that its mean is 0 and cannot divide; take none, %q or %q", FLAP, importance.ByMax, importance.Standardise)
	}
	if p.score() == FLAP && p.Aggregate == importance.Second {
		return fmt.Errorf("aggregation: score %q is of one weight for each head and channel, the one that reads it; there is no second", FLAP)
	}
	switch p.scope() {
	case CutBlocks, CutChannels, CutLayers:
		return nil
	}
	return fmt.Errorf("scope: expected %q, %q or %q, found %q", CutBlocks, CutChannels, CutLayers, p.Scope)
}

// nothing are scores that tell nothing apart, for plans whose sizes alone matter.
func nothing(c *transformer.Config) prune.Scores {
	s := prune.Scores{Hidden: make([]float64, c.HiddenSize), Layers: make([]float64, c.Layers)}
	for l := range c.Layers {
		units, _ := prune.Units(c, l)
		s.Heads, s.Channels = append(s.Heads, make([]float64, units)), append(s.Channels, make([]float64, c.Shape(l).MLP))
	}
	return s
}

// plan chooses what is kept, in one step.
func (p Pruning) plan(c *transformer.Config, o prune.Options, s prune.Scores) (*prune.Plan, error) {
	switch p.scope() {
	case CutChannels:
		return o.ChannelPlan(c, s)
	case CutLayers:
		return o.LayerPlan(c, s)
	}
	return o.Plan(c, s)
}

// label names the pruning but for its ratio: "prune taylor-first, max, global".
func (p Pruning) label() string {
	label := string(Prune) + " " + string(p.score())
	add := func(when bool, format string, args ...any) {
		if when {
			label += ", " + fmt.Sprintf(format, args...)
		}
	}
	add(p.aggregate() != importance.Sum, "%s", p.Aggregate)
	add(p.Units != "" && p.Units != importance.Sum, "%s in heads", p.Units)
	add(p.Normalise != "", "over %s", p.Normalise)
	add(p.scope() != CutBlocks, "%ss", p.Scope)
	add(p.Across != "" && p.Across != prune.Local, "%s", p.Across)
	add(p.ProtectFirst != 0 || p.ProtectLast != 0, "without first %d and last %d", max(0, p.ProtectFirst), max(0, p.ProtectLast))
	add(p.KeepHeads, "no heads")
	add(p.KeepChannels, "no MLP channels")
	add(p.Round > 1, "multiples of %d", p.Round)
	add(p.Steps > 1, "%d steps", p.Steps)
	add(p.Compensate, "compensated")
	return label
}

// params are the pruning's hyperparameters as the record keeps them.
func (p Pruning) params(layers int) map[string]tracker.Value {
	o := p.options(layers, 0)
	all := map[string]tracker.Value{
		"score": tracker.String(string(p.score())), "aggregate": tracker.String(string(p.aggregate())), "scope": tracker.String(string(p.scope())),
		"across": tracker.String(string(cmp.Or(p.Across, prune.Local))), "protect_first": tracker.Int(int64(o.ProtectFirst)), "protect_last": tracker.Int(int64(o.ProtectLast)),
		"round": tracker.Int(int64(max(1, p.Round))), "steps": tracker.Int(int64(max(1, p.Steps))), "compensate": tracker.Bool(p.Compensate),
	}
	return all
}

// pruneParams adds what pruning has to an attempt's hyperparameters.
func (a Attempt) pruneParams(m *Model, p map[string]tracker.Value) {
	maps.Copy(p, a.Pruning.params(m.Config().Layers))
	if a.Pruning.score() == Random || a.looksAtText() {
		p[seedParam] = tracker.Int(int64(a.calibration(m).Seed))
	}
	if a.looksAtText() {
		o := a.calibration(m)
		p["calibration"] = tracker.String(whole(o.Text, CalibrationPart))
		p["sequences"], p["length"] = tracker.Int(int64(o.Sequences)), tracker.Int(int64(o.Length))
	}
}
