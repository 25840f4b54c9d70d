package bayesopt

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Errors of a space, to be matched with errors.Is. The messages name the variables.
var (
	ErrSpace      = errors.New("the space is not well formed")
	ErrInfeasible = errors.New("no point within the bounds meets the budget")
)

// Variable is one number to choose: the ratio of a group of linears, say of all down_proj in the second quarter of the layers.
type Variable struct {
	Name string `json:"name"`

	// Weight is what the variable counts in the budget: the parameters of its group. Either all weights are positive or all
	// are 0, which makes all count alike.
	Weight float64 `json:"weight,omitempty"`

	// Lower and Upper bound the value. Equal bounds fix it: a protected group has 0 and 0, or whatever it is held at.
	Lower float64 `json:"lower"`
	Upper float64 `json:"upper"`

	// Curve is what is believed beforehand of the variable's own part in the objective, up to a factor that all variables
	// share: the energy that a group discards at some ratios, say. It may be left out; see the package comment.
	Curve []Knot `json:"curve,omitempty"`

	// Labels say what the variable has in common with others, for Curves that may be wrong alike: its kind and its layer, say. Either no variable
	// has any or all have as many; the first label is compared with others' first.
	Labels []string `json:"labels,omitempty"`
}

// Knot is one point of a [Variable]'s Curve.
type Knot struct {
	X    float64 `json:"x"`
	Cost float64 `json:"cost"`
}

// Space is the set of points that may be asked for:
//
//	{ x : Σ w_i x_i = b Σ w_i, lower_i ≤ x_i ≤ upper_i }
//
// with weights w and b = Budget, the weighted mean of x over all variables, fixed ones too.
type Space struct {
	Variables []Variable `json:"variables"`
	Budget    float64    `json:"budget"`
}

// Check returns nil where the space has a point. Otherwise the error wraps [ErrSpace] (no variables, two of one name, bounds
// that contradict each other, weights or curves that make no sense) or [ErrInfeasible], and names the variables at fault.
func (s Space) Check() error {
	if len(s.Variables) == 0 {
		return fmt.Errorf("%w: expected at least one variable, found none", ErrSpace)
	}
	if !finite(s.Budget) {
		return fmt.Errorf("%w: budget: expected a finite number, found %v", ErrSpace, s.Budget)
	}
	weighted := s.Variables[0].Weight != 0
	seen := make(map[string]bool, len(s.Variables))
	for _, v := range s.Variables {
		if seen[v.Name] {
			return fmt.Errorf("%w: two variables are named %q", ErrSpace, v.Name)
		}
		seen[v.Name] = true
		if err := v.check(weighted); err != nil {
			return err
		}
		if found, want := len(v.Labels), len(s.Variables[0].Labels); found != want {
			return fmt.Errorf("%w: %s: expected %d labels as %s has, found %d", ErrSpace, v.Name, want, s.Variables[0].Name, found)
		}
	}
	return s.checkBudget()
}

func (v Variable) check(weighted bool) error {
	switch {
	case !(math.Abs(v.Lower) <= math.MaxFloat64 && math.Abs(v.Upper) <= math.MaxFloat64):
		return fmt.Errorf("%w: %s: expected finite bounds, found %v and %v", ErrSpace, v.Name, v.Lower, v.Upper)
	case v.Lower > v.Upper:
		return fmt.Errorf("%w: %s: expected a lower bound of at most the upper one, found %v and %v", ErrSpace, v.Name, v.Lower, v.Upper)
	case weighted && !(v.Weight > 0 && v.Weight <= math.MaxFloat64):
		return fmt.Errorf("%w: %s: expected a positive weight as others have, found %v", ErrSpace, v.Name, v.Weight)
	case !weighted && v.Weight != 0:
		return fmt.Errorf("%w: %s: expected no weight as others have none, found %v", ErrSpace, v.Name, v.Weight)
	case len(v.Curve) == 1:
		return fmt.Errorf("%w: %s: expected a curve of at least two knots or none, found one", ErrSpace, v.Name)
	}
	for i, k := range v.Curve {
		if i > 0 && !(k.X > v.Curve[i-1].X) || !(math.Abs(k.X) <= math.MaxFloat64 && math.Abs(k.Cost) <= math.MaxFloat64) {
			return fmt.Errorf("%w: %s: expected finite knots in ascending order of x, found (%v, %v) as knot %d", ErrSpace, v.Name, k.X, k.Cost, i)
		}
	}
	return nil
}

// roundingOfBudget is how far, relative to the largest term, a budget may lie outside of what is attainable and still be taken
// as attainable: sums of 200 terms in float64 are good to a part in 10¹³.
const roundingOfBudget = 1e-12

func (s Space) checkBudget() error {
	w := s.weights()
	total, least, most, scale := 0.0, 0.0, 0.0, 0.0
	for i, v := range s.Variables {
		total += w[i]
		least += w[i] * v.Lower
		most += w[i] * v.Upper
		scale += w[i] * max(math.Abs(v.Lower), math.Abs(v.Upper))
	}
	want, slack := s.Budget*total, roundingOfBudget*scale
	switch {
	case want > most+slack:
		return fmt.Errorf("%w: budget: expected at most %.6g, the mean of the upper bounds, found %v; held too low are %s; raise their bounds, or take a smaller budget",
			ErrInfeasible, most/total, s.Budget, s.blame(func(v Variable) float64 { return s.Budget - v.Upper }, "upper"))
	case want < least-slack:
		return fmt.Errorf("%w: budget: expected at least %.6g, the mean of the lower bounds, found %v; held too high are %s; lower their bounds, or take a larger budget",
			ErrInfeasible, least/total, s.Budget, s.blame(func(v Variable) float64 { return v.Lower - s.Budget }, "lower"))
	}
	return nil
}

// blame lists the variables whose bound lies on the wrong side of the budget, those that weigh most first.
func (s Space) blame(excess func(Variable) float64, bound string) string {
	w := s.weights()
	var at []int
	for i, v := range s.Variables {
		if excess(v) > 0 {
			at = append(at, i)
		}
	}
	slices.SortStableFunc(at, func(i, j int) int {
		return -compare(w[i]*excess(s.Variables[i]), w[j]*excess(s.Variables[j]))
	})
	var names []string
	for k, i := range at {
		if k == 5 {
			names = append(names, fmt.Sprintf("and %d more", len(at)-k))
			break
		}
		v := s.Variables[i]
		value := v.Upper
		if bound == "lower" {
			value = v.Lower
		}
		how := bound + " bound"
		if v.Lower == v.Upper {
			how = "fixed at"
		}
		names = append(names, fmt.Sprintf("%s (%s %v)", v.Name, how, value))
	}
	return strings.Join(names, ", ")
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// weights returns the weight of every variable, 1 where none is given.
func (s Space) weights() []float64 {
	w := make([]float64, len(s.Variables))
	for i, v := range s.Variables {
		w[i] = v.Weight
		if w[i] == 0 {
			w[i] = 1
		}
	}
	return w
}

// Used returns the weighted mean of x, which for a point of the space is the Budget. It panics where x has another length than
// Variables.
func (s Space) Used(x []float64) float64 {
	w, total, sum := s.weights(), 0.0, 0.0
	for i := range x {
		total += w[i]
		sum += w[i] * x[i]
	}
	return sum / total
}

// Project returns the point of the space that is nearest to v in the Euclidean sense, budget and bounds exact to rounding. See
// [Project]. Errors: those of [Space.Check], another number of values than variables, values that are not finite.
func (s Space) Project(v []float64) ([]float64, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if err := s.checkPoint(v); err != nil {
		return nil, err
	}
	w, lower, upper, total := s.arrays()
	return project(nil, v, w, lower, upper, s.Budget*total), nil
}

func (s Space) checkPoint(x []float64) error {
	if len(x) != len(s.Variables) {
		return fmt.Errorf("point: expected %d values, one for each variable, found %d", len(s.Variables), len(x))
	}
	for i, v := range x {
		if !finite(v) {
			return fmt.Errorf("point: expected a finite number for %s, found %v", s.Variables[i].Name, v)
		}
	}
	return nil
}

func (s Space) arrays() (w, lower, upper []float64, total float64) {
	w = s.weights()
	for i, v := range s.Variables {
		lower, upper = append(lower, v.Lower), append(upper, v.Upper)
		total += w[i]
	}
	return w, lower, upper, total
}

// Uniform returns the point that gives every variable the same value, as far as bounds allow: the projection of that value.
func (s Space) Uniform() ([]float64, error) {
	v := make([]float64, len(s.Variables))
	for i := range v {
		v[i] = s.Budget
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	// Fixed variables pull the common value away from the budget. Projection spreads a shortfall in proportion to the weights, so
	// the common value is found first.
	w, lower, upper, total := s.arrays()
	return level(v, w, lower, upper, s.Budget*total), nil
}
