package lab

import (
	"context"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/transformer"
)

// perplexityMetric is what studies of this package compare by.
const perplexityMetric = "perplexity"

// elsewhereMetric is perplexity on the second text.
const elsewhereMetric = "perplexity_elsewhere"

// stderrOf names the metric that holds the standard error of another.
func stderrOf(metric string) string { return metric + "_stderr" }

// Measure says what every attempt of a study is measured on. It is part of what a trial keeps, and tables show trials of one
// Measure only.
type Measure struct {
	Text      string // see Lab.Tokens; its HeldOut part. Default "pocket"
	Elsewhere string // another text, all of it, to see how the result carries over; "" measures none
	Blocks    int    // blocks of each text, spread evenly; default 100, -1 takes all
	Length    int    // tokens per block; default 256, or the model's longest if that is less
	Nothing   bool   // measure nothing: a trial keeps sizes alone

	// Protocol measures as a paper does, on all of a text: "llm-pruner", "svd-llm" or "bolaco", see evaluate.Papers. It says itself what Blocks
	// and Length are.
	Protocol  string
	Questions Questions // asked besides; none by default
}

// defaultBlocks is how many blocks are measured where nothing else is said: enough for differences of a percent between variants.
const defaultBlocks = 100

// longestDefault is how many tokens a sequence or block has by default, unless the model takes fewer.
const longestDefault = 256

func (o Measure) withDefaults(m *Model) Measure {
	if o.Text == "" {
		o.Text = Pocket
	}
	if paper, err := evaluate.FindPaper(o.Protocol); err == nil {
		o.Blocks, o.Length = -1, paper.Length
	}
	if o.Blocks == 0 {
		o.Blocks = defaultBlocks
	}
	if o.Length == 0 {
		o.Length = min(longestDefault, m.Config().MaxPositions)
	}
	return o
}

// question is one measurement: a text, which part of it, and the metric's name.
type question struct {
	text   string
	part   Part
	metric string
}

// questions lists what is measured, o having its defaults.
func (o Measure) questions() (all []question) {
	if o.Nothing {
		return nil
	}
	all = append(all, question{o.Text, o.part(), perplexityMetric})
	if o.Elsewhere != "" {
		all = append(all, question{o.Elsewhere, WholeText, elsewhereMetric})
	}
	return all
}

// measureAll returns the perplexity of a variant on the study's texts.
func (s *Study) measureAll(ctx context.Context, m *Model, v *transformer.Variant, rec gomlxops.Recorder) (all []*evaluate.Perplexity, err error) {
	opt := s.Measure.withDefaults(m)
	for _, q := range opt.questions() {
		p, err := s.lab.perplexity(ctx, m, v, q, opt, rec)
		if err != nil {
			return nil, err
		}
		rec.Metric(q.metric, 0, p.Value)
		rec.Metric(stderrOf(q.metric), 0, p.Value*p.StdErr) // to first order, since d exp(l) = exp(l) dl
		all = append(all, p)
	}
	return all, nil
}

// perplexity measures a variant on blocks of the text.
func (t *Tokens) perplexity(ctx context.Context, v *transformer.Variant, opt Measure, rec gomlxops.Recorder) (*evaluate.Perplexity, error) {
	blocks, err := t.Blocks(opt.Blocks, opt.Length)
	if err != nil {
		return nil, err
	}
	return evaluate.MeasurePerplexity(ctx, v, blocks, t.protocol(), rec)
}

// Perplexity measures a model as it is on one text, without a record. See [Measure].
func (l *Lab) Perplexity(ctx context.Context, m *Model, opt Measure) (*evaluate.Perplexity, error) {
	return l.PerplexityOf(ctx, m, m.Dense(), opt)
}

// PerplexityOf measures a variant of the model.
func (l *Lab) PerplexityOf(ctx context.Context, m *Model, v *transformer.Variant, opt Measure) (*evaluate.Perplexity, error) {
	opt.Nothing = false
	if err := opt.check(); err != nil {
		return nil, err
	}
	opt = opt.withDefaults(m)
	if err := opt.checkBlocks(m); err != nil && opt.Protocol == "" {
		return nil, err
	}
	q := opt.questions()[0]
	watch := l.watch("Perplexity on " + whole(q.text, q.part))
	defer watch.Close()
	return l.perplexity(ctx, m, v, q, opt, watch)
}
