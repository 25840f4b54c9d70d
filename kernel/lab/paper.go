package lab

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/parelab/pare/datasets"
	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/transformer"
)

// check refuses a measurement that contradicts itself.
func (o Measure) check() error {
	if o.Protocol != "" {
		if _, err := evaluate.FindPaper(o.Protocol); err != nil {
			return err
		}
		if o.Blocks != 0 || o.Length != 0 {
			return fmt.Errorf("protocol %s says itself how many blocks there are and how long, found %d blocks of %d tokens; leave these out", o.Protocol, o.Blocks, o.Length)
		}
	}
	_, err := o.Questions.find()
	return err
}

// part is the part of a text that is measured on where its name gives none: papers have a file for the test alone.
func (o Measure) part() Part {
	if o.Protocol != "" {
		return WholeText
	}
	return HeldOutPart
}

// perplexity measures a variant on a text.
func (l *Lab) perplexity(ctx context.Context, m *Model, v *transformer.Variant, q question, opt Measure, rec gomlxops.Recorder) (*evaluate.Perplexity, error) {
	if opt.Protocol != "" {
		return byPaper(ctx, m, v, q, opt.Protocol, rec)
	}
	text, err := l.Tokens(m, q.text, q.part)
	if err != nil {
		return nil, err
	}
	return text.perplexity(ctx, v, opt, rec)
}

// byPaper measures as a paper does: the documents joined and cut into tokens as one text.
func byPaper(ctx context.Context, m *Model, v *transformer.Variant, q question, protocol string, rec gomlxops.Recorder) (*evaluate.Perplexity, error) {
	paper, err := evaluate.FindPaper(protocol)
	if err != nil {
		return nil, err
	}
	if err := paper.Check(m.Config(), paper.Length); err != nil { // before a long text is read
		return nil, err
	}
	if err := m.NeedTokenizer(); err != nil {
		return nil, err
	}
	name, part := splitName(q.text, q.part)
	corpus, err := readPart(name, part)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(corpus.Documents))
	for i, d := range corpus.Documents {
		texts[i] = d.Text
	}
	ids := m.Tokenizer.EncodeSpecial(strings.Join(texts, datasets.Joiner))
	if err := paper.Check(m.Config(), len(ids)); err != nil {
		return nil, fmt.Errorf("text %s: %w", name, err)
	}
	return evaluate.MeasurePerplexity(ctx, v, datasets.Blocks(ids, paper.Length), evaluate.Protocol{
		Paper: paper.Name, Data: name, Split: cmp.Or(string(part), "all"), Digest: corpus.Digest, Joiner: datasets.Joiner,
	}, rec)
}
