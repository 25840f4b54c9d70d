package lab

import (
	"context"
	"fmt"

	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/show"
)

// Cost is what a variant takes: counted from its tensors, and measured here.
type Cost struct {
	evaluate.Sizes
	Operations evaluate.Operations `json:"operations"`
	Latency    []evaluate.Latency  `json:"latency"` // of 1 and of 8 sequences
	Throughput evaluate.Throughput `json:"throughput"`
}

// costLength is the number of tokens that operations are counted and latencies taken for: LLM-Pruner's.
const costLength = 64

// Cost counts and measures what a variant of the model takes; nil is the model as it is.
func (l *Lab) Cost(ctx context.Context, m *Model, v *transformer.Variant) (*Cost, error) {
	if v == nil {
		v = m.Dense()
	}
	watch := l.watch("Cost of " + m.Name)
	defer watch.Close()
	length := min(costLength, m.Config().MaxPositions)
	c := &Cost{Sizes: evaluate.Size(v)}
	var err error
	if c.Operations, err = evaluate.CountOperations(v, length); err != nil {
		return nil, err
	}
	if c.Latency, err = evaluate.MeasureLatency(ctx, v, evaluate.LatencyOptions{Length: length}, watch); err != nil {
		return nil, err
	}
	text, err := l.Tokens(m, Pocket, HeldOutPart) // what the text says does not matter
	if err != nil {
		return nil, err
	}
	blocks, err := text.Blocks(8, min(longestDefault, m.Config().MaxPositions))
	if err != nil {
		return nil, err
	}
	t, err := evaluate.MeasureThroughput(ctx, v, blocks, 0)
	if err != nil {
		return nil, err
	}
	c.Throughput = *t
	return c, nil
}

// Facts lays the cost out for people.
func (c *Cost) Facts() show.Fragment {
	items := []show.Fact{
		{Name: "parameters", Value: c.Params},
		{Name: "of these in decoder linears", Value: c.LinearParams},
		{Name: "removed of decoder linears", Value: c.Removed, Format: show.Percent},
		{Name: "bytes", Value: c.Bytes},
		{Name: "multiply-accumulates per token", Value: c.Operations.PerToken},
		{Name: fmt.Sprintf("of %d tokens with attention", c.Operations.Length), Value: c.Operations.Sequence},
	}
	for _, l := range c.Latency {
		items = append(items, show.Fact{
			Name:  fmt.Sprintf("latency, batch %d of %d tokens", l.Batch, l.Length),
			Value: fmt.Sprintf("%.2f ms (half of %d within %.2f to %.2f)", 1e3*l.Median, l.Repeats, 1e3*l.Low, 1e3*l.High),
		})
	}
	t := c.Throughput
	items = append(items, show.Fact{
		Name:  fmt.Sprintf("throughput, %d blocks of %d tokens", t.Blocks, t.Length),
		Value: fmt.Sprintf("%.0f tokens/s (%.0f to %.0f of %d)", t.TokensPerSecond, t.Worst, t.Best, t.Repeats),
	}, show.Fact{Name: "backend", Value: t.Backend})
	return show.Facts{Title: "Cost", Items: items}
}

// CostOf counts and measures what a variant takes, in a cell; nil is the model as it is. See [Lab.Cost].
func CostOf(m *Model, v *transformer.Variant) *Cost { return must(here().Cost(interruptible(), m, v)) }
