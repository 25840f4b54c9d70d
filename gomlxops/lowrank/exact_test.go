package lowrank

import (
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
