package lab

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/parelab/pare/gomlxops/prune"
	"github.com/parelab/pare/kernel/show"
)

// mapBins is how many columns the map of MLP channels has, at most.
const mapBins = 40

// ImportanceMaps draws how much each head of every layer matters, and each stretch of its MLP's channels, with what the attempt cuts marked. The numbers
// are relative to the mean of their layer, which is what they compete with unless the attempt lets layers compete. It cuts nothing.
func (l *Lab) ImportanceMaps(ctx context.Context, m *Model, a Attempt) (heads, channels *show.HeatMap, err error) {
	if a.Method != Prune {
		return nil, nil, fmt.Errorf("method: expected %q, found %q", Prune, a.Method)
	}
	if err := a.checkPruning(m); err != nil {
		return nil, nil, err
	}
	scored, err := l.Importance(ctx, m, a.Pruning, a.Calibration)
	if err != nil {
		return nil, nil, err
	}
	plan, err := a.Pruning.plan(m.Config(), a.pruneOptions(m), scored.Cut)
	if err != nil {
		return nil, nil, err
	}
	heads = importanceMap("Heads by "+a.String(), scored.Cut.Heads, plan, func(k prune.Layer) []int { return k.Heads })
	heads.ColLabel = "head"
	channels = importanceMap("MLP channels by "+a.String(), scored.Cut.Channels, plan, func(k prune.Layer) []int { return k.Channels })
	channels.ColLabel = "channels from"
	return heads, channels, nil
}

// importanceMap draws layers by units, which it takes together where there are more than mapBins.
func importanceMap(title string, scores [][]float64, plan *prune.Plan, kept func(prune.Layer) []int) *show.HeatMap {
	h := &show.HeatMap{Title: title, RowLabel: "layer", Label: "score, of the layer's mean", MarkLabel: "cut", Format: "%.2f"}
	stays := map[int][]int{}
	for _, k := range plan.Layers {
		stays[k.Index] = kept(k)
	}
	most := 0
	for _, s := range scores {
		most = max(most, len(s))
	}
	bin := (most + mapBins - 1) / mapBins
	for at := 0; at < most; at += bin {
		h.Cols = append(h.Cols, strconv.Itoa(at))
	}
	if bin > 1 {
		h.Caption = fmt.Sprintf("Each cell stands for %d neighbouring channels and shows their mean.", bin)
	}
	for l, s := range scores {
		h.Rows = append(h.Rows, strconv.Itoa(l))
		values, marked := binned(s, stays[l], bin)
		h.Values, h.Marked = append(h.Values, values), append(h.Marked, marked)
	}
	return h
}

// binned returns the mean score of every bin units, relative to the mean of all, and the part of them that is not kept.
func binned(scores []float64, kept []int, bin int) (values, cut []float64) {
	mean := 0.0
	for _, v := range scores {
		mean += v / float64(len(scores))
	}
	if mean == 0 {
		mean = 1
	}
	stays := make([]bool, len(scores))
	for _, i := range kept {
		stays[i] = true
	}
	for at := 0; at < len(scores); at += bin {
		n := min(bin, len(scores)-at)
		value, gone := 0.0, 0.0
		for i := at; i < at+n; i++ {
			value += scores[i] / mean
			if !stays[i] {
				gone++
			}
		}
		values, cut = append(values, value/float64(n)), append(cut, gone/float64(n))
	}
	return values, cut
}

// Dependencies draws the computation of one layer with what is around it, coloured by what must be cut together.
func (m *Model) Dependencies(layer int) (*show.Network, error) {
	if n := m.Config().Layers; layer < 0 || layer >= n {
		return nil, fmt.Errorf("layer: expected 0 to %d, found %d", n-1, layer)
	}
	g, err := prune.Block(m.Config(), layer)
	if err != nil {
		return nil, err
	}
	p := g.Picture()
	n := &show.Network{
		Title:   fmt.Sprintf("What hangs together in layer %d of %s", layer, m.Name),
		Caption: "Found from the computation. Angular: weights and inputs. Round: products, look-ups and additions to the residual stream; what lies between them is an edge. The colours at the foot of a node are what runs along its axes: what has one colour loses the same indices.",
	}
	color := map[int]int{}
	for _, d := range p.Dimensions {
		color[d.ID] = len(n.Groups)
		name := fmt.Sprintf("%s, %d", d.Kind, len(d.Groups))
		if d.Fixed != "" {
			name += " (fixed)"
		}
		n.Groups = append(n.Groups, name)
	}
	for _, spot := range p.Nodes {
		node := show.NetworkNode{Label: shortName(spot.Label), Detail: fmt.Sprintf("%s %v", spot.Label, spot.Shape), Level: spot.Level}
		node.Round = !spot.Weight && spot.Label != "tokens"
		for _, d := range spot.Colors {
			if at, ok := color[d]; ok {
				node.Groups = append(node.Groups, at)
			}
		}
		n.Nodes = append(n.Nodes, node)
	}
	n.Edges = p.Edges
	return n, nil
}

// shortName is the last part of a weight's name: "q_proj" of "model.layers.3.self_attn.q_proj.weight".
func shortName(weight string) string {
	name, bias := strings.TrimSuffix(weight, ".weight"), ""
	if strings.HasSuffix(name, ".bias") {
		name, bias = strings.TrimSuffix(name, ".bias"), " bias"
	}
	return name[strings.LastIndexByte(name, '.')+1:] + bias
}

// ShowImportance displays how much heads and MLP channels matter, with what the attempt cuts marked, in a cell. See [Lab.ImportanceMaps].
func ShowImportance(m *Model, a Attempt) {
	heads, channels, err := here().ImportanceMaps(interruptible(), m, a)
	check(err)
	Show(heads, channels)
}

// Dependencies draws what must be cut together in a layer, for a cell. See [Model.Dependencies].
func Dependencies(m *Model, layer int) show.Fragment { return must(m.Dependencies(layer)) }
