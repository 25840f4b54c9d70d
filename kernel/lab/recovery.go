package lab

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/parelab/pare/gomlxops/recovery"
	"github.com/parelab/pare/tracker"
)

// Trained says what a recovery trains.
type Trained string

// What can be trained; the names are those of the command line.
const (
	ByLoRA     Trained = "lora"     // branches of low rank beside linears: recovery.LoRA
	BySubspace Trained = "subspace" // two diagonals beside each factored linear: recovery.Subspace
	ByTwoSided Trained = "twosided" // the factors of factored linears, first the outer ones, then the inner ones: recovery.TwoSided
	ByAll      Trained = "full"     // every number of the model
)

// Recovery says how quality is won back by training. The zero value works: LoRA of rank 8 beside every linear, on pocket's text.
type Recovery struct {
	Trained Trained  // default ByLoRA
	Rank    int      // of LoRA, default 8; of the subspace form, default 64 or the linear's
	Alpha   float64  // of LoRA, whose branch counts α/r; default 2 Rank
	Dropout float64  // share of a branch's inputs that a step leaves out
	RSLoRA  bool     // α/√r in the place of α/r
	Init    string   // of LoRA's A: recovery.Kaiming, the default, or recovery.Gaussian
	Targets []string // linears, or ends of their names such as "q_proj"; default all that can be
	Pattern string   // regular expression of whole names, in their place
	// RankPattern and AlphaPattern give some of LoRA's linears another rank and α, by their names or ends of these; see recovery.LoRA.
	RankPattern  map[string]int
	AlphaPattern map[string]float64

	Text string // trained on, its part for training; default "pocket"
	// Instructions are trained on in its place where they are given, with the recovery's batch and seed; their length is 256 tokens unless
	// Length says less, and a few batches of them are held out.
	Instructions *Instruct

	Steps        int     // default 200
	Batch        int     // sequences in a step; default 8
	Length       int     // tokens that a sequence predicts; default 128, or the model's longest if that is less
	LearningRate float64 // the highest; default by what is trained: see defaultRates
	WeightDecay  float64
	Schedule     string  // "cosine", "linear" or "constant"; default linear, as LLM-Pruner's and Bolaco's trainings
	WarmUp       int     // steps; default a twentieth of them, -1 none
	Clip         float64 // largest norm of the gradients; default 1, negative is none
	Accumulate   int     // parts of a batch whose gradients are added up, for less memory; default 1
	Recompute    bool    // compute every block again on the way back, for less memory
	DType        string  // recovery.Float32 or recovery.BFloat16, of which the base takes half the memory; default float32. What is trained is in float32

	EvalEvery int    // steps between measurements of the loss on HeldBatches·Batch sequences that are not trained on; 0 is never
	Patience  int    // of so many measurements in a row without a better loss: ends the training, and takes the best. 0 is none
	Seed      uint64 // of the adapter, the order of the data, and dropout; default 1

	// Teach is the share that the predictions of the model before compression have in the loss, in (0,1]; 0 is none. Teacher names
	// another model to learn from, with the same tokens; Temperature smooths both, default 1.
	Teach       float64
	Teacher     string
	Temperature float64

	Out       string // directory for the adapter, or for the model where that is trained itself; default for adapters a folder under Home, otherwise none
	Merge     string // directory for a model with the adapter worked in; "" writes none
	Overwrite bool   // a Merge, or a model in Out, that is there

	// A state is kept while the training runs, SaveEvery steps apart, and the same recovery goes on from it when it is asked for again,
	// after whatever ended it. Fresh begins anew.
	SaveEvery int // default 50
	Fresh     bool
}

// defaultRates are the learning rates that served pocket and the novels model best, 40 steps of 8 sequences of 96 tokens. Perplexity after, by rate: LoRA of rank 8 on the
// pruned pocket 3.27 (1e-3), 3.13 (4e-3), 3.26 (1.5e-2), on the pruned novels model 39.4 (2e-3), 39.0 (4e-3); diagonals 3.28 (1e-2), 3.10 (5e-2); two-sided
// 3.07 (1e-3), 3.19 (3e-3); all weights 3.11 (3e-4), 3.22 (1e-3).
var defaultRates = map[Trained]float64{ByLoRA: 4e-3, BySubspace: 5e-2, ByTwoSided: 1e-3, ByAll: 3e-4}

// heldBatches is how many batches are kept from training, to measure on.
const heldBatches = 4

func (r Recovery) withDefaults(m *Model) Recovery {
	r.Trained = cmp.Or(r.Trained, ByLoRA)
	if r.Trained == ByLoRA {
		r.Rank = cmp.Or(r.Rank, 8)
		r.Alpha = cmp.Or(r.Alpha, 2*float64(r.Rank))
	}
	r.Steps, r.Batch, r.Seed = cmp.Or(r.Steps, 200), cmp.Or(r.Batch, 8), cmp.Or(r.Seed, 1)
	if r.Instructions != nil {
		q, longest := *r.Instructions, 0
		if r.Length > 0 {
			longest = r.Length + 1
		}
		q.Batch, q.Seed, q.Held = r.Batch, r.Seed, cmp.Or(q.Held, heldBatches*r.Batch)
		q.Length = min(cmp.Or(q.Length, longest, 256), m.Config().MaxPositions+1)
		r.Instructions, r.Length, r.Text = &q, q.Length-1, ""
	}
	if r.Instructions == nil {
		r.Text = cmp.Or(r.Text, Pocket)
	}
	r.Length = cmp.Or(r.Length, min(128, m.Config().MaxPositions-1))
	r.LearningRate = cmp.Or(r.LearningRate, defaultRates[r.Trained])
	r.Schedule = cmp.Or(r.Schedule, recovery.Line)
	r.Clip, r.Accumulate, r.SaveEvery = cmp.Or(r.Clip, 1), cmp.Or(r.Accumulate, 1), cmp.Or(r.SaveEvery, 50)
	r.Temperature, r.DType = cmp.Or(r.Temperature, 1), cmp.Or(r.DType, recovery.Float32)
	if r.WarmUp == 0 {
		r.WarmUp = r.Steps / 20
	}
	r.WarmUp = max(r.WarmUp, 0)
	if r.Patience > 0 && r.EvalEvery == 0 {
		r.EvalEvery = max(1, r.Steps/10)
	}
	return r
}

// check refuses what would fail after minutes of computing; r has its defaults.
func (r Recovery) check() error {
	all := []Trained{ByLoRA, BySubspace, ByTwoSided, ByAll}
	branches := r.Trained == ByLoRA || r.Trained == BySubspace
	switch {
	case !slices.Contains(all, r.Trained):
		return fmt.Errorf("trained: expected one of %q, found %q", all, r.Trained)
	case r.Trained == ByTwoSided && r.Steps < 2:
		return fmt.Errorf("steps: %s trains two sides, expected at least 2 steps, found %d", ByTwoSided, r.Steps)
	case !branches && (r.Rank != 0 || r.Dropout != 0) || r.Trained != ByLoRA && (r.Alpha != 0 || r.RSLoRA || r.Init != "" || len(r.RankPattern)+len(r.AlphaPattern) > 0):
		return fmt.Errorf("%s has no rank, α, dropout, beginning or scaling of its own; leave these out", r.Trained)
	case r.Trained == ByAll && len(r.Targets)+len(r.Pattern) > 0:
		return fmt.Errorf("%s trains everything; leave targets out", r.Trained)
	case r.Batch < 1 || r.Length < 1:
		return fmt.Errorf("batch and length: expected at least 1 of each, found %d sequences of %d tokens", r.Batch, r.Length)
	case r.Accumulate < 1 || r.Batch%r.Accumulate != 0:
		return fmt.Errorf("accumulate: expected a number of parts that a batch of %d can be cut into, found %d", r.Batch, r.Accumulate)
	case r.SaveEvery < 1:
		return fmt.Errorf("steps between saved states: expected at least 1, found %d", r.SaveEvery)
	case r.Teach < 0 || r.Teach > 1 || math.IsNaN(r.Teach):
		return fmt.Errorf("teach: expected a share from 0 to 1, found %v", r.Teach)
	case !(r.Temperature > 0) || math.IsInf(r.Temperature, 0):
		return fmt.Errorf("temperature: expected above 0, found %v", r.Temperature)
	case r.Teach == 0 && r.Teacher != "":
		return fmt.Errorf("teacher %s: expected a share of the loss for it above 0 (Teach), found none", r.Teacher)
	case r.Merge != "" && !branches:
		return fmt.Errorf("merge: %s has no adapter to merge; what is trained is the model itself, and is written to Out", r.Trained)
	}
	o := r.loop()
	o.Held = [][]int32{nil} // some will be
	if err := o.Check(); err != nil {
		return err
	}
	return r.checkPlaces()
}

// loop are the options of the training loop that say how it trains, and not on what.
func (r Recovery) loop() recovery.TrainOptions {
	return recovery.TrainOptions{
		Steps: r.Steps, WarmUp: r.WarmUp, LearningRate: r.LearningRate, WeightDecay: r.WeightDecay, ClipNorm: r.Clip, Schedule: r.Schedule,
		Accumulate: r.Accumulate, Recompute: r.Recompute, DType: r.DType, Seed: r.Seed, EvalEvery: r.EvalEvery, Patience: r.Patience, SaveEvery: r.SaveEvery,
	}
}

// checkPlaces refuses directories that are taken.
func (r Recovery) checkPlaces() error {
	taken := func(dir string) error {
		entries, err := os.ReadDir(dir)
		if dir == "" || errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		return fmt.Errorf("%s: expected no such directory or an empty one, found %d entries; choose another name", dir, len(entries))
	}
	if r.Merge != "" && r.Merge == r.Out {
		return fmt.Errorf("%s: expected two directories, one for the adapter and one for the merged model", r.Out)
	}
	var err error
	if !r.Overwrite {
		err = taken(r.Merge)
	}
	return errors.Join(err, taken(r.Out))
}

// lora are the options of the adapter; base is what it says that it stands beside.
func (r Recovery) lora(base string) recovery.LoRA {
	return recovery.LoRA{Rank: r.Rank, Alpha: r.Alpha, Dropout: r.Dropout, Targets: r.Targets, Pattern: r.Pattern, RSLoRA: r.RSLoRA, Init: r.Init,
		RankPattern: r.RankPattern, AlphaPattern: r.AlphaPattern, Seed: r.Seed, Base: base}
}

func (r Recovery) subspace() recovery.Subspace {
	return recovery.Subspace{Rank: r.Rank, Dropout: r.Dropout, Targets: r.Targets, Pattern: r.Pattern, Seed: r.Seed}
}

// Label names the recovery: "lora r=8", "subspace r=64, taught 0.5".
func (r Recovery) Label() string {
	label := string(r.Trained)
	add := func(when bool, format string, args ...any) {
		if when {
			label += fmt.Sprintf(format, args...)
		}
	}
	add(r.Rank != 0, " r=%d", r.Rank)
	add(r.Trained == ByLoRA && r.Alpha != 2*float64(r.Rank), " α=%g", r.Alpha)
	add(r.RSLoRA, " rs")
	add(r.Init != "" && r.Init != recovery.Kaiming, " %s", r.Init)
	add(len(r.RankPattern) > 0, " r of %s", patterns(r.RankPattern))
	add(len(r.AlphaPattern) > 0, " α of %s", patterns(r.AlphaPattern))
	add(r.Dropout != 0, " dropout=%g", r.Dropout)
	add(len(r.Targets) > 0, " of %s", strings.Join(r.Targets, ","))
	add(r.Pattern != "", " of %s", r.Pattern)
	add(r.Teach != 0, ", taught %g", r.Teach)
	add(r.DType == recovery.BFloat16, ", %s", r.DType)
	return label
}

// patterns writes a pattern as the command line takes it: "down_proj=4,q_proj=16".
func patterns[V int | float64](of map[string]V) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		list = append(list, fmt.Sprintf("%s=%v", name, of[name]))
	}
	return strings.Join(list, ",")
}

// params are the recovery's hyperparameters as the record keeps them.
func (r Recovery) params() map[string]tracker.Value {
	p := map[string]tracker.Value{
		recoveryParam: tracker.String(string(r.Trained)), "train_text": tracker.String(r.data()),
		"train_steps": tracker.Int(int64(r.Steps)), "train_batch": tracker.Int(int64(r.Batch)), "train_length": tracker.Int(int64(r.Length)),
		"learning_rate": tracker.Float(r.LearningRate), "weight_decay": tracker.Float(r.WeightDecay), "schedule": tracker.String(r.Schedule), "warm_up": tracker.Int(int64(r.WarmUp)),
		"clip": tracker.Float(r.Clip), "accumulate": tracker.Int(int64(r.Accumulate)), "recompute": tracker.Bool(r.Recompute),
		"patience": tracker.Int(int64(r.Patience)), seedParam: tracker.Int(int64(r.Seed)),
	}
	if r.Trained == ByLoRA || r.Trained == BySubspace {
		p["rank"], p["dropout"] = tracker.Int(int64(r.Rank)), tracker.Float(r.Dropout)
	}
	if r.Trained == ByLoRA {
		p["alpha"], p["rslora"] = tracker.Float(r.Alpha), tracker.Bool(r.RSLoRA)
	}
	for name, value := range map[string]string{"lora_init": r.Init, "rank_pattern": patterns(r.RankPattern), "alpha_pattern": patterns(r.AlphaPattern)} {
		if value != "" {
			p[name] = tracker.String(value)
		}
	}
	if r.Trained != ByAll {
		p["targets"] = tracker.String(cmp.Or(r.Pattern, strings.Join(r.Targets, ","), "all"))
	}
	if r.DType != recovery.Float32 {
		p["train_dtype"] = tracker.String(r.DType)
	}
	if r.Teach != 0 {
		p["teach"], p["temperature"] = tracker.Float(r.Teach), tracker.Float(r.Temperature)
	}
	if r.Teacher != "" {
		p["teacher"] = tracker.String(r.Teacher)
	}
	return p
}

// recoveryParam is the hyperparameter that tells a recovery from an attempt without one.
const recoveryParam = "recovery"
