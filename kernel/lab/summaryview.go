package lab

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/parelab/pare/kernel/show"
)

// line is the settings that differ in their ratio only.
type line struct {
	model, label string
	groups       int
	settings     []Setting
}

func (s *Summary) lines() (lines []line) {
	for _, set := range s.Settings {
		last := len(lines) - 1
		if last < 0 || lines[last].model != set.Model || lines[last].label != set.Label || lines[last].groups != set.Groups {
			lines, last = append(lines, line{model: set.Model, label: set.Label, groups: set.Groups}), last+1
		}
		lines[last].settings = append(lines[last].settings, set)
	}
	return lines
}

// ratios lists those of all settings but dense ones, ascending.
func (s *Summary) ratios() (ratios []float64) {
	for _, set := range s.Settings {
		if set.Ratio != 0 && !slices.Contains(ratios, set.Ratio) {
			ratios = append(ratios, set.Ratio)
		}
	}
	slices.Sort(ratios)
	return ratios
}

// pooled says whether settings differ in their groups.
func (s *Summary) pooled() bool {
	groups := 0
	for _, set := range s.Settings {
		if groups != 0 && set.Groups != 0 && set.Groups != groups {
			return true
		}
		groups = max(groups, set.Groups)
	}
	return false
}

// title names a line; the groups only where they tell lines apart.
func (s *Summary) title(l line) string {
	switch {
	case !s.pooled() || l.groups == 0:
		return l.label
	case l.groups == 1:
		return l.label + ", 1 group"
	}
	return fmt.Sprintf("%s, %d groups", l.label, l.groups)
}

// Table has a row for every way to compress and a column for every ratio: the mean over seeds, ± their standard deviation.
func (s *Summary) Table() show.Table {
	t := show.Table{
		Title:   "Perplexity on " + s.On,
		Columns: []show.Column{{Name: "method"}, {Name: "seeds", Align: show.Right}},
		Caption: "Mean ± standard deviation over calibration seeds; a single value has no ±. The best of each ratio is marked. " + s.Measured,
	}
	ratios := s.ratios()
	for _, r := range ratios {
		t.Columns = append(t.Columns, show.Column{Name: fmt.Sprintf("%.4g%%", 100*r), Format: "%.3f", Align: show.Right, Best: show.Min})
	}
	for _, l := range s.lines() {
		if l.label == string(Dense) {
			t.Title += fmt.Sprintf(", dense %.3f", l.settings[0].Mean)
			continue
		}
		row := make([]any, 2+len(ratios))
		seeds := l.settings[0].Seeds
		most := seeds
		for _, set := range l.settings {
			row[2+slices.Index(ratios, set.Ratio)] = set.Estimate()
			seeds, most = min(seeds, set.Seeds), max(most, set.Seeds)
		}
		row[0], row[1] = s.title(l), strconv.Itoa(seeds)
		if seeds != most {
			row[1] = fmt.Sprintf("%d–%d", seeds, most)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// Chart draws the metric against what was removed, counted, a line with its spread for every way to compress, and dense as reference.
func (s *Summary) Chart() show.Chart {
	c := show.Chart{
		Title: "What removing parameters costs", Caption: s.Measured,
		X: show.Axis{Label: "removed from the decoder linears", Format: show.Percent},
		Y: show.Axis{Label: "perplexity on " + s.On, Log: true},
	}
	for _, l := range s.lines() {
		if l.label == string(Dense) {
			c.References = append(c.References, show.Reference{Label: string(Dense), At: l.settings[0].Mean})
			continue
		}
		series := show.Series{Name: s.title(l)}
		for _, set := range l.settings {
			spread := set.Spread
			if set.Seeds == 1 {
				spread = 0
			}
			series.X, series.Y = append(series.X, set.Removed), append(series.Y, set.Mean)
			series.Low, series.High = append(series.Low, set.Mean-spread), append(series.High, set.Mean+spread)
		}
		c.Series = append(c.Series, series)
	}
	return c
}
