package lowrank

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/importance"
	"github.com/parelab/pare/gomlxops/linalg"
)

// exactMoments are, for the first model, the input moments as the reference stores them in float64, one group.
func exactMoments(t *testing.T, r *reference) *covariance.Moments {
	t.Helper()
	digest, err := r.model.Digest()
	if err != nil {
		t.Fatal(err)
	}
	const tokens = 512
	m := &covariance.Moments{Model: digest, Sequences: 16, Length: tokens / 16, Groups: 1}
	for _, l := range r.model.Linears() {
		if _, err := m.Site(l.Layer, l.Kind.Site()); err == nil {
			continue
		}
		mean := r.calib[l.Name+".input_mean"].Data
		within := slices.Clone(r.calib[l.Name+".input_second_moment"].Data)
		for i, k := 0, 0; i < l.In; i++ {
			for j := 0; j <= i; j, k = j+1, k+1 {
				within[k] = tokens * (within[k] - mean[i]*mean[j])
			}
		}
		m.Stats = append(m.Stats, &covariance.Stats{Layer: l.Layer, Site: l.Kind.Site(), Dim: l.In,
			Groups: []covariance.Group{{Count: tokens, Mean: mean}}, AbsMean: r.calib[l.Name+".input_absmean"].Data, Within: within})
	}
	return m
}

// exactFisher are the Fisher sums as the reference stores them.
func exactFisher(t *testing.T, r *reference) *importance.Fisher {
	t.Helper()
	digest, err := r.model.Digest()
	if err != nil {
		t.Fatal(err)
	}
	f := &importance.Fisher{Model: digest, Sequences: 16, Length: 32}
	for _, l := range r.model.Linears() {
		f.Linears = append(f.Linears, &importance.Sums{Linear: l, Row: r.calib[l.Name+".fisher_row"].Data, Col: r.calib[l.Name+".fisher_col"].Data})
	}
	return f
}

// exact is a linear's analysis in float64 with what it was made from.
type exact struct {
	problem
	*analysis
	k    int
	mean []float64 // of the input
	m2   []float64 // second moment of the input
}

// eachExact analyses every linear by method from the float64 moments.
func eachExact(t *testing.T, method Method, f func(e exact)) {
	t.Helper()
	eachExactWith(t, method, Settings{}, f)
}

func eachExactWith(t *testing.T, method Method, settings Settings, f func(e exact)) {
	t.Helper()
	checked := 0
	for _, r := range references(t) {
		moments := exactMoments(t, r)
		d, err := newDecomposer(r.model, moments, method, Options{Settings: settings, Fisher: exactFisher(t, r)})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range r.model.Linears() {
			p, err := d.problem(l)
			if err != nil {
				t.Fatal(err)
			}
			a, err := d.analyser.analyse(p)
			if err != nil {
				t.Fatal(err)
			}
			s, _ := moments.Input(l)
			f(exact{p, a, len(a.values), s.Mean(), s.SecondMoment()})
			checked++
		}
	}
	if checked != 3*7+2*7 {
		t.Errorf("%d linears checked", checked)
	}
}

// factored returns What = B A in float64.
func (e exact) factored(t *testing.T, rank int) []float64 {
	t.Helper()
	b, a, err := e.analysis.factors(e.problem, rank)
	if err != nil {
		t.Fatal(err)
	}
	hat, err := linalg.Mul(b, e.linear.Out, rank, a, e.linear.In)
	if err != nil {
		t.Fatal(err)
	}
	return hat
}

// at returns What = U_r U_rᵀ W and b = (I − U_r U_rᵀ) ȳ in float64, for methods whose B is U.
func (e exact) at(t *testing.T, rank int) (hat, bias []float64) {
	t.Helper()
	out, in := e.linear.Out, e.linear.In
	u := make([]float64, 0, out*rank)
	for i := range out {
		u = append(u, e.b[i*e.k:i*e.k+rank]...)
	}
	project := func(x []float64, n int) []float64 {
		a, err := linalg.TMul(u, out, rank, x, n)
		if err != nil {
			t.Fatal(err)
		}
		y, err := linalg.Mul(u, out, rank, a, n)
		if err != nil {
			t.Fatal(err)
		}
		return y
	}
	if hat = project(e.w, in); e.analysis.mean == nil {
		return hat, nil
	}
	bias = slices.Clone(e.analysis.mean)
	for i, v := range project(bias, 1) {
		bias[i] -= v
	}
	return hat, bias
}

// mse is the squared error of all outputs together, a mean over calibration tokens, of What and bias.
func (e exact) mse(hat, bias []float64) float64 {
	sum := 0.0
	for i := range e.linear.Out {
		d := make([]float64, e.linear.In)
		for j := range d {
			d[j] = e.w[i*e.linear.In+j] - hat[i*e.linear.In+j]
		}
		b, along := 0.0, 0.0
		if bias != nil {
			b = bias[i]
		}
		for j, v := range d {
			along += v * e.mean[j]
			for k, u := range d {
				sum += v * u * e.m2[j*len(d)+k]
			}
		}
		sum += b*b - 2*b*along
	}
	return sum
}

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
