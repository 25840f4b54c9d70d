package lab

import (
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/gomlxops/lowrank"
)

// Every suggestion keeps to the bounds of its groups, and ranks to within a few of them; a group's own bound goes before its kind's.
func TestSearchBounds(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	own := "model.layers.1.self_attn.q_proj"
	bounds := map[string]Bound{"q_proj": {0.3, 0.5}, own: {0, 0}, "up_proj": {0.2, 0.2}}
	for _, prior := range []By{lowrank.ByUniform, lowrank.ByEnergy} {
		s := quickSearch(6)
		s.Groups, s.Prior, s.Bounds, s.Seed = GroupLinears, prior, bounds, 7
		found, err := testStudy(t, l).Search(t.Context(), m, s)
		if err != nil {
			t.Fatal(err)
		}
		checked := 0
		for _, trial := range found.Trials {
			for i, v := range found.Space.Variables {
				want, ok := bounds[v.Name]
				if !ok {
					want, ok = bounds[v.Labels[0]]
				}
				if !ok {
					continue
				}
				checked++
				if x := trial.X[i]; !(x >= want.Lower-1e-12 && x <= want.Upper+1e-12) {
					t.Errorf("%s, trial %d: %s loses %v, expected %v", prior, trial.ID, v.Name, x, want)
				}
				if at := trial.At; at != nil && !(at[i] >= want.Lower-0.15 && at[i] <= want.Upper+0.15) {
					t.Errorf("%s, trial %d: the ranks of %s lose %v, expected about %v", prior, trial.ID, v.Name, at[i], want)
				}
			}
		}
		if checked != 6*4 {
			t.Errorf("checked %d ratios", checked)
		}
	}
}

// Bounds that cannot be are refused, by name.
func TestSearchBadBounds(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	for want, bounds := range map[string]map[string]Bound{
		`bounds of q_proj: expected ratios from 0 to 1, the lower one first, found 0.6 and 0.2`: {"q_proj": {0.6, 0.2}},
		`bounds of "query": expected a group of this search, one of ["q_proj" `:                 {"query": {0, 0.5}},
		`up_proj: expected a lower bound of at most the upper one, found 1`:                     {"up_proj": {1, 1}},
		`held too low are`: {"gate_proj": {0, 0}, "up_proj": {0, 0}, "down_proj": {0, 0.1}},
		`held too high`:    {"gate_proj": {0.8, 0.9}, "up_proj": {0.8, 0.9}, "down_proj": {0.8, 0.9}},
	} {
		s := quickSearch(2)
		s.Bounds, s.Sampler = bounds, bayesopt.Random
		if _, err := testStudy(t, l).Search(t.Context(), m, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	s := quickSearch(2)
	s.Workers = -1
	if _, err := testStudy(t, l).Search(t.Context(), m, s); err == nil || !strings.Contains(err.Error(), "workers: expected at least 1, found -1") {
		t.Errorf("got %v", err)
	}
}
