package importance

import (
	"fmt"
	"math"
	"slices"
)

// Aggregation is how scores of several weights become one (LLM-Pruner, arXiv 2305.11627, section 3.2, "group importance").
type Aggregation string

// The aggregations. First, Second and Last take one member's score and leave the others out: the group's root, the member that its
// dependency graph lists next, and the one that runs last ([Member.Step]), whose output alone the rest of the model sees.
const (
	Sum    Aggregation = "sum"
	Mean   Aggregation = "mean"
	Max    Aggregation = "max"
	Prod   Aggregation = "prod"
	First  Aggregation = "first"
	Second Aggregation = "second"
	Last   Aggregation = "last"
)

// Aggregations lists all aggregations.
var Aggregations = []Aggregation{Sum, Mean, Max, Prod, First, Second, Last}

// ParseAggregation finds an aggregation by its name; an error lists the names.
func ParseAggregation(name string) (Aggregation, error) {
	if a := Aggregation(name); slices.Contains(Aggregations, a) {
		return a, nil
	}
	return "", fmt.Errorf("aggregation: expected one of %v, found %q", Aggregations, name)
}

// reduce makes one number of some; it has the four aggregations that depend on no order.
func (a Aggregation) reduce(values []float64) (float64, error) {
	r := values[0]
	for _, v := range values[1:] {
		switch a {
		case Max:
			r = max(r, v)
		case Prod:
			r *= v
		default:
			r += v
		}
	}
	switch a {
	case Sum, Max, Prod:
		return r, nil
	case Mean:
		return r / float64(len(values)), nil
	}
	return 0, fmt.Errorf("aggregation: expected %s, %s, %s or %s, found %q", Sum, Mean, Max, Prod, a)
}

// Units reduces scores of channels to scores of units of so many neighbouring channels, such as heads: LLM-Pruner adds up, FLAP takes the
// mean. A unit that does not divide the channels, and an aggregation that asks for an order, are errors.
func Units(channels []float64, unit int, how Aggregation) ([]float64, error) {
	if unit < 1 || len(channels) == 0 || len(channels)%unit != 0 {
		return nil, fmt.Errorf("units: expected a divisor of %d channels, found %d", len(channels), unit)
	}
	units := make([]float64, len(channels)/unit)
	for i := range units {
		var err error
		if units[i], err = how.reduce(channels[i*unit : (i+1)*unit]); err != nil {
			return nil, err
		}
	}
	return units, nil
}

// Normalisation makes scores of different groups comparable, for a threshold common to all.
type Normalisation string

// The normalisations; the empty one leaves scores as they are.
const (
	Raw         Normalisation = ""
	ByMean      Normalisation = "mean"     // divided by the group's mean
	ByMax       Normalisation = "max"      // divided by the group's largest
	Standardise Normalisation = "standard" // less the mean, divided by the deviation (n − 1)
)

// Normalise returns scores of one group, normalised. Where there is nothing to divide by (all are zero, or for Standardise all are equal) the
// result is zeros: no member stands out.
func Normalise(scores []float64, how Normalisation) ([]float64, error) {
	if len(scores) == 0 {
		return nil, fmt.Errorf("cannot normalise: expected scores, found none")
	}
	mean, largest := 0.0, scores[0]
	for _, v := range scores {
		mean += v / float64(len(scores))
		largest = max(largest, v)
	}
	shift, scale := 0.0, 1.0
	switch how {
	case Raw:
	case ByMean:
		scale = mean
	case ByMax:
		scale = largest
	case Standardise:
		shift, scale = mean, deviation(scores, mean)
	default:
		return nil, fmt.Errorf("normalisation: expected none, %q, %q or %q, found %q", ByMean, ByMax, Standardise, how)
	}
	out := make([]float64, len(scores))
	for i, v := range scores {
		if scale != 0 {
			out[i] = (v - shift) / scale
		}
	}
	return out, nil
}

func deviation(values []float64, mean float64) float64 {
	if len(values) < 2 {
		return 0
	}
	square := 0.0
	for _, v := range values {
		square += (v - mean) * (v - mean)
	}
	return math.Sqrt(square / float64(len(values)-1))
}
