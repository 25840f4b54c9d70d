package importance

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The fold of query heads onto their key/value head: METHODS' own example, where the reference program gives [4 6 8 10].
func TestSharedHeads(t *testing.T) {
	channel, err := SharedHeads(4, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	s := &Scores{Weights: []*Weight{{Name: "q", Rows: 8, Columns: 1, By: map[Criterion]Vectors{L1: {Rows: []float64{0, 1, 2, 3, 4, 5, 6, 7}}}}}}
	got, err := s.Channels(L1, Group{Name: "heads", Channels: 4, Members: []Member{{Weight: "q", Axis: Rows, Channel: channel}}}, Sum)
	if err != nil || !slices.Equal(got, []float64{2, 4, 10, 12}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := SharedHeads(4, 3, 2); err == nil || !strings.Contains(err.Error(), "found 4 heads") {
		t.Errorf("error %v", err)
	}
}

func TestUnitsAndNormalise(t *testing.T) {
	v := []float64{1, 2, 3, 6}
	for how, want := range map[Aggregation][]float64{Sum: {3, 9}, Mean: {1.5, 4.5}, Max: {2, 6}, Prod: {2, 18}} {
		if got, err := Units(v, 2, how); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", how, got, err)
		}
	}
	for how, want := range map[Normalisation][]float64{Raw: v, ByMean: {1. / 3, 2. / 3, 1, 2}, ByMax: {1. / 6, 2. / 6, 0.5, 1}} {
		if got, err := Normalise(v, how); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", how, got, err)
		}
	}
	z, err := Normalise(v, Standardise)
	if err != nil {
		t.Fatal(err)
	}
	sum, square := 0.0, 0.0
	for _, x := range z {
		sum, square = sum+x, square+x*x/3
	}
	if math.Abs(sum) > 1e-12 || math.Abs(square-1) > 1e-12 || !slices.IsSorted(z) {
		t.Errorf("standard scores %v", z)
	}
	for _, how := range []Normalisation{ByMean, ByMax, Standardise} {
		if got, err := Normalise([]float64{0, 0}, how); err != nil || !slices.Equal(got, []float64{0, 0}) {
			t.Errorf("%s of zeros: %v, %v", how, got, err)
		}
	}
}

func TestGroupsRefuse(t *testing.T) {
	s := &Scores{Weights: []*Weight{{Name: "w", Rows: 2, Columns: 3, By: map[Criterion]Vectors{L1: {Rows: []float64{1, 2}}}}}}
	one := func(m Member) Group { return Group{Name: "g", Channels: 2, Members: []Member{m}} }
	for want, c := range map[string]struct {
		g   Group
		by  Criterion
		how Aggregation
	}{
		"expected members":         {Group{Name: "g"}, L1, Sum},
		"x: expected scores of it": {one(Member{Weight: "x", Axis: Rows}), L1, Sum},
		"found those by [l1]":      {one(Member{Weight: "w", Axis: Rows}), L2, Sum},
		"which it has none of":     {one(Member{Weight: "w", Axis: Columns}), L1, Sum},
		"for each of 2 rows":       {one(Member{Weight: "w", Axis: Rows, Channel: []int{0}}), L1, Sum},
		"found 5":                  {one(Member{Weight: "w", Axis: Rows, Channel: []int{0, 5}}), L1, Sum},
		"at least two members":     {one(Member{Weight: "w", Axis: Rows}), L1, Second},
		"aggregation: expected":    {one(Member{Weight: "w", Axis: Rows}), L1, "median"},
	} {
		if _, err := s.Channels(c.by, c.g, c.how); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "group g") {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := Units([]float64{1, 2, 3}, 2, Sum); err == nil || !strings.Contains(err.Error(), "divisor of 3") {
		t.Errorf("units: %v", err)
	}
	if _, err := Units([]float64{1, 2}, 2, First); err == nil {
		t.Error("first of a unit")
	}
	if _, err := Normalise(nil, Raw); err == nil {
		t.Error("no scores")
	}
	if _, err := Normalise([]float64{1}, "x"); err == nil || !strings.Contains(err.Error(), "normalisation") {
		t.Errorf("normalise: %v", err)
	}
	if _, err := ParseCriterion("x"); err == nil {
		t.Error("a criterion x")
	}
	if c, err := ParseCriterion("wanda"); err != nil || c != Wanda {
		t.Errorf("%s, %v", c, err)
	}
}
