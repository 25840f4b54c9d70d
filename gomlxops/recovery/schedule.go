package recovery

import "math"

// schedule is the learning rate over the steps 1 … steps: linear from 0 to peak over the warm-up, then half a cosine to the
// minimum, which the last step reaches exactly.
//
//	lr(s) = peak · s / w                                        s ≤ w
//	lr(s) = min + (peak − min) · (1 + cos(π (s−w)/(steps−w)))/2   s > w
//
// Ilya Loshchilov and Frank Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, ICLR 2017, equation 5, without restarts.
type schedule struct {
	steps, warmUp int     // s counts from 1; w
	peak, minimum float64 // learning rates
}

// at returns the learning rate of step s, counted from 1.
func (c schedule) at(s int) float64 {
	if s <= c.warmUp {
		return c.peak * float64(s) / float64(c.warmUp)
	}
	done := float64(s-c.warmUp) / float64(c.steps-c.warmUp)
	return c.minimum + (c.peak-c.minimum)*(1+math.Cos(math.Pi*done))/2
}
