package lowrank

import (
	"math"
	"slices"
	"testing"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/importance"
	"github.com/parelab/pare/gomlxops/linalg"
	"github.com/parelab/pare/gomlxops/transformer"
)

// One group and no centring is SVD-LLM, from a calibration pass through the models, to float32.
func TestUncentredFeaturesAreSVDLLM(t *testing.T) {
	checked, worst := 0, 0.0
	for _, r := range references(t) {
		features := r.spectraWith(t, FeatureSCM, Options{Settings: Settings{Centring: Uncentred}})
		pooled := r.spectraWith(t, FeaturePCM, Options{Settings: Settings{Centring: Uncentred}})
		for i, whitened := range r.spectra(t, SVDLLM) {
			for _, rank := range []int{1, whitened.Kept / 2, whitened.Kept} {
				want := factored(t, whitened, rank)
				for _, s := range []*Spectrum{features[i], pooled[i]} {
					d := apart(t, factored(t, s, rank), want)
					worst = max(worst, d)
					checked++
					if !(d < 1e-6) {
						t.Errorf("%s %s by %s, rank %d: apart by %.2g", r.name, s.Linear.Name, s.by(), rank, d)
					}
					if e := math.Abs(s.Discarded(rank)*512/whitened.Discarded(rank) - 1); !(e < 1e-9) {
						t.Errorf("%s %s rank %d: energies apart by %.2g", r.name, s.Linear.Name, rank, e)
					}
				}
			}
		}
	}
	if checked != 2*3*35 {
		t.Errorf("%d checked", checked)
	}
	t.Logf("worst of %d: %.2g", checked, worst)
}

func factored(t *testing.T, s *Spectrum, rank int) []float64 {
	t.Helper()
	f, err := s.Factors(rank)
	if err != nil {
		t.Fatal(err)
	}
	if f.Bias != nil {
		t.Fatalf("%s by %s has a bias", s.Linear.Name, s.by())
	}
	return dense(f)
}

// METHODS identities 12, 13 and 14, in float64: any square root of G gives the same product, the energies are the eigenvalues of
// W G Wᵀ and what is left out is the squared error; inputs are white.
func TestWhitening(t *testing.T) {
	eachExact(t, SVDLLM, func(e exact) {
		name, in := e.linear.Name, e.linear.In
		other, err := byRoot(e.problem, sumOfSquares)
		if err != nil {
			t.Fatal(err)
		}
		rank := e.k / 2
		hat := e.factored(t, rank)
		if d := apart(t, exact{e.problem, other, e.k, nil, nil}.factored(t, rank), hat); d > 1e-9 {
			t.Errorf("12: %s: another root is apart by %.2g", name, d)
		}
		left := 0.0
		for _, v := range e.values[rank:] {
			left += v
		}
		if d := math.Abs(512*e.mse(hat, nil)/left - 1); d > 1e-9 {
			t.Errorf("12: %s: the error is apart from what was left out by %.2g", name, d)
		}
		g := sumOfSquares(e.input)
		c, err := linalg.Congruence(e.w, e.linear.Out, in, g)
		if err != nil {
			t.Fatal(err)
		}
		values, _, err := linalg.Eigh(c, e.linear.Out)
		if err != nil {
			t.Fatal(err)
		}
		if d := apart(t, e.values, values[:e.k]); d > 1e-12 {
			t.Errorf("13: %s: energies are apart from eigenvalues by %.2g", name, d)
		}
		if d := fromWhite(t, e.input, g); d > 1e-9 {
			t.Errorf("14: %s: inputs are %.2g from white", name, d)
		}
	})
}

// fromWhite returns the largest entry of L⁻¹ G L⁻ᵀ − I.
func fromWhite(t *testing.T, s *covariance.Stats, g []float64) float64 {
	t.Helper()
	l, err := lowerRoot(s)
	if err != nil || l == nil {
		t.Fatalf("no Cholesky factor: %v", err)
	}
	half, err := linalg.SolveLower(l, s.Dim, g, s.Dim)
	if err != nil {
		t.Fatal(err)
	}
	white, err := linalg.SolveLower(l, s.Dim, linalg.Transpose(half, s.Dim, s.Dim), s.Dim)
	if err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for i := range white {
		if i%(s.Dim+1) == 0 {
			white[i]--
		}
		worst = max(worst, math.Abs(white[i]))
	}
	return worst
}

// METHODS identities 17 and 18: without scaling ASVD is plain SVD, and FWSVD with equal information; a constant scale changes nothing, and on white inputs of one
// size so does whitening.
func TestScalingsThatChangeNothing(t *testing.T) {
	eachExact(t, PlainSVD, func(e exact) {
		rank := e.k / 2
		want := e.factored(t, rank)
		white := *e.whiteInput()
		for name, by := range map[string]analyser{
			"17: alpha 0":                 activation{0},
			"17, 18: equal activations":   activation{0.5},
			"17: constant Fisher rows":    fisherRows{},
			"17: constant Fisher columns": fisherCols{},
			"18: whitening":               whitening{},
			"18: uncentred features":      feature{(*covariance.Stats).SCM, Uncentred},
		} {
			p := e.problem
			p.input, p.fisher, p.roots = &white, constantFisher(e.linear), &roots{}
			a, err := by.analyse(p)
			if err != nil {
				t.Fatal(err)
			}
			if d := apart(t, exact{p, a, e.k, nil, nil}.factored(t, rank), want); d > 1e-8 {
				t.Errorf("%s: %s: apart by %.2g", name, e.linear.Name, d)
			}
		}
	})
}

// whiteInput are moments of white inputs of one size: second moment 3 I, mean |x| 1.7.
func (e exact) whiteInput() *covariance.Stats {
	in := e.linear.In
	s := &covariance.Stats{Dim: in, Groups: []covariance.Group{{Count: 10, Mean: make([]float64, in)}},
		AbsMean: make([]float64, in), Within: make([]float64, in*(in+1)/2)}
	for i := range in {
		s.AbsMean[i], s.Within[i*(i+3)/2] = 1.7, 30
	}
	return s
}

func constantFisher(l transformer.Linear) *importance.Sums {
	s := &importance.Sums{Linear: l, Row: make([]float64, l.Out), Col: make([]float64, l.In)}
	for i := range s.Row {
		s.Row[i] = 0.02
	}
	for j := range s.Col {
		s.Col[j] = 7
	}
	return s
}

// Where no gradient reached an output or an input, nothing is divided by zero: the others come out as without it.
func TestFWSVDWithoutGradients(t *testing.T) {
	checked := 0
	for _, method := range []Method{FWSVDRow, FWSVDCol} {
		eachExact(t, method, func(e exact) {
			silent := importance.Sums{Linear: e.linear, Row: slices.Clone(e.fisher.Row), Col: slices.Clone(e.fisher.Col)}
			clear(silent.Row[:e.linear.Out/3])
			clear(silent.Col[:e.linear.In/3])
			p := e.problem
			p.fisher = &silent
			a, err := methods[method].make(Settings{}).analyse(p)
			if err != nil {
				t.Fatal(err)
			}
			hat := exact{p, a, e.k, nil, nil}.factored(t, e.k/2)
			for i, v := range hat {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("%s %s: %v at %d", method, e.linear.Name, v, i)
				}
			}
			if norm(hat) > norm(e.w) { // a projection of W
				t.Errorf("%s %s: ‖BA‖ is %g, ‖W‖ %g", method, e.linear.Name, norm(hat), norm(e.w))
			}
			checked++
		})
	}
	if checked != 70 {
		t.Errorf("%d checked", checked)
	}
}

func norm(w []float64) float64 { return frobenius(w, make([]float64, len(w))) }

// A channel that was always zero is no reason to divide by zero.
func TestASVDWithSilentChannels(t *testing.T) {
	eachExact(t, ASVD, func(e exact) {
		silent := *e.input
		silent.AbsMean = make([]float64, e.linear.In)
		copy(silent.AbsMean[e.linear.In/3:], e.input.AbsMean[e.linear.In/3:])
		p := e.problem
		p.input = &silent
		a, err := activation{0.5}.analyse(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range (exact{p, a, e.k, nil, nil}).factored(t, e.k) {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("%s: %v", e.linear.Name, v)
			}
		}
	})
}
