package importance

import (
	"fmt"
	"slices"
)

// Criterion is a way to score weights. The higher a score, the more the weight matters.
type Criterion string

// The criteria. With W a weight [out, in], g the gradient of the mean loss, a the mean over sequences of the squared gradient of a sequence's own
// loss, x a linear's input; element by element, then added up along the other axis:
//
//	l1            |W|
//	l2            W², without a root
//	random        uniform in [0, 1) for each row and each column
//	vectorize     W·g, added up with its sign, then the magnitude of the sum (LLM-Pruner equation 3)
//	param_first   |W·g| (equation 4 to first order)
//	param_second  |W·a·W| (equation 4's second-order term with the Fisher diagonal for the Hessian)
//	param_mix     |W·g − W·a·W/2| (equation 5)
//	wanda         |W|·‖x‖, ‖x‖ the root mean square of each input channel (M. Sun et al., arXiv 2306.11695, equation 1)
//	flap          Var(x)·‖W column‖², columns only, brought to mean 0 and deviation 1 within the linear (Y. An et al., arXiv 2312.11983,
//	              equations 4 and 6)
//
// LLM-Pruner is X. Ma, G. Fang, X. Wang, arXiv 2305.11627. Its paper adds the squares of equation 5 up over sequences and its program averages them;
// ours averages. Scores of a Taylor kind say how much the loss changes on setting the weight to zero, in nats.
const (
	L1          Criterion = "l1"
	L2          Criterion = "l2"
	Random      Criterion = "random"
	Vectorize   Criterion = "vectorize"
	ParamFirst  Criterion = "param_first"
	ParamSecond Criterion = "param_second"
	ParamMix    Criterion = "param_mix"
	Wanda       Criterion = "wanda"
	FLAP        Criterion = "flap"
)

// TaylorCriteria are those that one reverse pass gives together.
var TaylorCriteria = []Criterion{Vectorize, ParamFirst, ParamSecond, ParamMix}

// Criteria lists all criteria.
var Criteria = []Criterion{L1, L2, Random, Vectorize, ParamFirst, ParamSecond, ParamMix, Wanda, FLAP}

// ParseCriterion finds a criterion by its name; an error lists the names.
func ParseCriterion(name string) (Criterion, error) {
	if c := Criterion(name); slices.Contains(Criteria, c) {
		return c, nil
	}
	return "", fmt.Errorf("criterion: expected one of %v, found %q", Criteria, name)
}
