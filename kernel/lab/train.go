package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/parelab/pare/datasets"
	"github.com/parelab/pare/datasets/pocket"
	"github.com/parelab/pare/datasets/tokenizer"
	"github.com/parelab/pare/gomlxops/recovery"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/tracker"
)

// Training says how a model of the pocket model's shape is trained from random weights. The zero value is the recipe of the
// embedded model.
type Training struct {
	Text         string  // "pocket", or a text file or directory: then its first 95 percent. Default "pocket"
	Out          string  // the directory to make; it must not be there yet
	Steps        int     // default 2500
	Batch        int     // sequences per step; default 8
	Length       int     // tokens per sequence; default 256
	LearningRate float64 // the highest of the schedule; default 2e-3
	Seed         uint64  // of weights and sampling; default 1
}

func (t Training) withDefaults() Training {
	if t.Text == "" {
		t.Text = Pocket
	}
	if t.Steps == 0 {
		t.Steps = 2500
	}
	if t.Batch == 0 {
		t.Batch = 8
	}
	if t.Length == 0 {
		t.Length = 256
	}
	if t.LearningRate == 0 {
		t.LearningRate = 2e-3
	}
	if t.Seed == 0 {
		t.Seed = 1
	}
	return t
}

// options is the training loop's part of the recipe: a short warm-up, then a cosine to a tenth.
func (t Training) options() recovery.TrainOptions {
	return recovery.TrainOptions{
		Steps: t.Steps, WarmUp: min(100, t.Steps/10),
		LearningRate: t.LearningRate, MinLearningRate: t.LearningRate / 10,
		Beta2: 0.95, WeightDecay: 0.1, ClipNorm: 1,
	}
}

// trainStudy is where trainings are recorded.
const trainStudy = "train"

// Train trains a model from random weights and saves it as a directory in Hugging Face layout, in bf16. An interrupted
// training saves nothing.
func (l *Lab) Train(ctx context.Context, opt Training) (err error) {
	opt = opt.withDefaults()
	if opt.Out == "" {
		return errors.New("training needs a directory to save the model in")
	}
	if _, err := os.Stat(opt.Out); err == nil {
		return fmt.Errorf("%s is there already; choose another directory, or remove it", opt.Out)
	}
	config, err := transformer.ParseConfig(pocket.ConfigJSON())
	if err != nil {
		return err
	}
	tok, text, err := opt.tokens()
	if err != nil {
		return err
	}
	run, err := l.startTraining(ctx, opt, text)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Finish(err)) }()
	return l.train(ctx, opt, training{config, tok, text.IDs, run})
}

// training is what a training works with.
type training struct {
	config *transformer.Config
	tok    *tokenizer.Tokenizer
	ids    []int32
	run    *tracker.Run
}

func (l *Lab) train(ctx context.Context, opt Training, t training) error {
	watch := l.watch("Train on " + opt.Text)
	defer watch.Close()
	next, err := shuffled(t.ids, opt.Batch, opt.Length+1, opt.Seed)
	if err != nil {
		return fmt.Errorf("text %s: %w", opt.Text, err)
	}
	result, err := recovery.Train(ctx, t.config, t.config.Init(opt.Seed), next, opt.options(), both{t.run, watch})
	if err != nil {
		return err
	}
	extra := map[string][]byte{tokenizer.FileName: t.tok.JSON(), tokenizer.ConfigFileName: t.tok.ConfigJSON()}
	if err := os.MkdirAll(filepath.Dir(opt.Out), 0o755); err != nil {
		return err
	}
	return transformer.SaveTensors(ctx, opt.Out, t.config, result.Weights, "BF16", extra)
}

// shuffled returns the n blocks of each step, counted from 1: of the text every block once, in random order, then every block once more, as often as it takes.
func shuffled(ids []int32, n, length int, seed uint64) (func(step int) [][]int32, error) {
	blocks := datasets.Blocks(ids, length)
	if len(blocks) == 0 {
		return nil, fmt.Errorf("%d tokens make no block of %d; take a longer text or a shorter length", len(ids), length)
	}
	rounds := rounds{seed: seed, of: len(blocks)}
	return func(step int) [][]int32 {
		out := make([][]int32, n)
		for k := range out {
			out[k] = blocks[rounds.at((step-1)*n+k)]
		}
		return out
	}, nil
}

// rounds are random orders of numbers below of, one after the other, of which it remembers one.
type rounds struct {
	seed   uint64
	of     int
	random *rand.Rand
	round  int // that order is of
	order  []int
}

func (r *rounds) at(i int) int {
	if r.order == nil || i/r.of < r.round {
		r.random, r.round = rand.New(rand.NewPCG(r.seed, 0)), 0
		r.order = r.random.Perm(r.of)
	}
	for ; r.round < i/r.of; r.round++ {
		r.order = r.random.Perm(r.of)
	}
	return r.order[i%r.of]
}

// tokens reads the training text and the tokenizer that goes with it: the embedded one for pocket, else one that is learnt
// from the text.
func (t Training) tokens() (*tokenizer.Tokenizer, *Tokens, error) {
	corpus, err := t.corpus()
	if err != nil {
		return nil, nil, err
	}
	tok, err := t.tokenizer(corpus)
	if err != nil {
		return nil, nil, fmt.Errorf("text %s: %w", t.Text, err)
	}
	return tok, &Tokens{Name: t.Text, Part: TrainPart, Digest: corpus.Digest, IDs: datasets.Tokenize(corpus, tok)}, nil
}

// bytesPerToken is a little more than a token of pocket's text has on average.
const bytesPerToken = 5

// corpus is the text to train on; of pocket's endless supply as much as is read once.
func (t Training) corpus() (*datasets.Corpus, error) {
	if t.Text == Pocket {
		return datasets.Open(fmt.Sprintf("pocket:train:%d", bytesPerToken*t.Steps*t.Batch*(t.Length+1)))
	}
	return readPart(t.Text, TrainPart)
}

func (t Training) tokenizer(c *datasets.Corpus) (*tokenizer.Tokenizer, error) {
	if t.Text == Pocket {
		return pocket.Tokenizer()
	}
	texts := func(yield func(string) bool) {
		for _, d := range c.Documents {
			if !yield(d.Text) {
				return
			}
		}
	}
	return tokenizer.Train(texts, tokenizer.TrainOptions{
		VocabSize: pocket.VocabSize, SpecialTokens: []string{pocket.BOSToken, pocket.EOSToken},
		BOS: pocket.BOSToken, EOS: pocket.EOSToken, MaxLength: pocket.MaxPositions,
	})
}

func (l *Lab) startTraining(ctx context.Context, opt Training, text *Tokens) (*tracker.Run, error) {
	if _, err := l.Store.CreateStudy(ctx, tracker.Study{Name: trainStudy, Metric: "loss", Direction: tracker.Minimize}); err != nil {
		return nil, err
	}
	return tracker.Start(ctx, l.Store, tracker.Attempt{
		Study: trainStudy,
		Params: map[string]tracker.Value{
			"text": tracker.String(opt.Text), "out": tracker.String(opt.Out), "steps": tracker.Int(int64(opt.Steps)),
			"batch": tracker.Int(int64(opt.Batch)), "length": tracker.Int(int64(opt.Length)),
			"learning_rate": tracker.Float(opt.LearningRate), "seed": tracker.Int(int64(opt.Seed)),
		},
		Origin: origin(map[string]uint64{"training": opt.Seed}, map[string]string{"text": text.Digest}),
	})
}
