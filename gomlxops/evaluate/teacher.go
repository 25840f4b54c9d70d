package evaluate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Notation of this file and of divergence.go.
//
//	symbol  meaning                                                            shape
//	k       outcomes kept for each prediction                                  scalar
//	t       what the teacher gives the k likeliest tokens, and all others      [predictions, k+1]
//	s       what a variant gives the same tokens, and all others together      [k+1]

// Teacher is what a model predicts in some blocks, kept compactly: of every prediction the k likeliest tokens with their logarithms of probability, and
// what is left for all others together. For 4,096 predictions and k = 64 that is 2 MB, where all probabilities of 32,000 tokens are 500.
type Teacher struct {
	K      int     // outcomes kept; the vocabulary's size where that is less than asked for
	Blocks int     // of equal length
	Length int     // tokens of a block; all but the first are predicted
	Loss   float64 // the teacher's own, mean over all predictions, in nats

	vocab  int
	tokens []int32   // [predictions, K]
	logs   []float32 // log t, [predictions, K+1]
	blocks [][]int32
}

// DefaultTopK is how many outcomes a teacher keeps where nothing else is said; see [Teacher.Compare] for what that costs.
const DefaultTopK = 64

// NewTeacher runs blocks of one length, at least two tokens each, through v and keeps its k likeliest outcomes; k = 0 keeps [DefaultTopK]. Errors:
// blocks that the model cannot run, a negative k, logits that are not finite.
func NewTeacher(ctx context.Context, v *transformer.Variant, blocks [][]int32, k int, rec gomlxops.Recorder) (*Teacher, error) {
	if err := (Protocol{}).check(v.Model().Config(), blocks); err != nil {
		return nil, err
	}
	if k < 0 || len(blocks[0]) < 2 {
		return nil, fmt.Errorf("teacher: expected at least one outcome to keep and blocks of two tokens, found %d and %d", k, len(blocks[0]))
	}
	vocab := v.Model().Config().VocabSize
	t := &Teacher{K: min(cmp.Or(k, DefaultTopK), vocab), Blocks: len(blocks), Length: len(blocks[0]), vocab: vocab, blocks: blocks}
	n := t.predictions() * t.Blocks
	t.tokens, t.logs = make([]int32, n*t.K), make([]float32, n*(t.K+1))
	losses := make([]float64, t.Blocks)
	err := v.EachLogits(ctx, blocks, transformer.RunOptions{Recorder: rec, Stage: "teacher"}, func(block, first int, logits []float32) error {
		losses[block] += sum(t.each(block, first, logits, func(at int, next int32, row []float32, total float64) float64 {
			t.keep(at, row, total)
			return total - float64(row[next])
		}))
		return nil
	})
	for _, l := range losses {
		t.Loss += l / float64(n)
	}
	return t, err
}

func (t *Teacher) predictions() int { return t.Length - 1 }

// each calls what for every prediction that logits of a block, from position first on, make: with its number among all, the token that comes next, its
// logits and the logarithm of the sum of their exponentials. It returns what they return; the last position of a block predicts nothing.
func (t *Teacher) each(block, first int, logits []float32, what func(at int, next int32, row []float32, total float64) float64) []float64 {
	n := min(len(logits)/t.vocab, t.predictions()-first)
	out := make([]float64, max(n, 0))
	const workers = 4
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := w; i < n; i += workers {
				row := logits[i*t.vocab : (i+1)*t.vocab]
				out[i] = what(block*t.predictions()+first+i, t.blocks[block][first+i+1], row, logSumExp(row))
			}
		})
	}
	wait.Wait()
	return out
}

// keep remembers the likeliest outcomes of one prediction.
func (t *Teacher) keep(at int, row []float32, total float64) {
	order := make([]int32, len(row))
	for i := range order {
		order[i] = int32(i)
	}
	likelier := func(a, b int32) int { return cmp.Or(cmp.Compare(row[b], row[a]), cmp.Compare(a, b)) }
	topFirst(order, t.K, likelier)
	copy(t.tokens[at*t.K:(at+1)*t.K], order)
	for i, v := range t.outcomes(at, row, total) {
		t.logs[at*(t.K+1)+i] = float32(v)
	}
}

// outcomes are the logarithms of what a row of logits gives the tokens kept for a prediction, and all others together: −∞ where there are none.
func (t *Teacher) outcomes(at int, row []float32, total float64) []float64 {
	out := make([]float64, t.K+1)
	kept := 0.0
	for i, token := range t.tokens[at*t.K : (at+1)*t.K] {
		out[i] = float64(row[token]) - total
		kept += math.Exp(out[i])
	}
	if out[t.K] = math.Inf(-1); t.K < t.vocab {
		out[t.K] = math.Log(math.Max(1-kept, leastRest))
	}
	return out
}

// leastRest stands for what is left to the other tokens where rounding leaves nothing: logits in float32 know probabilities to no better.
const leastRest = 1e-12

func logSumExp(row []float32) float64 {
	most := float64(slices.Max(row))
	sum := 0.0
	for _, v := range row {
		sum += math.Exp(float64(v) - most)
	}
	return most + math.Log(sum)
}

// topFirst brings the k first by order to the front, in order: a quickselect, then a sort of those.
func topFirst(v []int32, k int, order func(a, b int32) int) {
	lo, hi := 0, len(v)
	for hi-lo > 1 && k < len(v) {
		pivot := v[(lo+hi)/2]
		i, j := lo, hi-1
		for i <= j {
			for order(v[i], pivot) < 0 {
				i++
			}
			for order(v[j], pivot) > 0 {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case k <= j+1:
			hi = j + 1
		case k >= i:
			lo = i
		default:
			lo = hi
		}
	}
	slices.SortFunc(v[:k], order)
}

func sum(v []float64) (s float64) {
	for _, x := range v {
		s += x
	}
	return s
}

// check says whether a variant can be compared.
func (t *Teacher) check(v *transformer.Variant, first, last int) error {
	if n := v.Model().Config().VocabSize; n != t.vocab {
		return fmt.Errorf("teacher of a vocabulary of %d tokens, found a model of %d", t.vocab, n)
	}
	if first < 0 || last > t.Blocks || first >= last {
		return errors.New("teacher: no such blocks")
	}
	return nil
}
