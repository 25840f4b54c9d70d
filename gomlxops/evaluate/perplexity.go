package evaluate

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Protocol says where blocks come from. It is kept with the result.
type Protocol struct {
	Paper  string // name of one of Papers, where the blocks are made as it says
	Data   string // name of the text
	Split  string // which part of it: "test", "held out"
	Digest string // of the text
	Joiner string // what stands between documents
	BOS    bool   // every block begins with the model's start token
	Batch  int    // blocks in one call; 0 lets the stream choose. It changes no result but by rounding
}

// Perplexity is the outcome of [MeasurePerplexity], with all that it takes to compare it.
type Perplexity struct {
	Value    float64   `json:"perplexity"`         // exp(Loss)
	Loss     float64   `json:"loss"`               // mean over all predictions of −ln p, in nats
	StdErr   float64   `json:"std_err"`            // of Loss, from how the blocks' means differ; 0 with one block
	Interval []float64 `json:"interval,omitempty"` // 95% on Value, low and high; absent with one block

	Tokens      int `json:"tokens"`
	Predictions int `json:"predictions"` // every token of a block but its first
	Blocks      int `json:"blocks"`
	Length      int `json:"length"` // tokens of a block

	Paper   string `json:"protocol,omitempty"` // whose blocks these are; see Papers
	Data    string `json:"data"`
	Split   string `json:"split"`
	Digest  string `json:"digest"`
	Joiner  string `json:"joiner"`
	BOS     bool   `json:"bos"`
	DType   string `json:"dtype"`   // of the weights, as the model's configuration has it
	Compute string `json:"compute"` // type of the arithmetic
	Backend string `json:"backend"`

	Seconds  float64  `json:"seconds"`
	Warnings []string `json:"warnings,omitempty"`
}

// fewBlocks is where the interval is called rough: below it a normal quantile is clearly smaller than Student's, by 4% at 30.
const fewBlocks = 30

// quantile95 is the normal distribution's for a two-sided 95%.
const quantile95 = 1.959964

// MeasurePerplexity runs blocks of one length, at least two tokens each, through v. In every block all tokens but the first are
// predicted from those before them in that block.
//
//	loss = Σ −ln p / predictions,  perplexity = exp(loss),  se = sd(block means) / √blocks
//
// The interval is exp(loss ± 1.96 se). It takes blocks as independent; neighbouring blocks of one document are not quite.
//
// Errors: no blocks, blocks that the model cannot run, a block that does not begin with the start token where the protocol says
// so, and a loss that is not finite, which names the block.
func MeasurePerplexity(ctx context.Context, v *transformer.Variant, blocks [][]int32, protocol Protocol, rec gomlxops.Recorder) (*Perplexity, error) {
	p, err := measure(ctx, v, blocks, protocol, rec)
	if err != nil {
		return nil, fmt.Errorf("cannot measure perplexity on %s: %w", protocol, err)
	}
	return p, nil
}

// String names the text and the part of it.
func (p Protocol) String() string {
	switch {
	case p.Data == "":
		return "the blocks given"
	case p.Split == "":
		return p.Data
	}
	return p.Data + " (" + p.Split + ")"
}

func measure(ctx context.Context, v *transformer.Variant, blocks [][]int32, protocol Protocol, rec gomlxops.Recorder) (*Perplexity, error) {
	if err := protocol.check(v.Model().Config(), blocks); err != nil {
		return nil, err
	}
	began := time.Now()
	losses, err := v.Losses(ctx, blocks, transformer.RunOptions{Batch: protocol.Batch, Recorder: rec, Stage: "perplexity"})
	if err != nil {
		return nil, err
	}
	p := &Perplexity{
		Blocks: len(blocks), Length: len(blocks[0]), Tokens: len(blocks) * len(blocks[0]), Predictions: len(blocks) * losses.Predictions,
		Paper: protocol.Paper, Data: protocol.Data, Split: protocol.Split, Digest: protocol.Digest, Joiner: protocol.Joiner, BOS: protocol.BOS,
		DType: storedType(v.Model()), Compute: "float32", Backend: gomlxops.BackendName(),
		Seconds: time.Since(began).Seconds(),
	}
	return p, p.summarise(losses.Sum, losses.Predictions)
}

// check says whether the blocks are as the protocol says.
func (p Protocol) check(c *transformer.Config, blocks [][]int32) error {
	if len(blocks) == 0 {
		return fmt.Errorf("blocks: expected at least one, found none; take a longer text or shorter blocks")
	}
	if !p.BOS {
		return nil
	}
	if c.BOS < 0 {
		return fmt.Errorf("bos: the protocol has every block begin with the start token, but the model's configuration names none (bos_token_id)")
	}
	for i, b := range blocks {
		if len(b) == 0 || int(b[0]) != c.BOS {
			return fmt.Errorf("bos: expected block %d to begin with the start token %d, found %v", i, c.BOS, b[:min(1, len(b))])
		}
	}
	return nil
}

// summarise fills in the numbers from every block's summed loss over its predictions.
func (p *Perplexity) summarise(sums []float64, predictions int) error {
	n := float64(len(sums))
	means := make([]float64, len(sums))
	for i, s := range sums {
		means[i] = s / float64(predictions)
		if math.IsNaN(means[i]) || math.IsInf(means[i], 0) {
			return fmt.Errorf("the loss of block %d is %v; check the model with Verify", i, means[i])
		}
		p.Loss += means[i] / n
	}
	p.Value = p.bounded(p.Loss)
	if len(sums) == 1 {
		p.Warnings = append(p.Warnings, "one block tells no standard error; two or more would")
		return nil
	}
	spread := 0.0
	for _, m := range means {
		spread += (m - p.Loss) * (m - p.Loss)
	}
	p.StdErr = math.Sqrt(spread / (n - 1) / n)
	p.Interval = []float64{p.bounded(p.Loss - quantile95*p.StdErr), p.bounded(p.Loss + quantile95*p.StdErr)}
	if len(sums) < fewBlocks {
		p.Warnings = append(p.Warnings, fmt.Sprintf("the interval is rough: it comes from %d blocks, %d would do", len(sums), fewBlocks))
	}
	return nil
}

// bounded is exp(loss), or the largest float64 with a warning where that overflows: a ruined model is a result, not a failure, and
// JSON has no infinity.
func (p *Perplexity) bounded(loss float64) float64 {
	if value := math.Exp(loss); !math.IsInf(value, 0) {
		return value
	}
	p.Warnings = append(p.Warnings, fmt.Sprintf("a loss of %.0f nats has a perplexity beyond float64; the largest number stands for it", loss))
	return math.MaxFloat64
}

// storedType is the dtype of most of the model's numbers, as they lie in its files.
func storedType(m *transformer.Model) string { return m.Storage().DTypes[0] }
