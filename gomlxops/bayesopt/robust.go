package bayesopt

import "slices"

// medianOf returns the middle value, the mean of both where there are two.
func medianOf(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}
