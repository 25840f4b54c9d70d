package prune_test

import (
	order "cmp"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parelab/pare/gomlxops/internal/oracle"
	"github.com/parelab/pare/gomlxops/prune"
	"github.com/parelab/pare/gomlxops/transformer"
)

// indices are the indices from start to limit.
func indices(start, limit int) (list []int) {
	for i := start; i < limit; i++ {
		list = append(list, i)
	}
	return list
}

func member(weight string, at int, list ...int) prune.Member {
	return prune.Member{prune.Slot{weight, at}, list}
}

// same compares a group with what was written by hand, in any order of members.
func same(t *testing.T, what string, got prune.Group, want ...prune.Member) {
	t.Helper()
	g := slices.Clone(got.Members)
	by := func(a, b prune.Member) int { return order.Or(strings.Compare(a.Weight, b.Weight), a.Axis-b.Axis) }
	slices.SortFunc(g, by)
	slices.SortFunc(want, by)
	if d := cmp.Diff(want, g); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// only returns the dimensions of a kind and fails unless there are as many as expected.
func only(t *testing.T, g *prune.Graph, k prune.Kind, want int) []prune.Dimension {
	t.Helper()
	all := g.Of(k)
	if len(all) != want {
		t.Fatalf("expected %d dimensions of %s, found %d: %v", want, k, len(all), all)
	}
	return all
}

func oracleConfig(t *testing.T, name string) *transformer.Config {
	t.Helper()
	c, err := transformer.ReadConfig(filepath.Clean(oracle.Path(t, "models/"+name+"/config.json")))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestLLaMA writes the groups of a LLaMA model down from its description, and finds them.
func TestLLaMA(t *testing.T) {
	for _, name := range []string{"mha", "gqa"} {
		c := oracleConfig(t, name)
		g, err := prune.Of(c)
		if err != nil {
			t.Fatal(err)
		}
		heads, channels := only(t, g, prune.Heads, c.Layers), only(t, g, prune.Channels, c.Layers)
		hidden := only(t, g, prune.Hidden, 1)[0]
		d, rep, checked := c.HeadDim, c.Heads/c.KVHeads, 0
		for l := range c.Layers {
			p := "model.layers." + string(rune('0'+l)) + "."
			if len(heads[l].Groups) != c.KVHeads || len(channels[l].Groups) != c.IntermediateSize {
				t.Fatalf("%s layer %d: %d heads, %d channels", name, l, len(heads[l].Groups), len(channels[l].Groups))
			}
			for h, group := range heads[l].Groups {
				q, kv := indices(h*rep*d, (h+1)*rep*d), indices(h*d, (h+1)*d)
				same(t, p, group, member(p+"self_attn.q_proj.weight", 0, q...), member(p+"self_attn.o_proj.weight", 1, q...),
					member(p+"self_attn.k_proj.weight", 0, kv...), member(p+"self_attn.v_proj.weight", 0, kv...))
				checked++
			}
			for i, group := range channels[l].Groups {
				same(t, p, group, member(p+"mlp.gate_proj.weight", 0, i), member(p+"mlp.up_proj.weight", 0, i), member(p+"mlp.down_proj.weight", 1, i))
				checked++
			}
		}
		if len(hidden.Groups) != c.HiddenSize {
			t.Fatalf("%s: %d hidden channels", name, len(hidden.Groups))
		}
		for i, group := range hidden.Groups {
			same(t, name, group, hiddenMembers(c, i)...)
			checked++
		}
		if want := c.Layers * 2; len(g.Branches) != want {
			t.Errorf("%s: expected %d branches, found %d", name, want, len(g.Branches))
		}
		if want := c.Layers*(c.KVHeads+c.IntermediateSize) + c.HiddenSize; checked != want {
			t.Fatalf("checked %d groups of %d", checked, want)
		}
	}
}

// hiddenMembers is hidden channel i of a LLaMA model, METHODS' table: embedding column, norms, columns of what reads the stream, rows of what
// adds to it, the head's column.
func hiddenMembers(c *transformer.Config, i int) (all []prune.Member) {
	for _, s := range c.TensorShapes() {
		at := 1
		switch {
		case len(s.Shape) == 1 || filepath.Ext(trimWeight(s.Name)) == ".o_proj" || filepath.Ext(trimWeight(s.Name)) == ".down_proj":
			at = 0
		}
		all = append(all, member(s.Name, at, i))
	}
	return all
}

func trimWeight(name string) string { return name[:len(name)-len(".weight")] }

// TestKinds checks what else a LLaMA model has that one could count, and why it cannot be cut.
func TestKinds(t *testing.T) {
	mha, err := prune.Of(oracleConfig(t, "mha"))
	if err != nil {
		t.Fatal(err)
	}
	gqa, err := prune.Of(oracleConfig(t, "gqa"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range append(only(t, mha, prune.Indexed, 2), only(t, gqa, prune.Indexed, 1)...) {
		if d.Fixed == "" {
			t.Errorf("the vocabulary can be cut: %v", d.Slots)
		}
	}
	if n := len(mha.Of(prune.QueryHeads)); n != 0 {
		t.Errorf("%d dimensions of query heads without grouped heads", n)
	}
	for _, d := range only(t, gqa, prune.QueryHeads, 2) {
		if len(d.Groups) != 4 {
			t.Errorf("%d query heads for each key-value head, expected 4", len(d.Groups))
		}
	}
	// Channels of keys and queries turn in pairs, by the same angles in all layers; those of values do not turn.
	turned := only(t, mha, prune.HeadChannels, 1+3)
	if turned[0].Fixed == "" || len(turned[0].Groups) != 6 || len(turned[0].Slots) != 6 || turned[1].Fixed != "" || len(turned[1].Groups) != 12 {
		t.Errorf("channels of heads: %d pairs on %d weights (%q), %d channels of values (%q)", len(turned[0].Groups), len(turned[0].Slots), turned[0].Fixed, len(turned[1].Groups), turned[1].Fixed)
	}
}
