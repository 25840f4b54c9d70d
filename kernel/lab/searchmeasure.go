package lab

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/tracker"
)

// Metrics of a search's trial. Those of blocks have the block's number as their step.
const (
	objectiveMetric = "objective"
	seenMetric      = "blocks"        // that were measured
	lossMetric      = "block_loss"    // nats per prediction
	forwardMetric   = "block_kl"      // of the variant from the dense model
	reverseMetric   = "block_reverse" // of the dense model from the variant
)

// stoppedTag marks a trial that was stopped early. Its objective is what is expected of it, and it has no perplexity.
const stoppedTag = "stopped"

// score is what came of measuring a suggestion.
type score struct {
	value  float64
	blocks evaluate.Divergence // as far as measured; none where a function measures
	ahead  *bayesopt.Comparison
}

// incumbent is the best trial when a suggestion was asked for, as far as the record has its blocks.
type incumbent struct {
	value  float64
	blocks evaluate.Divergence
}

// measure slices the factors at the suggestion's ranks and runs the blocks through, as many as it takes.
func (h *hunt) measure(ctx context.Context, s bayesopt.Suggestion, best *incumbent, run *tracker.Run) (*score, error) {
	v, err := h.variant(s, run)
	if err != nil {
		return nil, err
	}
	out := &score{}
	if f := h.Objective.Function; f != nil {
		out.value, err = f(ctx, v)
	} else if err = h.look(ctx, v, best, out); err == nil {
		out.record(run)
	}
	if err == nil && (math.IsInf(out.value, 0) || math.IsNaN(out.value)) {
		err = fmt.Errorf("objective %s: expected a finite value, found %v", h.Objective, out.value)
	}
	return out, err
}

// look measures blocks, in parts where a trial may be stopped, and stops where a part tells that the trial is worse.
func (h *hunt) look(ctx context.Context, v *transformer.Variant, best *incumbent, out *score) error {
	for first := 0; first < h.Blocks; {
		last := h.nextLook(first, best)
		d, err := h.compare(ctx, v, first, last)
		if err != nil {
			return err
		}
		out.add(d)
		if first = last; first == h.Blocks || best == nil {
			continue
		}
		perplexity := math.Exp(stat.Mean(best.blocks.Loss, nil))
		c, err := bayesopt.ClearlyWorse(h.Objective.each(&out.blocks, perplexity), h.Objective.each(&best.blocks, perplexity), h.StopAt)
		if err != nil {
			return err
		}
		if c.Stop {
			out.ahead, out.value = &c, h.foretell(&out.blocks, &best.blocks)
			return nil
		}
	}
	out.value = h.Objective.of(means(&out.blocks))
	return nil
}

// nextLook says up to which block to measure before the next look at the incumbent: a quarter of all more, and at first as many as a comparison takes.
func (h *hunt) nextLook(first int, best *incumbent) int {
	if h.StopAt == 0 || best == nil {
		return h.Blocks
	}
	part := (h.Blocks + 3) / 4
	return min(first+max(part, bayesopt.FewestBlocks), h.Blocks)
}

// learn sees to the teacher, where the objective has one and it is not there yet: a search that only reads its record back needs none.
func (h *hunt) learn(ctx context.Context) error {
	if h.teacher != nil || !h.Objective.needsTeacher() {
		return nil
	}
	teacher, err := evaluate.NewTeacher(ctx, h.model.Dense(), h.blocks, h.Objective.TopK, h.watch)
	if err != nil {
		return err
	}
	h.teacher = teacher
	return nil
}

// compare returns losses of some blocks, and divergences where the objective has any.
func (h *hunt) compare(ctx context.Context, v *transformer.Variant, first, last int) (*evaluate.Divergence, error) {
	if h.teacher != nil {
		return h.teacher.Compare(ctx, v, first, last, nil)
	}
	losses, err := v.Losses(ctx, h.blocks[first:last], transformer.RunOptions{})
	if err != nil {
		return nil, err
	}
	d := &evaluate.Divergence{}
	for _, sum := range losses.Sum {
		d.Loss = append(d.Loss, sum/float64(losses.Predictions))
	}
	return d, nil
}

// foretell is the objective of all blocks where some were measured: the incumbent's, moved by the mean differences from it on those.
func (h *hunt) foretell(d, best *evaluate.Divergence) float64 {
	moved := func(now, before []float64) float64 {
		if len(now) == 0 {
			return 0
		}
		return stat.Mean(before, nil) + stat.Mean(now, nil) - stat.Mean(before[:len(now)], nil)
	}
	return h.Objective.of(moved(d.Loss, best.Loss), moved(d.Forward, best.Forward), moved(d.Reverse, best.Reverse))
}

func means(d *evaluate.Divergence) (loss, forward, reverse float64) {
	if loss = stat.Mean(d.Loss, nil); len(d.Forward) > 0 {
		forward, reverse = stat.Mean(d.Forward, nil), stat.Mean(d.Reverse, nil)
	}
	return loss, forward, reverse
}

func (s *score) add(d *evaluate.Divergence) {
	s.blocks.Loss = append(s.blocks.Loss, d.Loss...)
	s.blocks.Forward, s.blocks.Reverse = append(s.blocks.Forward, d.Forward...), append(s.blocks.Reverse, d.Reverse...)
}

// record writes what was measured; perplexity only where all blocks were.
func (s *score) record(run *tracker.Run) {
	for name, values := range s.series() {
		for i, v := range *values {
			run.Metric(name, i, v)
		}
	}
	run.Metric(seenMetric, 0, float64(len(s.blocks.Loss)))
	if s.ahead != nil {
		run.Tag(stoppedTag)
		run.Note(fmt.Sprintf("Stopped after %d blocks: worse than the best by %.4g on average, and by %.4g at least.", s.ahead.Blocks, s.ahead.Difference, s.ahead.Bound))
		return
	}
	mean, deviation := stat.MeanStdDev(s.blocks.Loss, nil)
	run.Metric(perplexityMetric, 0, math.Exp(mean))
	if n := len(s.blocks.Loss); n > 1 {
		run.Metric(stderrOf(perplexityMetric), 0, math.Exp(mean)*deviation/math.Sqrt(float64(n)))
	}
}

func (s *score) series() map[string]*[]float64 { return seriesOf(&s.blocks) }

func seriesOf(d *evaluate.Divergence) map[string]*[]float64 {
	return map[string]*[]float64{lossMetric: &d.Loss, forwardMetric: &d.Forward, reverseMetric: &d.Reverse}
}

// incumbent reads the blocks of the best trial, where trials may be stopped and all of its blocks are in the record.
func (h *hunt) incumbent(ctx context.Context, trials []bayesopt.Trial, numbers map[int]int) (*incumbent, error) {
	b, found := best(trials)
	if !found || h.StopAt == 0 || h.Objective.Function != nil {
		return nil, nil
	}
	out := &incumbent{value: b.Value}
	for name, values := range seriesOf(&out.blocks) {
		points, err := h.study.lab.Store.History(ctx, h.study.Name, numbers[b.ID], name, tracker.Range{})
		if err != nil {
			return nil, err
		}
		for _, p := range points {
			*values = append(*values, float64(p.Value))
		}
	}
	if len(out.blocks.Loss) != h.Blocks || h.Objective.needsTeacher() && len(out.blocks.Forward) != h.Blocks {
		return nil, fmt.Errorf("study %s, trial %d: expected %d blocks in its record, found %d", h.study.Name, numbers[b.ID], h.Blocks, len(out.blocks.Loss))
	}
	return out, nil
}

// stopped says whether a trial of the record was stopped early.
func stopped(t *tracker.Trial) bool { return slices.Contains(t.Tags, stoppedTag) }
