package prune_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/prune"
)

// TestPicture draws one block: who gives to whom is written down by hand.
func TestPicture(t *testing.T) {
	g, err := prune.Block(oracleConfig(t, "gqa"), 1)
	if err != nil {
		t.Fatal(err)
	}
	p := g.Picture()
	var edges []string
	short := func(i int) string {
		name := strings.TrimSuffix(p.Nodes[i].Label, ".weight")
		return name[strings.LastIndex(name, ".")+1:]
	}
	for _, e := range p.Edges {
		edges = append(edges, short(e[0])+"→"+short(e[1]))
		if p.Nodes[e[0]].Level >= p.Nodes[e[1]].Level {
			t.Errorf("%s goes from level %d to %d", edges[len(edges)-1], p.Nodes[e[0]].Level, p.Nodes[e[1]].Level)
		}
	}
	for want, n := range map[string]int{
		"tokens→look up": 2, "embed_tokens→look up": 1, "look up→linear": 3, "look up→add": 1, "input_layernorm→linear": 3, "post_attention_layernorm→linear": 2,
		"q_proj→linear": 1, "k_proj→linear": 1, "v_proj→linear": 1, "o_proj→linear": 1, "gate_proj→linear": 1, "up_proj→linear": 1, "down_proj→linear": 1,
		"linear→attend": 3, "attend→attend": 1, "attend→linear": 1, "linear→add": 2, "add→add": 1, "add→linear": 3, "norm→linear": 1,
	} {
		if got := len(slices.DeleteFunc(slices.Clone(edges), func(e string) bool { return e != want })); got != n {
			t.Errorf("%d edges %s, expected %d", got, want, n)
		}
	}
	heads := only(t, g, prune.Heads, 1)[0].ID
	var colored []string
	for i, n := range p.Nodes {
		if slices.Contains(n.Colors, heads) {
			colored = append(colored, short(i))
		}
	}
	slices.Sort(colored)
	if got := strings.Join(colored, " "); got != "attend attend k_proj linear linear linear o_proj q_proj v_proj" {
		t.Errorf("heads colour %s", got)
	}
	if _, err := prune.Block(oracleConfig(t, "gqa"), 2); err == nil {
		t.Error("a layer that is not there")
	}
}
