package lab

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/kernel/show"
)

// mostPanels is how many groups the dependence shows, the most important ones.
const mostPanels = 28

// dependenceSteps is at how many ratios the dependence is evaluated.
const dependenceSteps = 17

// Dependence draws what the surrogate expects of perplexity against each group's ratio, the others paying for it, with its deviation as a band; the same
// from the best allocation on; and the trials.
func (f *Found) Dependence() show.Panels {
	p := show.Panels{
		Title: "What the surrogate thinks each ratio does", X: show.Axis{Label: "ratio removed of the group", Format: show.Percent},
		Y: show.Axis{Label: "perplexity on " + f.Text}, Columns: f.bands(),
		Caption: "What is expected when one group loses the ratio below and the others pay for it: averaged over random allocations (partial dependence) with the " +
			"mean deviation as a band, and from the best trial's allocation on.",
	}
	s, err := f.Surrogate()
	if err != nil {
		p.Caption = err.Error()
		return p
	}
	for i, share := range s.Importances() {
		if i == mostPanels {
			p.Caption += fmt.Sprintf(" The %d groups that matter most, of %d.", mostPanels, len(f.free()))
			break
		}
		effects, err := s.PartialDependence(share.Name, dependenceSteps)
		if err != nil {
			p.Caption = err.Error()
			return p
		}
		p.Panels = append(p.Panels, show.Panel{Title: share.Name, Series: []show.Series{average(effects), f.fromBest(s, share.Name, effects), f.points(share.Name)}})
	}
	f.inOrder(p.Panels)
	f.closeUp(&p)
	return p
}

// bands is how many groups each kind has: 1, or where they go by bands of layers one for each.
func (f *Found) bands() int {
	for _, v := range f.free() {
		if _, of, ok := strings.Cut(v.Name, "/"); ok {
			var n int
			if _, err := fmt.Sscan(of, &n); err == nil && n > 1 && n <= 8 {
				return n
			}
		}
	}
	return 0
}

// inOrder sorts panels as the groups are, bands of one kind side by side.
func (f *Found) inOrder(panels []show.Panel) {
	at := map[string]int{}
	kind := func(name string) string { before, _, _ := strings.Cut(name, " "); return before }
	for i, v := range f.Space.Variables {
		at[v.Name] = i
		if _, ok := at[kind(v.Name)]; !ok {
			at[kind(v.Name)] = i
		}
	}
	slices.SortStableFunc(panels, func(a, b show.Panel) int {
		return cmp.Or(cmp.Compare(at[kind(a.Title)], at[kind(b.Title)]), cmp.Compare(at[a.Title], at[b.Title]))
	})
}

// closeUp fits the Y axis to the trials and to the lines, as far as pictures go up, and takes trials beyond off.
func (f *Found) closeUp(p *show.Panels) {
	lo, hi := f.Best.Value, f.ceiling()
	for i, panel := range p.Panels {
		for _, s := range panel.Series[:2] {
			for _, y := range s.Y {
				lo = min(lo, y)
			}
		}
		s := &p.Panels[i].Series[2]
		for k := len(s.Y) - 1; k >= 0; k-- {
			if s.Y[k] > hi {
				s.X, s.Y = slices.Delete(s.X, k, k+1), slices.Delete(s.Y, k, k+1)
			}
		}
	}
	margin := 0.1 * (hi - lo)
	if p.Y.Min, p.Y.Max = lo-margin, hi+margin; f.above() > 0 {
		p.Caption += fmt.Sprintf(" Not shown: %s above.", counted(f.above(), "trial", "trials"))
	}
}

func average(effects []bayesopt.Effect) show.Series {
	s := show.Series{Name: "expected on average", Style: show.Curve}
	for _, e := range effects {
		s.X, s.Y = append(s.X, e.X), append(s.Y, e.Mean)
		s.Low, s.High = append(s.Low, e.Mean-e.Deviation), append(s.High, e.Mean+e.Deviation)
	}
	return s
}

// fromBest is what is expected as one group's ratio moves away from the best allocation, the others moving as little as the budget asks.
func (f *Found) fromBest(s *bayesopt.Surrogate, name string, effects []bayesopt.Effect) show.Series {
	out := show.Series{Name: "from the best trial", Style: show.Curve}
	held := f.Space
	held.Variables = slices.Clone(f.Space.Variables)
	k := slices.IndexFunc(held.Variables, func(v bayesopt.Variable) bool { return v.Name == name })
	for _, e := range effects {
		held.Variables[k].Lower, held.Variables[k].Upper, held.Variables[k].Curve = e.X, e.X, nil
		x, err := held.Project(f.Best.At)
		if err != nil {
			continue // rounding has put an end of the reach beyond it
		}
		if mean, _, err := s.Predict(x); err == nil {
			out.X, out.Y = append(out.X, e.X), append(out.Y, mean)
		}
	}
	return out
}

// points are the trials against one group's ratio.
func (f *Found) points(name string) show.Series {
	s := show.Series{Name: "trials", Style: show.Points}
	for i, v := range f.Space.Variables {
		for _, t := range f.Trials {
			if v.Name == name && t.State == bayesopt.Done {
				s.X, s.Y = append(s.X, t.At[i]), append(s.Y, t.Value)
			}
		}
	}
	return s
}
