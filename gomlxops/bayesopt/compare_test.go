package bayesopt

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// allocation is a made-up objective of the shape that allocations have: each group loses energy as a convex exponential of what is removed,
// groups next to each other in the stream harm each other, and measurements are noisy.
type allocation struct {
	space        Space
	a, k, inter  []float64
	noise, scale float64
}

func newAllocation(d int, budget float64, seed uint64) allocation {
	rng := rand.New(rand.NewPCG(seed, 99))
	f := allocation{space: Space{Budget: budget}}
	for i := range d {
		f.space.Variables = append(f.space.Variables, Variable{
			Name: "g" + strconv.Itoa(i), Weight: []float64{1, 1, 2.6875, 2.6875, 2.6875}[i%5], Lower: 0, Upper: 0.8})
		f.a = append(f.a, math.Exp(rng.NormFloat64()))
		f.k = append(f.k, 2+5*rng.Float64())
		f.inter = append(f.inter, 2*rng.Float64())
	}
	f.scale = 3 / float64(d)
	f.noise = 0.002
	return f
}

// withCurves adds what would be known beforehand: the shape of each group's own loss, its size only to a factor of e^±0.5 or so, and nothing of
// how groups harm each other.
func (f allocation) withCurves(seed uint64) Space {
	rng := rand.New(rand.NewPCG(seed, 98))
	s := Space{Budget: f.space.Budget}
	for i, v := range f.space.Variables {
		a, k := f.a[i]*math.Exp(0.5*rng.NormFloat64()), f.k[i]*(1+0.1*rng.NormFloat64())
		for j := range 9 {
			x := float64(j) / 10
			v.Curve = append(v.Curve, Knot{x, a * (math.Exp(k*x) - 1)})
		}
		s.Variables = append(s.Variables, v)
	}
	return s
}

// loss is the logarithm of how many times larger the perplexity is.
func (f allocation) loss(x []float64) float64 {
	sum := 0.0
	for i, v := range x {
		sum += f.a[i] * (math.Exp(f.k[i]*v) - 1) / 10
		if i > 0 {
			sum += f.inter[i] * v * x[i-1]
		}
	}
	return f.scale * sum
}

// perplexity is the objective.
func (f allocation) perplexity(x []float64) float64 { return 6 * math.Exp(math.Min(f.loss(x), 8)) }

// trace returns the best value after each trial. measured and true value may differ by noise; the trace is of true values of the best measured.
func trace(t testing.TB, s Space, opt Options, f func([]float64) float64, noise float64, trials int) []float64 {
	t.Helper()
	o, err := New(s, opt)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(opt.Seed, 5))
	var out []float64
	best, truth := math.Inf(1), math.Inf(1)
	for range trials {
		p, err := o.Ask()
		if err != nil {
			t.Fatal(err)
		}
		value := f(p.X)
		measured := value * (1 + noise*rng.NormFloat64())
		if measured < best {
			best, truth = measured, value
		}
		out = append(out, truth)
		if err := o.Tell(p.ID, measured); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// optimum is found by climbing down the loss, which is convex but for how groups harm each other.
func (f allocation) optimum(tb testing.TB) []float64 {
	tb.Helper()
	slope := func(u, g []float64) float64 {
		base := f.loss(u)
		for i := range u {
			const h = 1e-6
			old := u[i]
			u[i] = old + h
			g[i] = -(f.loss(u) - base) / h
			u[i] = old
		}
		return -base
	}
	project := func(u []float64) []float64 {
		p, err := f.space.Project(u)
		if err != nil {
			tb.Fatal(err)
		}
		copy(u, p)
		return u
	}
	x, _ := ascend(slope, project, make([]float64, len(f.a)), 500)
	return x
}

// BenchmarkSearch compares samplers on made-up allocations at 20 percent removed, each with the uniform allocation as start. The figures are
// (best − optimum)/(uniform − optimum) of the perplexity after 20 and 50 trials, in the median of 5 seeds, the objective itself drawn anew for
// each: 1 is the uniform allocation, 0 the best there is. "bayes+curves" is told each group's own loss, wrong by a factor of e^±0.5, and nothing of
// interactions.
//
//	go test -run - -bench Search -benchtime 1x ./gomlxops/bayesopt/
func BenchmarkSearch(b *testing.B) {
	for _, d := range []int{5, 20, 28, 196} {
		for _, sampler := range append(Samplers, "bayes+curves") {
			if sampler == Paper && d > 28 {
				continue // rejection finds nothing there
			}
			b.Run("d="+strconv.Itoa(d)+"/"+string(sampler), func(b *testing.B) {
				var at20, at50 []float64
				for range b.N {
					at20, at50 = gaps(b, d, sampler)
				}
				b.ReportMetric(medianOf(at20), "gap@20")
				b.ReportMetric(medianOf(at50), "gap@50")
			})
		}
	}
}

func gaps(tb testing.TB, d int, sampler Sampler) (at20, at50 []float64) {
	const seeds = 5
	at20, at50 = make([]float64, seeds), make([]float64, seeds)
	together(seeds, func(i int) {
		f := newAllocation(d, 0.2, uint64(i))
		uniform, err := f.space.Uniform()
		if err != nil {
			tb.Error(err)
			return
		}
		best, worst := f.perplexity(f.optimum(tb)), f.perplexity(uniform)
		space, opt := f.space, Options{Sampler: sampler, Seed: uint64(i), Starts: [][]float64{uniform}}
		if sampler == "bayes+curves" {
			space, opt.Sampler = f.withCurves(uint64(i)), Bayes
		}
		values := trace(tb, space, opt, f.perplexity, f.noise, 50)
		at20[i], at50[i] = (values[19]-best)/(worst-best), (values[49]-best)/(worst-best)
	})
	return at20, at50
}
