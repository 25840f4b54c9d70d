package lowrank

import (
	"math"
	"slices"
	"testing"

	"github.com/parelab/pare/gomlxops/linalg"
)

// METHODS identities 9, 10 and 11, in float64.
func TestProjectionIdentities(t *testing.T) {
	for _, method := range []Method{FeatureSCM, PlainSVD} {
		eachExact(t, method, func(e exact) {
			name, out := string(method)+" "+e.linear.Name, e.linear.Out
			gram, err := linalg.TMul(e.b, out, e.k, e.b, e.k)
			if err != nil {
				t.Fatal(err)
			}
			for i := range e.k {
				gram[i*e.k+i]--
			}
			if d := frobenius(gram, make([]float64, len(gram))); d > 1e-11 {
				t.Errorf("11: %s: UᵀU is %.2g from I", name, d)
			}
			hat, bias := e.at(t, e.k/2)
			again := exact{problem{linear: e.linear, w: hat}, e.analysis, e.k, nil, nil}
			twice, _ := again.at(t, e.k/2)
			if d := apart(t, twice, hat); d > 1e-12 {
				t.Errorf("11: %s: projecting BA again moves it by %.2g", name, d)
			}
			full, none := e.at(t, e.k)
			if d := apart(t, full, e.w); d > 1e-12 && method == PlainSVD || d > 1e-9 {
				t.Errorf("10: %s: at full rank BA is %.2g from W", name, d)
			}
			if method == PlainSVD {
				return
			}
			size := frobenius(e.analysis.mean, make([]float64, out))
			if d := frobenius(none, make([]float64, out)) / size; d > 1e-9 {
				t.Errorf("10: %s: at full rank the bias is %.2g of the mean", name, d)
			}
			e.checkBias(t, name, hat, bias, size)
		})
	}
}

// checkBias is identity 9: U_rᵀ b = 0, and the mean of ŷ is the mean of y.
func (e exact) checkBias(t *testing.T, name string, hat, bias []float64, size float64) {
	out, in := e.linear.Out, e.linear.In
	for k := range e.k / 2 {
		along := 0.0
		for i := range out {
			along += e.b[i*e.k+k] * bias[i]
		}
		if math.Abs(along) > 1e-12*size {
			t.Errorf("9: %s: the bias has %.2g along direction %d", name, along, k)
		}
	}
	mean := times(hat, e.mean, out, in)
	for i := range mean {
		mean[i] += bias[i]
	}
	if d := apart(t, mean, e.analysis.mean); d > 1e-12 {
		t.Errorf("9: %s: the mean moved by %.2g", name, d)
	}
}

// METHODS identity 16: factors of a rank are a prefix of those of the next, and the error never grows.
func TestRanksAreNested(t *testing.T) {
	r := references(t)[0]
	for _, method := range Methods() {
		for _, s := range r.spectraWith(t, method, Options{Keep: 1 << 20})[:7] {
			l := s.Linear
			if s.Kept != min(l.Out, l.In) || !slices.IsSortedFunc(s.Values, func(a, b float64) int { return int(math.Copysign(1, b-a)) }) {
				t.Errorf("%s %s: keeps %d, values %v", method, l.Name, s.Kept, s.Values)
			}
			before, err := s.Factors(1)
			if err != nil {
				t.Fatal(err)
			}
			for rank := 2; rank <= s.Kept; rank++ {
				f, err := s.Factors(rank)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(f.A[:len(before.A)], before.A) || !prefixColumns(f.B, before.B, rank, l.Out) {
					t.Fatalf("%s %s: rank %d does not begin with rank %d", method, l.Name, rank, rank-1)
				}
				if s.Discarded(rank) > s.Discarded(rank-1) {
					t.Errorf("%s %s: rank %d discards more than %d", method, l.Name, rank, rank-1)
				}
				before = f
			}
			if s.Discarded(s.Kept) != 0 || s.Discarded(0) != s.Energy() || s.Energy() <= 0 {
				t.Errorf("%s %s: discards %g of %g at full rank", method, l.Name, s.Discarded(s.Kept), s.Energy())
			}
		}
	}
}

func prefixColumns(b, before []float32, rank, out int) bool {
	for i := range out {
		if !slices.Equal(b[i*rank:i*rank+rank-1], before[i*(rank-1):(i+1)*(rank-1)]) {
			return false
		}
	}
	return true
}

// The two ways of a linear with more outputs than inputs agree: the SVD of W R against the eigenvectors of W C Wᵀ.
func TestTallLinearsByRootOrCovariance(t *testing.T) {
	for _, r := range references(t) {
		moments := exactMoments(t, r)
		checked := 0
		for _, l := range r.model.Linears() {
			if l.Out <= l.In {
				continue
			}
			s, err := Decompose(r.model, moments, l, FeatureSCM)
			if err != nil {
				t.Fatal(err)
			}
			want := r.calib[l.Name+".output_scm_eig"].Data[:l.In]
			if d := apart(t, s.Values, want); d > 1e-12 {
				t.Errorf("%s %s: energies apart by %.2g", r.name, l.Name, d)
			}
			checked++
		}
		if checked == 0 {
			t.Errorf("%s has no such linear", r.name)
		}
	}
}
