package prune_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parelab/pare/gomlxops/prune"
)

// TestDegreeRules: the two rules on graphs small enough to read.
func TestDegreeRules(t *testing.T) {
	for _, c := range []struct {
		what       string
		out        [][]int
		dependents [][]int
		groups     [][]int
	}{
		{"a chain: each has one neighbour on each side", [][]int{{1}, {2}, nil}, [][]int{{1}, {0, 2}, {1}}, [][]int{{0, 1, 2}}},
		{"two feed one: they need it, it needs neither", [][]int{{2}, {2}, nil}, [][]int{nil, nil, {0, 1}}, [][]int{{0, 1, 2}}},
		{"one feeds two: they need it, it needs neither", [][]int{{1, 2}, nil, nil}, [][]int{{1, 2}, nil, nil}, [][]int{{0, 1, 2}}},
		{"two feed two: nobody needs anybody", [][]int{{2, 3}, {2, 3}, nil, nil}, [][]int{nil, nil, nil, nil}, [][]int{{0}, {1}, {2}, {3}}},
		{"a way past: the far end takes from two", [][]int{{1, 2}, {2}, nil}, [][]int{{1}, nil, {1}}, [][]int{{0, 1, 2}}},
	} {
		n := prune.Neurons{Out: c.out}
		if d := cmp.Diff(c.dependents, n.Dependents()); d != "" {
			t.Errorf("%s: dependents (-want +got):\n%s", c.what, d)
		}
		if d := cmp.Diff(c.groups, n.Groups()); d != "" {
			t.Errorf("%s: groups (-want +got):\n%s", c.what, d)
		}
	}
	// Triggers have a direction: the one that two feed takes both with it, one of the two takes nothing.
	two := prune.Neurons{Out: [][]int{{2}, {2}, nil}}
	if d := cmp.Diff([][]int{{0}, {0, 1, 2}}, [][]int{two.Triggered(0), two.Triggered(2)}); d != "" {
		t.Errorf("triggered (-want +got):\n%s", d)
	}
}

// TestDegreeRulesFindGroups: on the model's own computation the rules put an MLP channel together, and a head, as following the axes does. The
// residual stream they leave in pieces.
func TestDegreeRulesFindGroups(t *testing.T) {
	for _, name := range []string{"mha", "gqa"} {
		g, err := prune.Of(oracleConfig(t, name))
		if err != nil {
			t.Fatal(err)
		}
		checked := 0
		for _, d := range append(g.Of(prune.Channels), g.Of(prune.Heads)...) {
			n := g.Neurons(d)
			if groups := n.Groups(); len(groups) != 1 || len(groups[0]) != len(d.Slots) {
				t.Errorf("%s: %v: the rules find %v of %v", name, d.Kind, groups, n.Names)
			}
			checked++
		}
		if want := 2 * oracleConfig(t, name).Layers; checked != want {
			t.Fatalf("checked %d dimensions of %d", checked, want)
		}
		mlp := g.Neurons(only(t, g, prune.Channels, checked/2)[0]) // gate, up and down: the first two give to the third
		if d := cmp.Diff([][]int{{2}, {2}, nil}, mlp.Out); d != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, mlp.Names, d)
		}
		if groups := g.Neurons(only(t, g, prune.Hidden, 1)[0]).Groups(); len(groups) < 2 {
			t.Errorf("%s: the rules hold the stream together: then so should the documentation say", name)
		}
	}
}
