package show

import (
	"fmt"
	"math"
)

// theme holds the colours of a fragment in one of its two lights.
type theme struct {
	ground, text, muted, grid, rule, mark string
	series                                []string
}

// The categorical colours keep three things that palette_test.go measures: a contrast of at least 3:1 with the ground (the
// figure that WCAG 2.1, success criterion 1.4.11, asks of graphics), distance from one another, and distance as seen with each
// of the three kinds of colour blindness. Beyond eight series they repeat, told apart by dash and marker.
var (
	lightTheme = theme{ground: "#ffffff", text: "#1d2129", muted: "#5c6470", grid: "#e8eaee", rule: "#b6bcc6", mark: "#eef5fc",
		series: []string{"#05519f", "#ad4a04", "#268262", "#d751b2", "#9e8729", "#2d9acf", "#6742c9", "#515863"}}
	darkTheme = theme{ground: "#15181d", text: "#e7e9ed", muted: "#a0a8b4", grid: "#2a2f37", rule: "#4c545f", mark: "#1c2a3a",
		series: []string{"#4ea0f7", "#f78e39", "#45d8a4", "#cb64ac", "#e7c953", "#98d6fa", "#927bd1", "#9ea6b4"}}
)

// dashes and markers tell series apart without colour; a dash pattern is in user units, "" is a solid line.
var (
	dashes  = []string{"", "7 3", "2 3", "9 3 2 3", "4 2", "12 4", "1 2", "9 3 2 3 2 3"}
	markers = []string{"circle", "square", "triangle", "diamond", "nabla", "plus", "cross", "ring"}
)

// sequential returns the colour of t in [0,1], from dark violet to light yellow. Lightness rises linearly in OKLab, so that equal steps
// look equal, also in grey; hue and chroma only help. Chroma is lowered where sRGB has no such colour.
// OKLab: B. Ottosson, "A perceptual color space for image processing", 2020, https://bottosson.github.io/posts/oklab/
func sequential(t float64) rgb {
	t = math.Min(math.Max(t, 0), 1)
	return oklch(0.28+0.66*t, 0.09+0.06*t, 300-198*t)
}

// diverging returns the colour of t in [-1,1]: blue below, near white at zero, orange above, equally dark at equal distance.
func diverging(t float64) rgb {
	a := math.Min(math.Abs(t), 1)
	hue := 250.0
	if t > 0 {
		hue = 50
	}
	return oklch(0.96-0.46*a, 0.14*a, hue)
}

// rgb is a colour of sRGB, its components in [0,1].
type rgb [3]float64

func (c rgb) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(c[0]*255+.5), int(c[1]*255+.5), int(c[2]*255+.5))
}

// ink returns black or white, whichever is easier to read on c.
func (c rgb) ink() string {
	if l := c.luminance(); (l+0.05)/0.05 > 1.05/(l+0.05) {
		return "#000"
	}
	return "#fff"
}

// luminance is the relative luminance of WCAG 2.1.
func (c rgb) luminance() float64 {
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// linear and companded are the sRGB transfer function (IEC 61966-2-1) and its inverse.
func linear(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

func companded(v float64) float64 {
	if v <= 0.0031308 {
		return 12.92 * v
	}
	return 1.055*math.Pow(v, 1/2.4) - 0.055
}

// oklch converts lightness, chroma and hue in degrees, lowering chroma until the colour exists.
func oklch(lightness, chroma, hue float64) rgb {
	for ; ; chroma -= 0.002 {
		a, b := chroma*math.Cos(hue*math.Pi/180), chroma*math.Sin(hue*math.Pi/180)
		l := math.Pow(lightness+0.3963377774*a+0.2158037573*b, 3)
		m := math.Pow(lightness-0.1055613458*a-0.0638541728*b, 3)
		s := math.Pow(lightness-0.0894841775*a-1.2914855480*b, 3)
		lin := rgb{4.0767416621*l - 3.3077115913*m + 0.2309699292*s, -1.2684380046*l + 2.6097574011*m - 0.3413193965*s, -0.0041960863*l - 0.7034186147*m + 1.7076147010*s}
		inside := true
		for i, v := range lin {
			inside = inside && v >= -1e-4 && v <= 1+1e-4
			lin[i] = companded(math.Min(math.Max(v, 0), 1))
		}
		if inside || chroma <= 0 {
			return lin
		}
	}
}
