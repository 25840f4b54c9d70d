package transformer

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Sampling says how the next token is chosen from logits. The zero value takes the most likely one.
//
//	symbol  meaning
//	l_i     logit of token i
//	T       Temperature
//	p_i     exp(l_i/T) / Σ_j exp(l_j/T), over the tokens that are left
//
// The steps, in the order of Hugging Face transformers (generation/logits_process.py):
//
//  1. Repetition penalty r: of a token that the text holds already, l becomes l/r where l > 0 and l·r elsewhere.
//  2. Temperature: l becomes l/T.
//  3. Top-k: the k largest are left, and what equals the smallest of them.
//  4. Top-p: from the most likely one on, tokens are left until those before have P or more together. Equal ones stand in the order of
//     their ids.
//
// Repetition penalty: N. S. Keskar et al., "CTRL", 2019, https://arxiv.org/abs/1909.05858, section 4.1. Top-k: A. Fan et al., 2018,
// https://arxiv.org/abs/1805.04833. Top-p: A. Holtzman et al., 2020, https://arxiv.org/abs/1904.09751, section 3.1.
type Sampling struct {
	Temperature       float64 `json:"temperature"`        // 0 takes the most likely token, the first of equals; higher is bolder
	TopK              int     `json:"top_k"`              // tokens that are left at least; 0 is all
	TopP              float64 `json:"top_p"`              // probability that is left at least, up to 1; 0 is all
	RepetitionPenalty float64 `json:"repetition_penalty"` // above 1 makes repetition rarer; 0 and 1 are none
	Seed              uint64  `json:"seed"`               // of the choices; equal seeds choose alike
}

// Check says which field is out of its range.
func (s Sampling) Check() error {
	switch {
	case !(s.Temperature >= 0) || math.IsInf(s.Temperature, 0):
		return fmt.Errorf("temperature: expected 0 or more, found %v", s.Temperature)
	case s.TopK < 0:
		return fmt.Errorf("top-k: expected 0, for all tokens, or more, found %d", s.TopK)
	case !(s.TopP >= 0 && s.TopP <= 1):
		return fmt.Errorf("top-p: expected a probability from 0 to 1, found %v", s.TopP)
	case !(s.RepetitionPenalty >= 0) || math.IsInf(s.RepetitionPenalty, 0):
		return fmt.Errorf("repetition penalty: expected a positive number, or 0 for none, found %v", s.RepetitionPenalty)
	}
	return nil
}

// choice is a token that may be next.
type choice struct {
	id int32
	p  float64 // its logit until it is a probability
}

// sampler chooses tokens one after another.
type sampler struct {
	Sampling
	rng *rand.Rand
}

// samplingStream sets the numbers drawn here apart from others of the same seed.
const samplingStream = 0x67656e6572617465

func newSampler(s Sampling) *sampler {
	return &sampler{s, rand.New(rand.NewPCG(s.Seed, samplingStream))}
}

// next chooses a token. text is what the text holds so far; the banned are not chosen.
func (s *sampler) next(logits []float32, text, banned []int32) int32 {
	choices := s.choices(logits, text, banned)
	left := s.rng.Float64()
	for _, c := range choices {
		if left -= c.p; left < 0 {
			return c.id
		}
	}
	// Rounding has left a little of the probability over.
	return slices.MaxFunc(choices, func(a, b choice) int { return cmp.Compare(a.p, b.p) }).id
}

// choices lists the tokens that may be next, with their probabilities; by falling probability where top-p is used.
func (s *sampler) choices(logits []float32, text, banned []int32) []choice {
	all := make([]choice, len(logits))
	for i, l := range logits {
		all[i] = choice{int32(i), float64(l)}
	}
	s.penalize(all, text)
	for _, id := range banned {
		if int(id) < len(all) && id >= 0 {
			all[id].p = math.Inf(-1)
		}
	}
	best := all[0]
	for _, c := range all {
		if c.p > best.p {
			best = c
		}
	}
	if s.Temperature == 0 {
		return []choice{{best.id, 1}}
	}
	for i := range all {
		all[i].p = (all[i].p - best.p) / s.Temperature // at most 0: nothing overflows
	}
	return s.nucleus(softmax(s.largest(all)))
}

// penalize is step 1.
func (s *sampler) penalize(all []choice, text []int32) {
	if s.RepetitionPenalty == 0 || s.RepetitionPenalty == 1 {
		return
	}
	done := make(map[int32]bool, len(text))
	for _, id := range text {
		if done[id] {
			continue
		}
		done[id] = true
		if c := &all[id]; c.p > 0 {
			c.p /= s.RepetitionPenalty
		} else {
			c.p *= s.RepetitionPenalty
		}
	}
}

// largest is step 3.
func (s *sampler) largest(all []choice) []choice {
	if s.TopK == 0 || s.TopK >= len(all) {
		return all
	}
	least := kthLargest(all, s.TopK)
	return slices.DeleteFunc(all, func(c choice) bool { return c.p < least })
}

// kthLargest keeps the k largest logits seen so far in a heap whose root is the smallest of them.
func kthLargest(all []choice, k int) float64 {
	heap := make([]float64, 0, k)
	for _, c := range all[:k] {
		heap = append(heap, c.p)
	}
	slices.Sort(heap)
	for _, c := range all[k:] {
		if c.p <= heap[0] {
			continue
		}
		at := 0
		for child := 1; child < k; child = 2*at + 1 {
			if child+1 < k && heap[child+1] < heap[child] {
				child++
			}
			if c.p <= heap[child] {
				break
			}
			heap[at] = heap[child]
			at = child
		}
		heap[at] = c.p
	}
	return heap[0]
}

// softmax turns logits, of which the largest is 0, into probabilities.
func softmax(all []choice) []choice {
	sum := 0.0
	for i := range all {
		all[i].p = math.Exp(all[i].p)
		sum += all[i].p
	}
	for i := range all {
		all[i].p /= sum
	}
	return all
}

// nucleus is step 4. Tokens of which all together could not have more than 1 − P are not sorted.
func (s *sampler) nucleus(all []choice) []choice {
	if s.TopP == 0 || s.TopP == 1 {
		return all
	}
	few := (1 - s.TopP) / float64(len(all))
	all = slices.DeleteFunc(all, func(c choice) bool { return c.p < few })
	slices.SortFunc(all, func(a, b choice) int { return cmp.Or(cmp.Compare(b.p, a.p), cmp.Compare(a.id, b.id)) })
	before, n := 0.0, 0
	for n < len(all) && before < s.TopP {
		before += all[n].p
		n++
	}
	for i := range all[:n] {
		all[i].p /= before
	}
	return all[:n]
}
