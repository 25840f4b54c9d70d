package show

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Format says how numbers are written: one of the constants, or a verb of package fmt for a float64 such as "%.3f".
// The zero value chooses as many digits as the values at hand need.
type Format string

// The formats that are more than a verb.
const (
	Auto    Format = ""
	Integer Format = "integer" // 12,345
	Percent Format = "percent" // a fraction: 0.25 is 25%
	Count   Format = "count"   // 6.74B
	Bytes   Format = "bytes"   // 1.50 GiB
	Seconds Format = "seconds" // 850 ms, 3.2 s, 1 min 05 s
)

// writer returns how every number of one column (or axis, or map) is written, so that they can be compared at a glance.
func (f Format) writer(values []float64) func(float64) string {
	write := f.finite(values)
	return func(v float64) string {
		switch {
		case math.IsNaN(v):
			return "NaN"
		case math.IsInf(v, 1):
			return "Inf"
		case math.IsInf(v, -1):
			return "-Inf"
		}
		return write(v)
	}
}

func (f Format) finite(values []float64) func(float64) string {
	switch f {
	case Integer:
		return func(v float64) string { return thousands(v, 0) }
	case Percent:
		d := decimals(scaled(values, 100))
		return func(v float64) string { return thousands(100*v, d) + "%" }
	case Count:
		return func(v float64) string { return prefixed(v, 1000, []string{"", "K", "M", "B", "T"}) }
	case Bytes:
		return func(v float64) string { return prefixed(v, 1024, []string{" B", " KiB", " MiB", " GiB", " TiB"}) }
	case Seconds:
		return func(v float64) string { return duration(v) }
	}
	if strings.HasPrefix(string(f), "%") {
		if s := fmt.Sprintf(string(f), 1.5); !strings.Contains(s, "%!") && len(s) <= longCell {
			return func(v float64) string { return fmt.Sprintf(string(f), v) }
		}
	}
	lo, hi := magnitudes(values)
	if hi >= 1e9 || (hi > 0 && hi < 1e-4) || hi/lo > 1e6 {
		return significant
	}
	d := decimals(values)
	return func(v float64) string { return thousands(v, d) }
}

func scaled(values []float64, by float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = v * by
	}
	return out
}

// magnitudes returns the smallest and largest |v| over the finite values other than zero, or 1 and 0 when there are none.
func magnitudes(values []float64) (lo, hi float64) {
	lo, hi = math.Inf(1), 0
	for _, v := range values {
		if a := math.Abs(v); a > 0 && !math.IsInf(a, 0) {
			lo, hi = math.Min(lo, a), math.Max(hi, a)
		}
	}
	if hi == 0 {
		return 1, 0
	}
	return lo, hi
}

// decimals chooses one number of decimals for a set of values: four significant digits for the largest, two for the
// smallest, none that are zero in all of them.
func decimals(values []float64) int {
	lo, hi := magnitudes(values)
	if hi == 0 {
		return 0
	}
	d := max(3-int(math.Floor(math.Log10(hi))), 1-int(math.Floor(math.Log10(lo))))
	d = min(max(d, 0), 6)
	for ; d > 0; d-- {
		for _, v := range values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				continue
			}
			if s := strconv.FormatFloat(v, 'f', d, 64); s[len(s)-1] != '0' {
				return d
			}
		}
	}
	return 0
}

// significant writes v with four significant digits, in powers of ten where a plain number would be hard to read.
func significant(v float64) string {
	a := math.Abs(v)
	if a == 0 {
		return "0"
	}
	if a >= 1e9 || a < 1e-4 {
		s := strconv.FormatFloat(v, 'e', 3, 64)
		mantissa, exponent, _ := strings.Cut(s, "e")
		n, _ := strconv.Atoi(exponent)
		return strings.TrimRight(strings.TrimRight(mantissa, "0"), ".") + "e" + strconv.Itoa(n)
	}
	return thousands(v, decimals([]float64{v}))
}

// thousands writes v with d decimals and a comma between groups of three digits.
func thousands(v float64, d int) string {
	s := strconv.FormatFloat(v, 'f', d, 64)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	var b strings.Builder
	for i, r := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(r)
	}
	if fraction != "" {
		b.WriteString("." + fraction)
	}
	if strings.Trim(b.String(), "0.,") == "" {
		sign = ""
	}
	return sign + b.String()
}

// prefixed writes v with three significant digits and the largest prefix that leaves at least one before the point.
func prefixed(v, base float64, prefixes []string) string {
	a, k := math.Abs(v), 0
	for a >= base*0.9995 && k < len(prefixes)-1 {
		a, v, k = a/base, v/base, k+1
	}
	d := 0
	if k > 0 {
		d = max(2-int(math.Floor(math.Log10(math.Max(a, 1)))), 0)
	} else if v != math.Trunc(v) {
		d = 2
	}
	return thousands(v, d) + prefixes[k]
}

// duration writes seconds for people.
func duration(seconds float64) string {
	sign, s := "", seconds
	if s < 0 {
		sign, s = "-", -s
	}
	switch {
	case s == 0:
		return "0 s"
	case s < 1e-3:
		return fmt.Sprintf("%s%.0f µs", sign, s*1e6)
	case s < 0.9995:
		return fmt.Sprintf("%s%.0f ms", sign, s*1e3)
	case s < 59.95:
		return fmt.Sprintf("%s%.1f s", sign, s)
	case s < 3599.5:
		n := int(math.Round(s))
		return fmt.Sprintf("%s%d min %02d s", sign, n/60, n%60)
	case s < 1e9:
		n := int(math.Round(s / 60))
		return fmt.Sprintf("%s%d h %02d min", sign, n/60, n%60)
	}
	return significant(seconds) + " s"
}

func elapsed(d time.Duration) string { return duration(d.Seconds()) }
