package evaluate

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/transformer"
)

// fullDivergence is the slow twin: all probabilities of both in float64; with k below the vocabulary the teacher's k likeliest are kept and the others
// added up.
func fullDivergence(t *testing.T, teacher, v *transformer.Variant, block []int32, k int) (loss, forward, reverse float64) {
	t.Helper()
	vocab := v.Model().Config().VocabSize
	ours, theirs := probabilities(t, v, block), probabilities(t, teacher, block)
	n := len(block) - 1
	for i := range n {
		s, q := ours[i*vocab:(i+1)*vocab], theirs[i*vocab:(i+1)*vocab]
		loss -= math.Log(s[block[i+1]]) / float64(n)
		order := make([]int, vocab)
		for j := range order {
			order[j] = j
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(q[b], q[a]) })
		restS, restQ := 0.0, 0.0
		for place, j := range order {
			if place >= k {
				restS, restQ = restS+s[j], restQ+q[j]
				continue
			}
			forward += q[j] * math.Log(q[j]/s[j]) / float64(n)
			reverse += s[j] * math.Log(s[j]/q[j]) / float64(n)
		}
		if restQ > 0 {
			forward += restQ * math.Log(restQ/restS) / float64(n)
			reverse += restS * math.Log(restS/restQ) / float64(n)
		}
	}
	return loss, forward, reverse
}

func probabilities(t *testing.T, v *transformer.Variant, block []int32) []float64 {
	t.Helper()
	logits, err := v.Logits(context.Background(), [][]int32{block})
	if err != nil {
		t.Fatal(err)
	}
	vocab := v.Model().Config().VocabSize
	p := make([]float64, len(logits))
	for row := 0; row < len(p); row += vocab {
		sum := 0.0
		for i := range vocab {
			p[row+i] = math.Exp(float64(logits[row+i]))
			sum += p[row+i]
		}
		for i := range vocab {
			p[row+i] /= sum
		}
	}
	return p
}

// Divergences against the twin, at every number of outcomes kept; fewer never give more, and a model is not apart from itself.
func TestDivergence(t *testing.T) {
	m, tokens := open(t, "mha")
	blocks := tokens["forward"]
	l := m.Linears()[0]
	low := &transformer.Factored{Rank: 1, B: make([]float32, l.Out), A: make([]float32, l.In)}
	for i := range low.B {
		low.B[i] = 0.1 * float32(i%7-3)
	}
	for i := range low.A {
		low.A[i] = 0.1 * float32(i%5-2)
	}
	worse, err := m.With(map[string]transformer.Form{l.Name: low})
	if err != nil {
		t.Fatal(err)
	}
	vocab, checked := m.Config().VocabSize, 0
	most := Divergence{}
	for _, k := range []int{vocab, vocab - 1, 16, 4, 1} {
		teacher, err := NewTeacher(t.Context(), m.Dense(), blocks, k, nil)
		if err != nil {
			t.Fatal(err)
		}
		d, err := teacher.Compare(t.Context(), worse, 0, len(blocks), nil)
		if err != nil {
			t.Fatal(err)
		}
		part, err := teacher.Compare(t.Context(), worse, 1, 2, nil)
		if err != nil || math.Abs(part.Forward[0]-d.Forward[1]) > 1e-9 {
			t.Errorf("one block by itself: %+v, %v, in all %v", part, err, d.Forward[1])
		}
		self, err := teacher.Compare(t.Context(), m.Dense(), 0, len(blocks), nil)
		if err != nil {
			t.Fatal(err)
		}
		own := 0.0
		for i, block := range blocks {
			loss, forward, reverse := fullDivergence(t, m.Dense(), worse, block, k)
			for _, c := range [][2]float64{{d.Loss[i], loss}, {d.Forward[i], forward}, {d.Reverse[i], reverse}} {
				if math.Abs(c[0]-c[1]) > 1e-6*(1+c[1]) || !(c[1] > 1e-6) {
					t.Errorf("k = %d, block %d: %v, the twin says %v", k, i, c[0], c[1])
				}
				checked++
			}
			if math.Abs(self.Forward[i]) > 1e-6 || math.Abs(self.Reverse[i]) > 1e-6 {
				t.Errorf("k = %d: the model is %v and %v from itself", k, self.Forward[i], self.Reverse[i])
			}
			if len(most.Forward) > i && (d.Forward[i] > most.Forward[i]+1e-7 || d.Reverse[i] > most.Reverse[i]+1e-7) {
				t.Errorf("k = %d, block %d: %v and %v, more than with more outcomes, %v and %v", k, i, d.Forward[i], d.Reverse[i], most.Forward[i], most.Reverse[i])
			}
			own += self.Loss[i] / float64(len(blocks))
		}
		if math.Abs(own-teacher.Loss) > 1e-9 || teacher.K != k {
			t.Errorf("the teacher's loss %v, measured %v; it keeps %d", teacher.Loss, own, teacher.K)
		}
		most = *d
	}
	if checked != 5*3*len(blocks) {
		t.Errorf("%d checked", checked)
	}
}

func TestDivergenceRefuses(t *testing.T) {
	m, tokens := open(t, "mha")
	if _, err := NewTeacher(t.Context(), m.Dense(), nil, 0, nil); err == nil || !strings.Contains(err.Error(), "found none") {
		t.Errorf("no blocks: %v", err)
	}
	if _, err := NewTeacher(t.Context(), m.Dense(), tokens["forward"], -1, nil); err == nil || !strings.Contains(err.Error(), "-1") {
		t.Errorf("k = -1: %v", err)
	}
	teacher, err := NewTeacher(t.Context(), m.Dense(), tokens["forward"], 1<<30, nil)
	if err != nil || teacher.K != m.Config().VocabSize {
		t.Fatalf("%+v, %v", teacher, err)
	}
	if _, err := teacher.Compare(t.Context(), m.Dense(), 1, 1, nil); err == nil || !strings.Contains(err.Error(), "no such blocks") {
		t.Errorf("no blocks: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := teacher.Compare(ctx, m.Dense(), 0, 1, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
