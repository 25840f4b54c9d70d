package show

import (
	"math"
	"strings"
)

// Axis describes one direction of a [Chart].
type Axis struct {
	Label  string
	Unit   string
	Format Format  // how its numbers are written
	Log    bool    // decades; what is not positive cannot be drawn
	Zero   bool    // include zero (not on a logarithmic axis)
	Min    float64 // the range when Min < Max, else it is chosen from the data
	Max    float64
}

// name is the label with its unit.
func (a Axis) name() string {
	if a.Unit == "" {
		return clean(a.Label)
	}
	return strings.TrimSpace(clean(a.Label) + " [" + clean(a.Unit) + "]")
}

// largest is the largest magnitude that is drawn; sums and differences of two such numbers are finite.
const largest = 1e300

// drawable says whether v has a place on the axis.
func (a Axis) drawable(v float64) bool {
	return !math.IsNaN(v) && math.Abs(v) <= largest && (!a.Log || v > 1e-300)
}

// scale is an axis laid over a stretch of the picture.
type scale struct {
	lo, hi   float64 // the values at its ends, lo < hi
	log      bool
	from, to float64 // where the ends are, in units of the picture
	ticks    []float64
	write    func(float64) string
	format   Format // of its numbers elsewhere than at ticks
}

// at returns the place of v.
func (s scale) at(v float64) float64 {
	lo, hi := s.lo, s.hi
	if s.log {
		v, lo, hi = math.Log(v), math.Log(lo), math.Log(hi)
	}
	return s.from + (s.to-s.from)*(v-lo)/(hi-lo)
}

// holds says whether v lies within the ends, rounding aside.
func (s scale) holds(v float64) bool {
	slack := 1e-9 * (s.hi - s.lo)
	return v >= s.lo-slack && v <= s.hi+slack
}

// clamp is v, or the end that it lies beyond.
func (s scale) clamp(v float64) float64 { return math.Min(math.Max(v, s.lo), s.hi) }

// fit chooses the range and about n ticks for values that are all drawable. A loose axis ends on ticks; a tight one, and
// every logarithmic one, where ticks are far apart, ends just beyond the data, its ticks inside.
func (a Axis) fit(values []float64, n int, loose bool) scale {
	lo, hi := a.span(values)
	s := scale{lo: lo, hi: hi, log: a.Log, format: a.Format}
	fixed := a.fixed()
	switch {
	case a.Log:
		s.ticks = logTicks(lo, hi, n)
	default:
		s.ticks = niceTicks(lo, hi, n, whole(values))
	}
	if loose && !fixed && !a.Log && len(s.ticks) > 1 {
		s.lo, s.hi = math.Min(lo, s.ticks[0]), math.Max(hi, s.ticks[len(s.ticks)-1])
	} else {
		if !fixed {
			s.lo, s.hi = widen(lo, hi, a.Log)
		}
		s.ticks = within(s.ticks, s)
	}
	s.write = a.labels(s.ticks)
	return s
}

func (a Axis) fixed() bool {
	return a.Min < a.Max && a.drawable(a.Min) && a.drawable(a.Max)
}

// span returns the range of the values, opened where it is a single point or none.
func (a Axis) span(values []float64) (lo, hi float64) {
	if a.fixed() {
		return a.Min, a.Max
	}
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		lo, hi = math.Min(lo, v), math.Max(hi, v)
	}
	if a.Zero && !a.Log {
		lo, hi = math.Min(lo, 0), math.Max(hi, 0)
	}
	middle := math.Max(math.Abs(lo), math.Abs(hi))
	switch {
	case lo > hi && a.Log:
		return 1, 10
	case lo > hi:
		return 0, 1
	case a.Log && hi/lo < 1+1e-9:
		return lo / 2, hi * 2
	case !a.Log && (hi-lo <= 1e-9*middle || hi-lo < 1e-290):
		open := 0.1 * middle
		if middle < 1e-280 {
			open = 1
		}
		return lo - open, hi + open
	}
	return lo, hi
}

// widen gives the data a margin of a fiftieth on both sides.
func widen(lo, hi float64, log bool) (float64, float64) {
	if log {
		by := math.Exp(0.02 * (math.Log(hi) - math.Log(lo)))
		return math.Max(lo/by, 1e-307), math.Min(hi*by, 1e307)
	}
	by := 0.02 * (hi - lo)
	return lo - by, hi + by
}

func within(ticks []float64, s scale) []float64 {
	var in []float64
	for _, t := range ticks {
		if s.holds(t) {
			in = append(in, t)
		}
	}
	return in
}

// whole says whether all values are integers, as steps and ranks are; then ticks are too.
func whole(values []float64) bool {
	for _, v := range values {
		if v != math.Trunc(v) || math.Abs(v) > 1e15 {
			return false
		}
	}
	return len(values) > 0
}
