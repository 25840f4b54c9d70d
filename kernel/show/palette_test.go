package show

import (
	"fmt"
	"math"
	"testing"
)

func hex(t *testing.T, s string) rgb {
	t.Helper()
	var r, g, b int
	if _, err := fmt.Sscanf(s, "#%02x%02x%02x", &r, &g, &b); err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return rgb{float64(r) / 255, float64(g) / 255, float64(b) / 255}
}

func contrast(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

// oklab returns the coordinates in which distance is about what the eye sees; 0.02 is just noticeable.
func oklab(c rgb) [3]float64 {
	r, g, b := linear(c[0]), linear(c[1]), linear(c[2])
	l := math.Cbrt(0.4122214708*r + 0.5363325363*g + 0.0514459929*b)
	m := math.Cbrt(0.2119034982*r + 0.6806995451*g + 0.1073969566*b)
	s := math.Cbrt(0.0883024619*r + 0.2817188376*g + 0.6299787005*b)
	return [3]float64{0.2104542553*l + 0.7936177850*m - 0.0040720468*s, 1.9779984951*l - 2.4285922050*m + 0.4505937099*s, 0.0259040371*l + 0.7827717662*m - 0.8086757660*s}
}

func distance(a, b rgb) float64 {
	x, y := oklab(a), oklab(b)
	return math.Sqrt((x[0]-y[0])*(x[0]-y[0]) + (x[1]-y[1])*(x[1]-y[1]) + (x[2]-y[2])*(x[2]-y[2]))
}

// The matrices for complete dichromacy: G. Machado, M. Oliveira, L. Fernandes, "A Physiologically-based Model for Simulation of Color
// Vision Deficiency", IEEE TVCG 15(6), 2009, table 1, severity 1.0; they apply to linear RGB.
var blindness = map[string][9]float64{
	"none":         {1, 0, 0, 0, 1, 0, 0, 0, 1},
	"protanopia":   {0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998},
	"deuteranopia": {0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881},
	"tritanopia":   {1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900},
}

func seen(c rgb, m [9]float64) rgb {
	r, g, b := linear(c[0]), linear(c[1]), linear(c[2])
	var out rgb
	for i := range 3 {
		out[i] = companded(math.Min(math.Max(m[3*i]*r+m[3*i+1]*g+m[3*i+2]*b, 0), 1))
	}
	return out
}

// TestSeriesColours: contrast with the ground, and distance from one another however the reader sees; the first five, which most
// charts stay within, farther than the rest, where dash and marker must help.
func TestSeriesColours(t *testing.T) {
	for name, th := range map[string]theme{"light": lightTheme, "dark": darkTheme} {
		ground := hex(t, th.ground)
		if len(th.series) != 8 || len(dashes) != 8 || len(markers) != 8 || len(glyphs) != 8 {
			t.Fatal("colours, dashes, markers and glyphs are eight each")
		}
		for _, text := range []string{th.text, th.muted} {
			if c := contrast(hex(t, text), ground); c < 4.5 {
				t.Errorf("%s: text %s has contrast %.2f", name, text, c)
			}
		}
		for kind, m := range blindness {
			for i, a := range th.series {
				if c := contrast(hex(t, a), ground); c < 3 {
					t.Errorf("%s: series %d has contrast %.2f", name, i, c)
				}
				for j, b := range th.series[:i] {
					least := 0.05
					if i < 5 {
						least = 0.08
					}
					if d := distance(seen(hex(t, a), m), seen(hex(t, b), m)); d < least {
						t.Errorf("%s, %s: series %d and %d are %.3f apart", name, kind, i, j, d)
					}
				}
			}
		}
	}
}

// TestMapsAreEven: equal steps of the value are equal steps of lightness, in one direction, and every cell's text can be read.
func TestMapsAreEven(t *testing.T) {
	const n = 32
	for k := range n {
		a, b := oklab(sequential(float64(k)/n)), oklab(sequential(float64(k+1)/n))
		if step := b[0] - a[0]; math.Abs(step-0.66/n) > 0.004 {
			t.Errorf("sequential at %d/%d: lightness rises by %.4f", k, n, step)
		}
	}
	for k := -n; k <= n; k++ {
		v := float64(k) / n
		if d := oklab(diverging(v))[0] - oklab(diverging(-v))[0]; math.Abs(d) > 0.004 {
			t.Errorf("diverging at %g: lightness differs from the other side by %.4f", v, d)
		}
		for _, c := range []rgb{diverging(v), sequential(math.Abs(v))} {
			if got := contrast(c, map[string]rgb{"#000": {}, "#fff": {1, 1, 1}}[c.ink()]); got < 4.5 {
				t.Errorf("text on %s at %g has contrast %.2f", c, v, got)
			}
		}
	}
}
