package lowrank

import (
	"fmt"
	"math"
	"testing"
)

// METHODS identity 7: the mean squared output error is the discarded energy of the 1/n covariance.
func TestDiscardedIsTheError(t *testing.T) {
	worst := 0.0
	eachExact(t, FeatureSCM, func(e exact) {
		for _, rank := range []int{1, e.k / 4, e.k / 2} {
			const n = 512
			left := 0.0
			for _, v := range e.values[rank:] {
				left += v * (n - 1) / n
			}
			d := math.Abs(e.mse(e.at(t, rank))-left) / left
			worst = max(worst, d)
			if d > 1e-10 {
				t.Errorf("%s rank %d: apart %.2g", e.linear.Name, rank, d)
			}
		}
	})
	t.Logf("worst relative difference %.2g", worst)
}

// METHODS identity 8: no other projection does better than the SCM's, the PCM's included.
func TestPooledErrorIsNotBelowSampled(t *testing.T) {
	for _, r := range references(t) {
		scm, pcm := exactMoments(t, r), r.moments(t, 4)
		for _, l := range r.model.Linears() {
			best, err := Decompose(r.model, scm, l, FeatureSCM)
			if err != nil {
				t.Fatal(err)
			}
			pooled, err := Decompose(r.model, pcm, l, FeaturePCM)
			if err != nil {
				t.Fatal(err)
			}
			rank := best.Kept / 3
			f, err := pooled.Factors(rank)
			if err != nil {
				t.Fatal(err)
			}
			s, _ := scm.Input(l)
			got := meanSquaredError(r.weight(t, l), dense(f), f.Bias, s.Mean(), s.SecondMoment()) * float64(l.Out)
			if bound := best.Discarded(rank) * 511 / 512; got < bound*(1-1e-6) {
				t.Errorf("%s %s: error %g below the least possible %g", r.name, l.Name, got, bound)
			}
		}
	}
}

// METHODS identity 15: on calibration data the uncentred components do no worse at any rank than any other method without a
// bias, and centring with a bias does no worse than not.
func TestFeaturesAreBest(t *testing.T) {
	key := func(e exact, rank int) string { return fmt.Sprint(e.linear.Name, e.linear.In, " rank ", rank) }
	ranks := func(e exact) []int { return []int{1, e.k / 2} }
	best := map[string]float64{}
	eachExactWith(t, FeatureSCM, Settings{Centring: Uncentred}, func(e exact) {
		for _, rank := range ranks(e) {
			best[key(e, rank)] = e.mse(e.factored(t, rank), nil)
		}
	})
	others := []Method{PlainSVD, SVDLLM, ASVD, FWSVDRow, FWSVDCol}
	for _, method := range others {
		strict := 0
		eachExact(t, method, func(e exact) {
			for _, rank := range ranks(e) {
				got, least := e.mse(e.factored(t, rank), nil), best[key(e, rank)]
				if got < least*(1-1e-9) {
					t.Errorf("%s %s: error %g, less than the least possible %g", method, key(e, rank), got, least)
				}
				if got > least*1.1 {
					strict++
				}
			}
		})
		if strict < 30 != (method == SVDLLM) {
			t.Errorf("%s was clearly worse %d times", method, strict)
		}
	}
	eachExact(t, FeatureSCM, func(e exact) {
		for _, rank := range ranks(e) {
			hat, bias := e.at(t, rank)
			if got, least := e.mse(hat, bias), best[key(e, rank)]; got > least*(1+1e-12) {
				t.Errorf("%s: centred with bias %g, uncentred %g", key(e, rank), got, least)
			}
		}
	})
}
