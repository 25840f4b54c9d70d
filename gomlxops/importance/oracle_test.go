package importance

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/parelab/pare/gomlxops/internal/oracle"
	"github.com/parelab/pare/gomlxops/transformer"
)

// taylorOracle is importance.json.
type taylorOracle struct {
	Loss    float64                                              `json:"loss"`
	Losses  []float64                                            `json:"per_sample_loss"`
	Element map[string]map[Criterion]elementOracle               `json:"element"`
	Attn    map[string]map[Criterion]map[Aggregation]groupOracle `json:"attn"`
	MLP     map[string]map[Criterion]map[Aggregation]groupOracle `json:"mlp"`
}

type elementOracle struct {
	Sum    float64 `json:"sum"`
	Max    float64 `json:"max"`
	Argmax int     `json:"argmax"`
	First  float64 `json:"entry_0_0"`
	Last   float64 `json:"entry_last"`
}

type groupOracle struct {
	Scores  []float64 `json:"scores"`
	Quarter []int     `json:"kept_0.25"`
	Half    []int     `json:"kept_0.5"`
	GapQ    float64   `json:"threshold_gap_0.25"`
	GapH    float64   `json:"threshold_gap_0.5"`
}

// llamaGroups are the two groups of a layer, members in the order of the reference's dependency graph.
func llamaGroups(t *testing.T, c *transformer.Config, layer int) map[string]Group {
	t.Helper()
	name := func(part string) string { return fmt.Sprintf("model.layers.%d.%s", layer, part) }
	shared, err := SharedHeads(c.Heads, c.KVHeads, c.HeadDim)
	if err != nil {
		t.Fatal(err)
	}
	q := Member{name("self_attn.q_proj"), Rows, shared, 0}
	k := Member{name("self_attn.k_proj"), Rows, nil, 1}
	v := Member{name("self_attn.v_proj"), Rows, nil, 2}
	o := Member{name("self_attn.o_proj"), Columns, shared, 3}
	attn := []Member{q, o, v, k}
	if c.KVHeads != c.Heads {
		attn = []Member{k, o, v, q}
	}
	return map[string]Group{
		"attn": {"attn", c.KVHeads * c.HeadDim, attn},
		"mlp": {"mlp", c.IntermediateSize, []Member{
			{name("mlp.gate_proj"), Rows, nil, 0}, {name("mlp.up_proj"), Rows, nil, 1}, {name("mlp.down_proj"), Columns, nil, 2},
		}},
	}
}

// checkTaylor compares scores with the reference: every vector, every aggregation's channels and heads, what is kept at two ratios. tolerance is
// relative to a vector's largest number.
func checkTaylor(t *testing.T, name string, m *transformer.Model, s *Scores, tolerance float64) {
	t.Helper()
	stored := oracle.Tensors(t, "models/"+name+"/importance.safetensors")
	var want taylorOracle
	oracle.JSON(t, "models/"+name+"/importance.json", &want)
	vectors, channels, kept, skipped, worst := 0, 0, 0, 0, 0.0
	match := func(what string, got []float64, ref []float64) {
		t.Helper()
		d := apart(t, got, ref)
		if worst = max(worst, d); !(d <= tolerance) {
			t.Errorf("%s %s: apart by %.2g", name, what, d)
		}
	}
	for _, l := range m.Linears() {
		w, err := s.Of(l.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range TaylorCriteria {
			match(l.Name+" "+string(c), w.By[c].Rows, stored[fmt.Sprintf("%s.%s.out", l.Name, c)].Data)
			match(l.Name+" "+string(c), w.By[c].Columns, stored[fmt.Sprintf("%s.%s.in", l.Name, c)].Data)
			vectors += 2
		}
	}
	for layer := range m.Config().Layers {
		for part, g := range llamaGroups(t, m.Config(), layer) {
			ref, unit := want.MLP, 1
			if part == "attn" {
				ref, unit = want.Attn, m.Config().HeadDim
			}
			for _, c := range TaylorCriteria {
				for _, how := range Aggregations {
					what := fmt.Sprintf("layers.%d.%s.%s.%s", layer, part, c, how)
					got, err := s.Channels(c, g, how)
					if err != nil {
						t.Fatal(err)
					}
					match(what, got, stored[what+".channel"].Data)
					channels++
					units, err := Units(got, unit, Sum)
					if err != nil {
						t.Fatal(err)
					}
					ref := ref[fmt.Sprintf("layers.%d", layer)][c][how]
					if part == "attn" {
						match(what+" heads", units, ref.Scores)
					}
					for ratio, k := range map[float64]struct {
						want []int
						gap  float64
					}{0.25: {ref.Quarter, ref.GapQ}, 0.5: {ref.Half, ref.GapH}} {
						if k.gap < 1e-5 {
							skipped++
							continue
						}
						kept++
						if got := keep(units, len(got), unit, ratio); !slices.Equal(got, k.want) || len(got) == 0 {
							t.Errorf("%s %s at %v: kept %v, want %v", name, what, ratio, got, k.want)
						}
					}
				}
			}
		}
	}
	layers := m.Config().Layers
	if vectors != layers*7*8 || channels != layers*2*4*7 || kept+skipped != 2*channels || skipped > kept/4 {
		t.Errorf("%s: checked %d vectors, %d groups, %d cuts, %d skipped", name, vectors, channels, kept, skipped)
	}
	t.Logf("%s: %d vectors, %d groups by channel, %d cuts (%d more skipped for a gap below 1e-5), at most %.2g apart", name, vectors, channels, kept, skipped, worst)
}

// keep is the reference's rule: the lowest units go.
func keep(units []float64, channels, unit int, ratio float64) []int {
	remove := (channels - int(float64(channels)*(1-ratio))) / unit
	order := make([]int, len(units))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case units[a] < units[b]:
			return -1
		case units[a] > units[b]:
			return 1
		}
		return 0
	})
	kept := order[remove:]
	slices.Sort(kept)
	return kept
}

// checkElements compares the element scores, given gradients of every linear.
func checkElements(t *testing.T, name string, m *transformer.Model, s *Scores, tolerance float64) {
	t.Helper()
	stored := oracle.Tensors(t, "models/"+name+"/importance.safetensors")
	var want taylorOracle
	oracle.JSON(t, "models/"+name+"/importance.json", &want)
	checked, whole := 0, 0
	for _, w := range s.Weights[:len(m.Linears())] {
		values, err := weightOf(m.Dense(), w)
		if err != nil {
			t.Fatal(err)
		}
		for c, ref := range want.Element[w.Name] {
			got := w.Gradients.Element(c, values)
			top, sum := slices.Max(got), 0.0
			for _, v := range got {
				sum += v
			}
			checked++
			for what, p := range map[string][2]float64{"sum": {sum / ref.Sum, 1}, "max": {top / ref.Max, 1},
				"first": {got[0] / ref.Max, ref.First / ref.Max}, "last": {got[len(got)-1] / ref.Max, ref.Last / ref.Max}} {
				if !(math.Abs(p[0]-p[1]) <= tolerance) {
					t.Errorf("%s %s %s: %s %v, want %v", name, w.Name, c, what, p[0], p[1])
				}
			}
			if got[ref.Argmax] != top {
				t.Errorf("%s %s %s: the largest is not at %d", name, w.Name, c, ref.Argmax)
			}
			if all, ok := stored[fmt.Sprintf("%s.%s.element", w.Name, c)]; ok {
				whole++
				if d := apart(t, got, all.Data); !(d <= tolerance) {
					t.Errorf("%s %s %s: elements apart by %.2g", name, w.Name, c, d)
				}
			}
		}
	}
	if checked != len(m.Linears())*3 || whole != 3 {
		t.Errorf("%s: checked %d summaries, %d matrices", name, checked, whole)
	}
}

// oracleScores are the scores of the reference's own gradients.
func oracleScores(t *testing.T, name string) (*transformer.Model, *Scores) {
	t.Helper()
	m, _ := reference(t, name)
	stored := oracle.Tensors(t, "models/"+name+"/importance.safetensors")
	s, err := blank(m.Dense())
	if err != nil {
		t.Fatal(err)
	}
	s.Weights = s.Weights[:len(m.Linears())]
	for _, w := range s.Weights {
		values, err := weightOf(m.Dense(), w)
		if err != nil {
			t.Fatal(err)
		}
		g := &Gradients{}
		for i, v := range stored[w.Name+".grad"].Data {
			g.G = append(g.G, float32(v))
			g.A = append(g.A, float32(stored[w.Name+".sqgrad_sum"].Data[i]/6))
		}
		w.By, w.Gradients = taylor(values, g, w.Rows, w.Columns, false), g
	}
	return m, s
}

// From the reference's gradients, everything that follows on the host. Gradients are rounded to float32: measured 5e-8, and 1e-7 for products.
func TestHostMatchesReference(t *testing.T) {
	for _, name := range []string{"mha", "gqa"} {
		m, s := oracleScores(t, name)
		checkTaylor(t, name, m, s, 5e-7)
		checkElements(t, name, m, s, 5e-7)
	}
}
