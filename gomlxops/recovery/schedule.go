package recovery

import "math"

// The shapes of a learning rate behind its warm-up.
const (
	Cosine   = "cosine"   // half a cosine to the minimum
	Line     = "linear"   // a straight line to the minimum
	Constant = "constant" // the highest throughout
)

// schedule is the learning rate over the steps 1 … steps: linear from 0 to peak over the warm-up, then half a cosine, or a line, to
// the minimum, which the last step reaches exactly.
//
//	lr(s) = peak · s / w                                        s ≤ w
//	lr(s) = min + (peak − min) · (1 + cos(π (s−w)/(steps−w)))/2   s > w, cosine
//	lr(s) = min + (peak − min) · (1 − (s−w)/(steps−w))            s > w, linear
//
// Ilya Loshchilov and Frank Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, ICLR 2017, equation 5, without restarts.
type schedule struct {
	steps, warmUp int     // s counts from 1; w
	peak, minimum float64 // learning rates
	shape         string  // empty is Cosine
}

// at returns the learning rate of step s, counted from 1.
func (c schedule) at(s int) float64 {
	if s <= c.warmUp {
		return c.peak * float64(s) / float64(c.warmUp)
	}
	done := float64(s-c.warmUp) / float64(c.steps-c.warmUp)
	switch c.shape {
	case Constant:
		return c.peak
	case Line:
		return c.minimum + (c.peak-c.minimum)*(1-done)
	}
	return c.minimum + (c.peak-c.minimum)*(1+math.Cos(math.Pi*done))/2
}
