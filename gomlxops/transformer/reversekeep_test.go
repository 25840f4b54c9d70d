package transformer

import (
	"errors"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops/internal/layer"
)

// Gradients are the same whether a block's forward pass was kept or is made again: of no layer, of the last, and of all.
func TestBackwardKeeps(t *testing.T) {
	for _, name := range oracleModels {
		m := openOracle(t, name)
		c, sequences := m.Config(), oracleTokens(t, name, "calib")[:5]
		_, each := c.keeps(0)
		each *= int64(len(sequences) * len(sequences[0]))
		for _, style := range styles {
			want, none := backward(t, m.Dense(), style, sequences, RunOptions{Batch: 2, Keep: -1})
			if none.first != c.Layers {
				t.Errorf("%s: layers from %d on are kept where nothing may be", name, none.first)
			}
			for keep, first := range map[int64]int{each: c.Layers - 1, 2*each - 1: c.Layers - 1, 0: 0} {
				got, r := backward(t, m.Dense(), style, sequences, RunOptions{Batch: 2, Keep: keep})
				if r.first != first {
					t.Errorf("%s: with %d bytes layers from %d on are kept, want those from %d on", name, keep, r.first, first)
				}
				checked := 0
				for key := range want.sum {
					checked++
					if off := relative(want.sum[key], got.sum[key]); !(off <= 1e-6) {
						t.Errorf("%s %+v, %d bytes: %s off by %.2g", name, style, keep, key, off)
					}
				}
				if checked < 9*c.Layers {
					t.Errorf("checked %d gradients", checked)
				}
			}
		}
	}
}

// The way back reads what was kept: with zeros in its place gradients are others. Afterwards nothing stays.
func TestBackwardUsesWhatWasKept(t *testing.T) {
	m := openOracle(t, "gqa")
	sequences := oracleTokens(t, "gqa", "calib")[:2]
	right, _ := backward(t, m.Dense(), layer.Style{Manual: true}, sequences, RunOptions{})
	p := newGradProbe(t)
	r, err := m.Dense().newReverse(sequences, p, RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var errs []error
	for i, s := range r.spans {
		at, err := r.embed(s)
		r.inputs[0][i], errs = shelved{t: at.h, stretch: stretch{size: int64(at.h.ByteSize())}, dims: at.h.Shape().Dimensions}, append(errs, err)
	}
	for l := range r.c.Layers {
		errs = append(errs, r.forward(t.Context(), l))
	}
	for _, kept := range slices.Concat(r.kept...) {
		for _, x := range kept {
			errs = append(errs, tensors.MutableFlatData(x, func(v []float32) { clear(v) }))
		}
	}
	errs = append(errs, r.throughHead(t.Context()))
	for l := r.c.Layers - 1; l >= 0; l-- {
		errs = append(errs, r.backward(t.Context(), l))
	}
	if err := errors.Join(append(errs, r.close())...); err != nil {
		t.Fatal(err)
	}
	for _, k := range []Kind{Query, Key, Value, Gate, Up} {
		if key := "0 " + string(k) + " 0"; relative(right.sum[key], p.sum[key]) < 1e-3 {
			t.Errorf("%s: the same gradient from zeros in place of what was kept", key)
		}
	}
	if left := len(slices.Concat(slices.Concat(r.kept...)...)); left != 0 {
		t.Errorf("%d arrays are still kept", left)
	}
}
