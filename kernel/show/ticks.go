package show

import "math"

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
