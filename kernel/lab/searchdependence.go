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

// Dependence draws what the surrogate expects against each group's ratio, the others paying for it, with its deviation as a band; the same
// from the best allocation on; and the trials.
func (f *Found) Dependence() show.Panels {
	p := show.Panels{
		Title: "What the surrogate thinks each ratio does", X: show.Axis{Label: "ratio removed of the group", Format: show.Percent},
		Y: show.Axis{Label: f.measured()}, Columns: f.bands(),
		Caption: "What is expected when one group loses the ratio below and the others pay for it: averaged over allocations between those that were tried (partial " +
			"dependence) with the mean deviation as a band, and from the best trial's allocation on. Lines end a tenth beyond the outermost trials.",
	}
	s, err := f.Surrogate()
	if err != nil {
		p.Caption = err.Error()
		return p
	}
	for i, share := range f.shares {
		if i == mostPanels {
			p.Caption += fmt.Sprintf(" The %d groups that matter most, of %d.", mostPanels, len(f.free()))
			break
		}
		effects, err := s.PartialDependence(share.Name, dependenceSteps)
		if err != nil {
			p.Caption = err.Error()
			return p
		}
		p.Panels = append(p.Panels, show.Panel{Title: f.name(share.Name), Series: []show.Series{average(effects), f.fromBest(s, share.Name, effects), f.points(share.Name)}})
	}
	f.inOrder(p.Panels)
	f.closeUp(&p)
	return p
}

// name is a group's name as pictures have room for it: a linear's is its kind and layer, "q_proj 3".
func (f *Found) name(group string) string {
	for _, l := range f.linears {
		if l.Name == group {
			return fmt.Sprintf("%s %d", l.Kind, l.Layer)
		}
	}
	return group
}

// kind is a group's kind: what stands before the band or layer.
func kind(name string) string {
	before, _, _ := strings.Cut(name, " ")
	return before
}

// bands is how many groups stand side by side, one kind below the other: as many as the largest kind has, 0 where that is one or too many.
func (f *Found) bands() (most int) {
	of := map[string]int{}
	for _, v := range f.free() {
		k := kind(f.name(v.Name))
		of[k]++
		most = max(most, of[k])
	}
	if most == 1 || most > 8 {
		return 0
	}
	return most
}

// inOrder sorts panels by kind, and those of one kind as the groups are.
func (f *Found) inOrder(panels []show.Panel) {
	at := map[string]int{}
	for i, v := range f.Space.Variables {
		name := f.name(v.Name)
		at[name] = i
		if _, ok := at[kind(name)]; !ok {
			at[kind(name)] = i
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
			if v.Name == name && valued(t) {
				s.X, s.Y = append(s.X, t.At[i]), append(s.Y, t.Value)
			}
		}
	}
	return s
}
