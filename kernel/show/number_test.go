package show

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestFormats(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		format Format
		values []float64
		want   string
	}{
		{Auto, []float64{4.312, 4.671, 9.02, 31.4}, "4.31 4.67 9.02 31.40"},
		{Auto, []float64{1, 20, 300}, "1 20 300"},
		{Auto, []float64{1234567, 0.5}, "1,234,567 0.5"},
		{Auto, []float64{1234.5, 0.52}, "1,234.50 0.52"},
		{Auto, []float64{0.00031, 0.12}, "0.00031 0.12000"},
		{Auto, []float64{1e-9, nan, inf, -inf, 0}, "1e-9 NaN Inf -Inf 0"},
		{Auto, []float64{math.Copysign(0, -1), -1e-320}, "0 -1e-320"},
		{Integer, []float64{12345.6, -999.4, 1e6}, "12,346 -999 1,000,000"},
		{Percent, []float64{0.2, 0.25}, "20% 25%"},
		{Percent, []float64{0.2, 0.255}, "20.0% 25.5%"},
		{Count, []float64{6738415616, 4212992, 999, 999999, 0}, "6.74B 4.21M 999 1.00M 0"},
		{Bytes, []float64{512, 1536, 13.5e9}, "512 B 1.50 KiB 12.6 GiB"},
		{Seconds, []float64{2e-6, 0.25, 3.21, 59.96, 65, 3599.9, 7265}, "2 µs 250 ms 3.2 s 1 min 00 s 1 min 05 s 1 h 00 min 2 h 01 min"},
		{"%.1f", []float64{2.25, nan}, "2.2 NaN"},
		{"%99999f", []float64{2.5}, "2.5"},
		{"%d nonsense", []float64{2.5}, "2.5"},
	} {
		write := c.format.writer(c.values)
		var got []string
		for _, v := range c.values {
			got = append(got, write(v))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%q of %v: %q, want %q", c.format, c.values, s, c.want)
		}
	}
}

type broken struct{}

func (*broken) String() string { panic("no") }

func TestValuesOfACell(t *testing.T) {
	x, none := 2.5, (*float64)(nil)
	e := Estimate{3, 0.25}
	values := []any{1, uint8(2), &x, none, nil, "text", true, 90 * time.Second, errors.New("bad"), e, &e, new(broken), []int{1}}
	want := "1.0|2.0|2.5|–|–|text|yes|1 min 30 s|bad|3.0 ± 0.2|3.0 ± 0.2|%!v(PANIC=String method: no)|[1]"
	write := Auto.column(values)
	var got []string
	for _, v := range values {
		got = append(got, write(v))
	}
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

func TestBestIgnoresWhatIsNoNumber(t *testing.T) {
	table := Table{Columns: []Column{{Best: Min}, {Best: Max}}, Rows: [][]any{{math.NaN(), math.Inf(1)}, {2.0, 7}, {2.0, nil}, {"one", 8}, {math.Inf(-1)}}}
	g := table.grid()
	var marks []string
	for i := range g.best {
		for j, best := range g.best[i] {
			if best {
				marks = append(marks, g.cells[i][j])
			}
		}
	}
	if s := strings.Join(marks, " "); s != "2 2 8" {
		t.Errorf("marked %q, want 2 2 8", s)
	}
}

func TestTableWiderThanTheTerminal(t *testing.T) {
	text := sampleTable().Text(40)
	if got := strings.Count(text, "method"); got < 2 {
		t.Errorf("the first column stands in %d parts, want it in each of several:\n%s", got, text)
	}
	for _, all := range []string{"perplexity", "WikiText-2", "speed", "took", "19,950"} {
		if !strings.Contains(text, all) {
			t.Errorf("%s got lost in\n%s", all, text)
		}
	}
}
