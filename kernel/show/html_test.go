package show

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden fragments")

// parse reads markup as XML, checks what no fragment may contain, and returns all its character data and its element names.
func parse(t *testing.T, markup string) (text string, elements map[string]int) {
	t.Helper()
	var b strings.Builder
	elements = make(map[string]int)
	d := xml.NewDecoder(strings.NewReader(markup))
	for depth := 0; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return b.String(), elements
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, markup)
		}
		switch token := token.(type) {
		case xml.StartElement:
			depth++
			elements[token.Name.Local]++
			if depth == 1 {
				elements["(top)"]++
			}
			for _, a := range token.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" || a.Name.Local == "src" {
					t.Fatalf("attribute %s=%q", a.Name.Local, a.Value)
				}
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			b.Write(token)
		case xml.Comment, xml.ProcInst, xml.Directive:
			t.Fatalf("unexpected %T in\n%s", token, markup)
		}
	}
}

var allowed = strings.Fields("figure style div ul li svg title desc defs clipPath rect path circle text g pattern linearGradient stop table thead tbody tr th td span figcaption pre (top)")

func checkFragment(t *testing.T, f Fragment) {
	t.Helper()
	markup := f.HTML()
	_, elements := parse(t, markup)
	if elements["(top)"] != 1 || elements["figure"] != 1 {
		t.Fatalf("a fragment is one figure, this is %v", elements)
	}
	for name := range elements {
		if !strings.Contains(" "+strings.Join(allowed, " ")+" ", " "+name+" ") {
			t.Fatalf("element <%s> in\n%s", name, markup)
		}
	}
	for _, bad := range []string{"NaN\"", "Inf\"", "NaN ", "%!"} {
		if i := strings.Index(markup, bad); i >= 0 && strings.Contains(markup[max(0, i-40):i], " d=\"") {
			t.Fatalf("%q in a path of\n%s", bad, markup)
		}
	}
	for _, width := range []int{0, 20, 40, 80, 200} {
		text := f.Text(width)
		if strings.ContainsAny(strings.ReplaceAll(text, "\n", ""), "\x1b\x00\r\t") {
			t.Fatalf("control characters in %q", text)
		}
		if text != "" && !strings.HasSuffix(text, "\n") {
			t.Fatalf("last line not ended: %q", text)
		}
		if _, isNote := f.(note); isNote {
			continue
		}
		if _, isProgress := f.(progressFigure); isProgress {
			continue
		}
		for _, line := range strings.Split(text, "\n") {
			if cells(line) > terminal(width) {
				t.Fatalf("line of %d columns at width %d: %q", cells(line), width, line)
			}
		}
	}
}

func TestSamplesAreWellFormed(t *testing.T) {
	all := samples()
	if len(all) != len(order) || len(all) < 15 {
		t.Fatalf("%d samples, %d in the gallery", len(all), len(order))
	}
	for _, name := range order {
		t.Run(name, func(t *testing.T) { checkFragment(t, all[name]) })
	}
}

// TestGolden compares each sample with testdata; run with -update after looking at the gallery.
func TestGolden(t *testing.T) {
	all := samples()
	for _, name := range order {
		if name == "training" || name == "spectra" { // long paths of no further interest
			continue
		}
		t.Run(name, func(t *testing.T) {
			markup := strings.Replace(all[name].HTML(), StyleSheet(), "", 1)
			golden(t, name+".html", strings.ReplaceAll(markup, "><", ">\n<"))
			golden(t, name+".txt", all[name].Text(80))
		})
	}
	golden(t, "style.css", strings.ReplaceAll(StyleSheet(), "}", "}\n"))
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs from what it was (-was +is); if it looks right, run with -update:\n%s", path, diff)
	}
}

func TestHostileTextStaysText(t *testing.T) {
	for _, f := range []Fragment{
		Table{Title: hostile, Columns: []Column{{Name: hostile, Unit: hostile}}, Rows: [][]any{{hostile}}}, Facts{Items: []Fact{{Name: hostile, Value: hostile, Unit: hostile}}},
		Bars{Items: []Bar{{hostile, 1}}, Unit: hostile}, HeatMap{Rows: []string{hostile}, Cols: []string{hostile}, RowLabel: hostile, Values: [][]float64{{1}}, Unit: hostile},
		Network{Title: hostile, Groups: []string{hostile}, Nodes: []NetworkNode{{Label: hostile, Detail: hostile, Groups: []int{0, 7}}}},
		Parallel{Title: hostile, Axes: []Axis{{Label: hostile, Unit: hostile}}, Lines: []ParallelLine{{hostile, []float64{1}, 2}}},
		Panels{Title: hostile, X: Axis{Label: hostile}, Panels: []Panel{{Title: hostile, Series: []Series{{Name: hostile, Y: []float64{1, 2}}}}}},
		Chart{Series: []Series{{Y: []float64{1}}}, Marks: []Mark{{Label: hostile, X: []float64{0}}}}, fragment(hostile), fragment(errors.New(hostile)), sampleHostile(),
	} {
		checkFragment(t, f)
		text, _ := parse(t, f.HTML())
		if !strings.Contains(text, "<script>alert") && !strings.Contains(text, "</title>") {
			t.Errorf("%T: the text is gone, not escaped: %s", f, text)
		}
	}
}

func TestSameValueSameMarkup(t *testing.T) {
	for name, f := range samples() {
		if f.HTML() != samples()[name].HTML() {
			t.Errorf("%s: two runs give two outputs", name)
		}
	}
}

func FuzzFragments(f *testing.F) {
	f.Add(hostile, "%.3f", 1.5, -2.0, false)
	f.Add("", "percent", 0.0, 0.0, true)
	f.Add("中文字 wide", "%s%d%[9]*.f", 1e308, 5e-324, true)
	f.Fuzz(func(t *testing.T, s, format string, a, b float64, log bool) {
		axis := Axis{Label: s, Unit: s, Format: Format(format), Log: log, Min: b, Max: a}
		series := []Series{{Name: s, X: []float64{a, b, 1}, Y: []float64{b, a, 2}, Low: []float64{a}, High: []float64{b}}, {Y: []float64{a, b}, Style: Steps}}
		checkFragment(t, Chart{Title: s, Caption: s, X: axis, Y: axis, Series: series, References: []Reference{{Label: s, At: a}}})
		axis.Min, axis.Max = 0, 0
		checkFragment(t, Chart{X: axis, Y: axis, Series: series, References: []Reference{{Label: s, At: b, Vertical: true}}})
		checkFragment(t, Chart{X: axis, Y: axis, Series: series, Marks: []Mark{{Label: s, X: []float64{a, b, 1}}, {X: []float64{b}}}})
		checkFragment(t, Panels{Title: s, X: axis, Y: axis, Panels: []Panel{{Title: s, Series: series}, {Title: s}, {Series: series[1:]}}})
		checkFragment(t, Parallel{Title: s, Axes: []Axis{axis, {}, {Log: log, Label: s}}, Value: axis, Best: Max,
			Lines: []ParallelLine{{s, []float64{a, b, 1}, a}, {s, []float64{b}, b}, {s, []float64{b, a, b, 7}, 1}}})
		checkFragment(t, Table{Title: s, Columns: []Column{{Name: s, Format: Format(format), Best: Min}}, Rows: [][]any{{a, s}, {b}, {nil, s, b}}})
		checkFragment(t, HeatMap{Rows: []string{s, s}, Cols: []string{s}, Values: [][]float64{{a, b}, {1}}, Format: Format(format), Diverging: log, Min: b, Max: a})
		checkFragment(t, Bars{Items: []Bar{{s, a}, {s, b}}, Format: Format(format), Unit: s})
		checkFragment(t, Facts{Title: s, Items: []Fact{{Name: s, Value: a, Unit: s, Format: Format(format)}}})
		checkFragment(t, fragment(s))
	})
}
