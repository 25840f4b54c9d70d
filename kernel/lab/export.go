package lab

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parelab/pare/gomlxops/export"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/internal/durable"
	"github.com/parelab/pare/kernel/show"
)

// ExportFormats are what a model can be exported as.
var ExportFormats = []string{export.FormatHF, export.FormatGGUF, export.FormatONNX}

// Exporting says how a model is exported. Only Out is needed.
type Exporting struct {
	Out       string // a directory or a file
	Format    string // one of ExportFormats; "" is "hf"
	DType     string // of the weights; "" is the format's default
	Adapter   string // directory of an adapter that is worked in; "" is none
	Merge     bool   // multiply factors out
	Check     bool   // read the export back and compare logits on a fixed prompt
	Overwrite bool

	WithoutTokenizer bool // of "gguf": leave the tokenizer out
}

// Exported is what was written.
type Exported struct{ *export.Result }

// Export writes the model for other programs: see package export.
func (l *Lab) Export(ctx context.Context, m *Model, opt Exporting) (*Exported, error) {
	if opt.Format == "" {
		opt.Format = export.FormatHF
	}
	if !slices.Contains(ExportFormats, opt.Format) {
		return nil, fmt.Errorf("cannot export the model: expected a format of %q, found %q", ExportFormats, opt.Format)
	}
	v, err := m.Merged(opt.Adapter)
	if err != nil {
		return nil, err
	}
	watch := l.watch("Export " + m.Name)
	defer watch.Close()
	how := export.Options{Merge: opt.Merge, DType: strings.ToUpper(opt.DType), Overwrite: opt.Overwrite, Recorder: watch}
	switch opt.Format {
	case export.FormatGGUF:
		return l.exportGGUF(ctx, m, v, opt, how)
	case export.FormatONNX:
		if opt.Check {
			return nil, fmt.Errorf("cannot check an ONNX export: this version cannot run one; export without the check")
		}
		result, err := export.ONNX(ctx, opt.Out, v, how)
		return &Exported{result}, err
	}
	result, err := export.HF(ctx, opt.Out, v, how)
	if err != nil || !opt.Check {
		return &Exported{result}, err
	}
	result.Check, err = checkHF(ctx, m, v, opt.Out)
	return &Exported{result}, err
}

// exportGGUF writes a file for llama.cpp. To check it a directory is made of it, beside it for the time being, in four bytes a number.
func (l *Lab) exportGGUF(ctx context.Context, m *Model, v *transformer.Variant, opt Exporting, how export.Options) (*Exported, error) {
	words, err := m.vocabulary(opt.WithoutTokenizer)
	if err != nil {
		return nil, err
	}
	result, err := export.GGUF(ctx, opt.Out, v, words, how)
	if err != nil || !opt.Check {
		return &Exported{result}, err
	}
	between, err := durable.NewWorkspace(filepath.Dir(opt.Out), ".checking-")
	if err != nil {
		return nil, err
	}
	defer between.Remove()
	again := filepath.Join(between.Dir, "model")
	if err := export.ReadGGUF(ctx, opt.Out, again, how.Recorder); err != nil {
		return nil, err
	}
	result.Check, err = checkHF(ctx, m, v, again)
	return &Exported{result}, err
}

// vocabulary is the model's tokenizer as GGUF has it; nil where the model has none, or it is to be left out.
func (m *Model) vocabulary(without bool) (*export.Vocabulary, error) {
	if without || m.Tokenizer == nil {
		return nil, nil
	}
	v, err := m.Tokenizer.Vocabulary()
	if err != nil {
		return nil, fmt.Errorf("cannot export as GGUF: %w; leave the tokenizer out with --without-tokenizer", err)
	}
	out := &export.Vocabulary{Model: "llama", PreTokenizer: v.Rule, Tokens: v.Tokens, Scores: v.Scores, Merges: v.Merges, AddBOS: v.AddBOS, AddEOS: v.AddEOS,
		AddSpace: v.AddSpace, ChatTemplate: v.ChatTemplate, BOS: m.Tokenizer.BOS(), EOS: m.Tokenizer.EOS(), Unknown: m.Tokenizer.Unknown(), Pad: m.Tokenizer.Pad()}
	if v.ByteLevel {
		out.Model = "gpt2"
	} else if m.Config().ModelType == "chatglm" {
		out.PreTokenizer = "chatglm-spm"
	}
	for _, k := range v.Kinds {
		out.Types = append(out.Types, int32(k))
	}
	m.cutVocabulary(out)
	return out, nil
}

// cutVocabulary leaves out the added tokens that the model has no row for.
func (m *Model) cutVocabulary(v *export.Vocabulary) {
	rows := m.Config().VocabSize
	if len(v.Tokens) <= rows {
		return
	}
	v.Tokens, v.Types, v.Scores = v.Tokens[:rows], v.Types[:rows], v.Scores[:min(rows, len(v.Scores))]
	for _, id := range []*int32{&v.Unknown, &v.Pad} {
		if int(*id) >= rows {
			*id = -1
		}
	}
}

// checkHF compares a directory with what it was made of.
func checkHF(ctx context.Context, m *Model, v *transformer.Variant, dir string) (*export.Comparison, error) {
	again, err := transformer.Open(dir)
	if err != nil {
		return nil, err
	}
	defer again.Close()
	return export.Compare(ctx, v, again.Dense(), m.checkPrompt())
}

// checkText is what an export is compared on.
const checkText = "The old market stood between the river and the hill. On Monday 17 people came by boat, bought bread, salt and three red apples, and " +
	"went home before it rained."

// checkTokens is the most that is taken of it: enough for attention to matter, few enough for a large model.
const checkTokens = 32

// checkPrompt is the text in the model's tokens, or without a tokenizer some tokens of its vocabulary.
func (m *Model) checkPrompt() [][]int32 {
	c, ids := m.Config(), []int32(nil)
	if m.Tokenizer != nil {
		ids = m.Tokenizer.EncodeSpecial(checkText)
	}
	for i := len(ids); i < checkTokens; i++ {
		ids = append(ids, int32((7*i+3)%c.VocabSize))
	}
	length := min(len(ids), checkTokens, c.Longest())
	for _, w := range c.Positions.Windows { // which other programs may not have
		if w > 0 {
			length = min(length, w)
		}
	}
	return [][]int32{ids[:length]}
}

// Facts lays out what was written, for people.
func (e *Exported) Facts() show.Fragment {
	facts := []show.Fact{
		{Name: "format", Value: e.Format},
		{Name: "loads in", Value: e.Loads},
		{Name: "files", Value: len(e.Files)},
		{Name: "size", Value: e.Bytes, Format: show.Bytes},
		{Name: "parameters", Value: e.Params, Format: show.Count},
	}
	if e.Merged > 0 {
		facts = append(facts, show.Fact{Name: "multiplied out", Value: fmt.Sprintf("%d linears", e.Merged)})
	}
	if c := e.Check; c != nil {
		facts = append(facts, show.Fact{Name: "read back", Value: fmt.Sprintf("logits differ by at most %.2g (the largest is %.3g); the same best token at %d of %d positions",
			c.Difference, c.Logit, c.SameBest, c.Tokens)})
	}
	for _, w := range e.Warnings {
		facts = append(facts, show.Fact{Name: "note", Value: w})
	}
	return show.Facts{Title: e.Path, Items: facts}
}
