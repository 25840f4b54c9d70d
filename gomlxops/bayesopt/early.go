package bayesopt

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Comparison is a trial against the incumbent on the blocks that both were measured on.
type Comparison struct {
	Blocks     int     `json:"blocks"`
	Difference float64 `json:"difference"` // mean over blocks of trial − incumbent
	Bound      float64 `json:"bound"`      // with the confidence asked for, the true difference is at least this
	Stop       bool    `json:"stop"`       // Bound is above 0: the trial is worse
}

// FewestBlocks is how many blocks there must be before a trial may be stopped.
const FewestBlocks = 5

// ClearlyWorse says whether a trial may be stopped after a part of its blocks: trial[i] and incumbent[i] are what both gave on block i, less being
// better; a block's mean loss, say, rather than its perplexity, so that no block outweighs the others. The incumbent may have more blocks.
//
// Blocks differ far more from each other than allocations do on one block, so differences are paired, and the bound is that of
// Student's t:
//
//	bound = d̄ − t(1 − α_n; n−1) s_d/√n,   α_n = (1 − confidence) / (n (n−1))
//
// with d the n differences. Since Σ_{n≥2} 1/(n(n−1)) = 1, looking after every block errs, over the whole trial, with probability at most 1 − confidence
// where differences are normal and independent: draw blocks in random order. At confidence 0.99, say, one in a hundred trials that would have
// been no worse is lost.
//
// Errors: a confidence outside (0,1), fewer blocks of the incumbent than of the trial, values that are not finite.
func ClearlyWorse(trial, incumbent []float64, confidence float64) (Comparison, error) {
	n := len(trial)
	if !(confidence > 0 && confidence < 1) {
		return Comparison{}, fmt.Errorf("confidence: expected between 0 and 1, found %v", confidence)
	}
	if len(incumbent) < n {
		return Comparison{}, fmt.Errorf("blocks: expected at least the trial's %d of the incumbent, found %d", n, len(incumbent))
	}
	d := make([]float64, n)
	for i := range d {
		d[i] = trial[i] - incumbent[i]
		if !finite(d[i]) {
			return Comparison{}, fmt.Errorf("block %d: expected finite values, found %v and %v", i, trial[i], incumbent[i])
		}
	}
	c := Comparison{Blocks: n, Bound: math.Inf(-1)}
	if n > 0 {
		c.Difference = stat.Mean(d, nil)
	}
	if n < FewestBlocks {
		return c, nil
	}
	alpha := (1 - confidence) / float64(n*(n-1))
	t := distuv.StudentsT{Sigma: 1, Nu: float64(n - 1)}.Quantile(1 - alpha)
	c.Bound = c.Difference - t*stat.StdDev(d, nil)/math.Sqrt(float64(n))
	c.Stop = c.Bound > 0
	return c, nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
