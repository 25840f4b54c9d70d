package show

import (
	"math"
	"strconv"
	"strings"
)

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
