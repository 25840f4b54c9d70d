package bayesopt

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
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

// TestExperiment compares settings; EXPERIMENT names dimensions and settings.
func TestExperiment(t *testing.T) {
	if os.Getenv("EXPERIMENT") == "" {
		t.Skip("SKIPPED: set EXPERIMENT=dims:settings")
	}
	dims, names, _ := strings.Cut(os.Getenv("EXPERIMENT"), ":")
	seeds := 11
	if n, err := strconv.Atoi(os.Getenv("SEEDS")); err == nil {
		seeds = n
	}
	trials := 50
	if n, err := strconv.Atoi(os.Getenv("TRIALS")); err == nil {
		trials = n
	}
	type setting struct {
		opt Options
	}
	settings := map[string]setting{
		"random": {Options{Sampler: Random}},
		"halton": {Options{Sampler: Halton}},
		"tpe":    {Options{Sampler: TPE}},
		"paper":  {Options{Sampler: Paper}},
		"bayes":  {Options{}},
		"curves": {Options{}},
	}
	type job struct {
		label string
		space Space
		f     func([]float64) float64
		noise float64
		base  float64
	}
	var jobs func(seed uint64) []job
	if dims == "oracle" {
		ref := load(t)
		jobs = func(uint64) (out []job) {
			for _, p := range ref.Problems {
				out = append(out, job{p.Name, boxSpace(p.Lower, p.Upper, p.Rho), p.value, 0, p.OptimumF})
			}
			return out
		}
	} else {
		jobs = func(seed uint64) (out []job) {
			for _, s := range strings.Split(dims, ",") {
				d, _ := strconv.Atoi(s)
				f := newAllocation(d, 0.2, seed)
				// The optimum by gradient: log-loss is convex but for interactions.
				x, _ := ascend(func(u, g []float64) float64 {
					base := f.loss(u)
					for i := range u {
						const h = 1e-6
						old := u[i]
						u[i] = old + h
						g[i] = -(f.loss(u) - base) / h
						u[i] = old
					}
					return -base
				}, func(u []float64) []float64 {
					p, err := f.space.Project(u)
					if err != nil {
						t.Fatal(err)
					}
					copy(u, p)
					return u
				}, make([]float64, d), 500)
				out = append(out, job{"d=" + s, f.space, f.perplexity, f.noise, f.perplexity(x)})
			}
			return out
		}
	}
	for j := range jobs(0) {
		for _, name := range strings.Split(names, ",") {
			s, ok := settings[name]
			if !ok {
				t.Fatalf("no setting %s", name)
			}
			if name == "paper" && strings.Contains("d=196 d=28", jobs(0)[j].label) && dims != "oracle" && jobs(0)[j].label != "d=28" {
				continue
			}
			start := time.Now()
			traces := make([][]float64, seeds)
			bases, uniform := make([]float64, seeds), make([]float64, seeds)
			together(seeds, func(seed int) {
				job := jobs(uint64(seed))[j]
				if strings.HasPrefix(name, "curves") {
					job.space = newAllocation(len(job.space.Variables), 0.2, uint64(seed)).withCurves(uint64(seed))
				}
				u, _ := job.space.Uniform()
				opt := s.opt
				opt.Seed = uint64(seed)
				opt.Starts = [][]float64{u}
				if dims == "oracle" {
					opt.Starts = nil
				}
				traces[seed] = trace(t, job.space, opt, job.f, job.noise, trials)
				bases[seed], uniform[seed] = job.base, job.f(u)
			})
			row := ""
			for _, n := range []int{10, 20, 30, 40, 50, 60, 100, 200} {
				if n > trials {
					break
				}
				var v []float64
				for i := range traces {
					// 0 is the optimum, 1 the uniform allocation.
					if dims == "oracle" {
						v = append(v, traces[i][n-1])
					} else {
						v = append(v, (traces[i][n-1]-bases[i])/(uniform[i]-bases[i]))
					}
				}
				row += "  " + strconv.Itoa(n) + ": " + strconv.FormatFloat(medianOf(v), 'g', 4, 64)
			}
			t.Logf("%-12s %-12s%s   (%.1fs)", jobs(0)[j].label, name, row, time.Since(start).Seconds())
		}
	}
}
