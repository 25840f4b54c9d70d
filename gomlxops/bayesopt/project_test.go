package bayesopt

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// slowProject bisects the multiplier, 400 halvings of an interval that surely holds it.
func slowProject(v, w, lower, upper []float64, b float64) []float64 {
	at := func(lambda float64) ([]float64, float64) {
		x, sum := make([]float64, len(v)), 0.0
		for i := range v {
			x[i] = math.Max(lower[i], math.Min(upper[i], v[i]-lambda*w[i]))
			sum += w[i] * x[i]
		}
		return x, sum
	}
	lo, hi := -1e6, 1e6
	for range 400 {
		mid := (lo + hi) / 2
		if _, sum := at(mid); sum > b {
			lo = mid
		} else {
			hi = mid
		}
	}
	x, _ := at(hi)
	return x
}

func TestProjectionAgainstTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 0))
	checked, bound := 0, 0
	for range 300 {
		n := 1 + rng.IntN(200)
		s := Space{}
		v := make([]float64, n)
		inside, total := 0.0, 0.0
		for i := range n {
			lower := rng.Float64() - 0.5
			upper := lower + rng.Float64()*float64(rng.IntN(4)) // a quarter is fixed
			w := math.Exp(2 * rng.NormFloat64())
			s.Variables = append(s.Variables, Variable{Name: string(rune('a' + i)), Weight: w, Lower: lower, Upper: upper})
			v[i] = lower + (upper-lower)*2*rng.NormFloat64()
			inside += w * (lower + (upper-lower)*rng.Float64())
			total += w
		}
		s.Budget = inside / total
		got, err := s.Project(v)
		if err != nil {
			t.Fatal(err)
		}
		w, lower, upper, _ := s.arrays()
		want := slowProject(v, w, lower, upper, inside)
		for i := range got {
			near(t, "projection", got[i], want[i], 1e-10, 1)
			if got[i] < lower[i] || got[i] > upper[i] {
				t.Errorf("%v outside of %v…%v", got[i], lower[i], upper[i])
			}
			if got[i] == lower[i] || got[i] == upper[i] {
				bound++
			}
			checked++
		}
		near(t, "budget", s.Used(got), s.Budget, 1e-14, 10)
	}
	if checked < 1000 || bound < 100 || bound == checked {
		t.Fatalf("%d coordinates, %d at a bound: not much of a test", checked, bound)
	}
}

func TestProjectionFromAfar(t *testing.T) {
	s := boxSpace([]float64{0, 0, 0, 0}, []float64{1, 1, 0.5, 0.9}, 0.4)
	for _, far := range []float64{1e6, 1e12, 1e18, 1e100} {
		for _, v := range [][]float64{{far, 0, 0, 0}, {-far, far, 0.1, 0.2}, {far, far, far, far * 0.999}} {
			x, err := s.Project(v)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "budget", s.Used(x), 0.4, 1e-15, 1)
		}
	}
}

func TestUniformIsLevel(t *testing.T) {
	s := Space{Budget: 0.2, Variables: []Variable{
		{Name: "v", Weight: 1}, {Name: "q", Weight: 1, Upper: 0.9}, {Name: "up", Weight: 3, Upper: 0.9}, {Name: "down", Weight: 3, Upper: 0.1}}}
	x, err := s.Uniform()
	if err != nil {
		t.Fatal(err)
	}
	near(t, "budget", s.Used(x), 0.2, 1e-15, 1)
	if x[0] != 0 || math.Abs(x[1]-x[2]) > 1e-15 || x[3] != 0.1 {
		t.Errorf("%v: expected v protected, down at its bound, the others alike", x)
	}
}

func TestInfeasibleNamesTheGroup(t *testing.T) {
	s := Space{Budget: 0.5, Variables: []Variable{
		{Name: "v_proj", Weight: 1}, {Name: "q_proj", Weight: 1, Upper: 0.9}, {Name: "down_proj", Weight: 2.7, Upper: 0.4}}}
	_, err := New(s, Options{})
	if !errors.Is(err, ErrInfeasible) || !strings.Contains(err.Error(), "v_proj (fixed at 0), down_proj (upper bound 0.4)") || strings.Contains(err.Error(), "q_proj") {
		t.Errorf("%v: expected v_proj and down_proj to be named, q_proj not", err)
	}
	for _, c := range []struct {
		change func(*Space)
		want   string
	}{
		{func(s *Space) { s.Variables[1].Lower = 1 }, "q_proj: expected a lower bound of at most the upper one, found 1 and 0.9"},
		{func(s *Space) { s.Variables[1].Name = "v_proj" }, `two variables are named "v_proj"`},
		{func(s *Space) { s.Variables[2].Weight = 0 }, "down_proj: expected a positive weight"},
		{func(s *Space) { s.Variables[2].Weight = math.NaN() }, "down_proj: expected a positive weight"},
		{func(s *Space) { s.Variables[1].Upper = math.NaN() }, "q_proj: expected finite bounds"},
		{func(s *Space) { s.Budget = math.Inf(1) }, "budget: expected a finite number"},
		{func(s *Space) { s.Variables[1].Curve = []Knot{{0, 0}} }, "q_proj: expected a curve of at least two knots"},
		{func(s *Space) { s.Variables[1].Curve = []Knot{{0, 0}, {0, 1}} }, "q_proj: expected finite knots in ascending order"},
	} {
		s := Space{Budget: 0.2, Variables: []Variable{{Name: "v_proj", Weight: 1}, {Name: "q_proj", Weight: 1, Upper: 0.9}, {Name: "down_proj", Weight: 2.7, Upper: 0.4}}}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		c.change(&s)
		if err := s.Check(); !errors.Is(err, ErrSpace) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, expected %q", err, c.want)
		}
	}
}
