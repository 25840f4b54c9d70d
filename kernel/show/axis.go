package show

import (
	"math"
	"strconv"
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

// niceTicks returns at most max(n,3) multiples of a round step that enclose [lo,hi]: the smallest step of 1, 2, 2.5 or 5
// times a power of ten that does so. Idea of round steps and enclosing ("loose") labels: P. Heckbert, "Nice numbers for graph
// labels", Graphics Gems, 1990; we search the steps upwards from below where he rounds once, so that n is kept.
func niceTicks(lo, hi float64, n int, integer bool) []float64 {
	n = max(n, 3)
	exponent := int(math.Floor(math.Log10((hi-lo)/float64(n)))) - 1
	for ; ; exponent++ {
		for _, mantissa := range []float64{1, 2, 2.5, 5} {
			if integer && (exponent < 0 || (exponent == 0 && mantissa == 2.5)) {
				continue
			}
			multiple := func(i float64) float64 {
				if exponent < 0 {
					return i * mantissa / math.Pow10(-exponent) // exact where a product is not: 3/10, not 3*0.1
				}
				return i * mantissa * math.Pow10(exponent)
			}
			step := multiple(1)
			if step == 0 || math.IsInf(step, 0) {
				continue
			}
			first, last := math.Floor(lo/step+1e-9), math.Ceil(hi/step-1e-9)
			if last-first+1 > float64(n) {
				continue
			}
			var ticks []float64
			for i := first; i <= last; i++ {
				ticks = append(ticks, multiple(i))
			}
			return ticks
		}
	}
}

// logTicks returns powers of ten that enclose [lo,hi], every k-th where there would be more than n; over less than a decade
// and a half it adds 2 and 5 times these, over less than a factor of three it returns round steps instead.
func logTicks(lo, hi float64, n int) []float64 {
	n = max(n, 3)
	if hi/lo < 3 {
		ticks := niceTicks(lo, hi, n, false)
		for len(ticks) > 0 && ticks[0] <= 0 {
			ticks = ticks[1:]
		}
		return ticks
	}
	first, last := math.Floor(math.Log10(lo)+1e-9), math.Ceil(math.Log10(hi)-1e-9)
	if hi/lo < 32 {
		return enclosing(lo, hi, first, last)
	}
	every := math.Ceil((last - first) / float64(n-1))
	first = math.Floor(first/every) * every
	var ticks []float64
	for e := first; e < last+every; e += every {
		if e >= -300 && e <= 300 {
			ticks = append(ticks, pow10(e))
		}
	}
	return ticks
}

// enclosing returns 1, 2 and 5 times powers of ten from the last one that is at most lo to the first that is at least hi.
func enclosing(lo, hi, first, last float64) []float64 {
	var ticks []float64
	for e := first; e <= last; e++ {
		for _, m := range []float64{1, 2, 5} {
			t := m * pow10(e)
			switch {
			case t <= lo*(1+1e-9):
				ticks = append(ticks[:0], t)
			case len(ticks) == 0 || ticks[len(ticks)-1] < hi*(1-1e-9):
				ticks = append(ticks, t)
			}
		}
	}
	return ticks
}

func pow10(e float64) float64 {
	if e < 0 {
		return 1 / math.Pow10(int(-e))
	}
	return math.Pow10(int(e))
}

// labels returns how ticks are written: with the decimals that tell them apart, powers of ten with superscripts where they
// are far from one, large numbers with a prefix.
func (a Axis) labels(ticks []float64) func(float64) string {
	lo, hi := magnitudes(ticks)
	switch a.Format {
	case Auto:
	case Percent:
		d := tickDecimals(scaled(ticks, 100))
		return func(v float64) string { return minus(thousands(100*v, d)) + "%" }
	default:
		return a.Format.writer(ticks)
	}
	far := hi >= 1e12 || (hi > 0 && hi < 1e-3) || (a.Log && (lo < 1e-4 || hi >= 1e7))
	by, prefix := 1.0, "" // 0.5M beside 2M
	switch {
	case hi >= 1e9:
		by, prefix = 1e9, "B"
	case hi >= 1e6:
		by, prefix = 1e6, "M"
	}
	d := tickDecimals(scaled(ticks, 1/by))
	return func(v float64) string {
		switch {
		case v == 0:
			return thousands(0, d)
		case far:
			return power(v)
		case a.Log && hi > 3*lo:
			return thousands(v, tickDecimals([]float64{v}))
		}
		return minus(thousands(v/by, d)) + prefix
	}
}

// minus replaces the hyphen of a negative number by the sign that typographers use.
func minus(s string) string { return strings.Replace(s, "-", "−", 1) }

// tickDecimals returns the fewest decimals that write every tick as it is.
func tickDecimals(ticks []float64) int {
	step := 0.0
	for i, t := range ticks {
		if step = math.Max(step, math.Abs(t)); i > 0 {
			step = math.Abs(ticks[1] - ticks[0])
		}
	}
	for d := 0; d < 12; d++ {
		exact := true
		for _, t := range ticks {
			exact = exact && math.Abs(t-math.Round(t*math.Pow10(d))/math.Pow10(d)) <= 1e-4*step
		}
		if exact {
			return d
		}
	}
	return 12
}

// power writes v as a power of ten: 10⁻⁵, 2×10⁶.
func power(v float64) string {
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', 6, 64), "e")
	m, _ := strconv.ParseFloat(mantissa, 64)
	n, _ := strconv.Atoi(exponent)
	s := "10" + strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹").Replace(strconv.Itoa(n))
	switch m {
	case 1:
		return s
	case -1:
		return "−" + s
	}
	return minus(strconv.FormatFloat(m, 'g', 7, 64)) + "×" + s
}
