package show

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// samples are the figures that later rooms will want, on made-up numbers; the tests and the gallery go over all of them.
func samples() map[string]Fragment {
	return map[string]Fragment{
		"table": sampleTable(), "facts": sampleFacts(), "ratio": sampleRatio(), "spectra": sampleSpectra(), "training": sampleTraining(),
		"incumbent": sampleIncumbent(), "frontier": sampleFrontier(), "ranks": sampleRanks(32), "difference": sampleDifference(), "bars": sampleBars(),
		"one":      Chart{Title: "One point", X: Axis{Label: "step"}, Y: Axis{Label: "loss"}, Series: []Series{{Name: "a", X: []float64{3}, Y: []float64{2.5}}}},
		"constant": Chart{Y: Axis{Label: "rank"}, Series: []Series{{Y: []float64{64, 64, 64, 64}}}},
		"empty":    Chart{Title: "Nothing", Series: []Series{{Name: "a"}}},
		"many":     sampleMany(), "hostile": sampleHostile(), "error": note{text: "model.safetensors: tensor lm_head: truncated", failed: true},
		"progress": sampleProgress(), "emptymap": HeatMap{}, "emptytable": Table{}, "emptyfacts": Facts{}, "emptybars": Bars{},
		"parallel": sampleParallel(7), "parallelmany": sampleParallel(28), "parallelmixed": sampleParallelMixed(), "panels": samplePanels(), "emptyparallel": Parallel{}, "emptypanels": Panels{},
		"marked": sampleMarked(), "network": sampleNetwork(), "emptynet": Network{},
	}
}

// order is the gallery's.
var order = []string{"table", "facts", "ratio", "spectra", "training", "incumbent", "frontier", "ranks", "difference", "marked", "parallel", "parallelmany", "parallelmixed", "panels", "network", "bars", "progress",
	"one", "constant", "empty", "many", "hostile", "error", "emptymap", "emptytable", "emptyfacts", "emptybars", "emptynet", "emptyparallel", "emptypanels"}

func sampleTable() Table {
	return Table{
		Title: "Perplexity on the test stream",
		Columns: []Column{{Name: "method"}, {Name: "ratio", Format: Percent}, {Name: "parameters"}, {Name: "perplexity", Best: Min},
			{Name: "WikiText-2", Best: Min}, {Name: "speed", Unit: "tokens/s", Format: Integer, Best: Max}, {Name: "took"}},
		Rows: [][]any{
			{"dense", 0.0, 4212992, Estimate{4.312, 0.021}, 61.2, 15210.3, 3200 * time.Millisecond},
			{"feature PCA, pooled", 0.2, 3527168, Estimate{4.671, 0.024}, 70.41, 17022.9, 2900 * time.Millisecond},
			{"feature PCA, pooled", 0.4, 2841600, Estimate{5.904, 0.031}, 98.02, 19950.1, 2500 * time.Millisecond},
			{"plain SVD", 0.2, 3527168, Estimate{9.02, 0.11}, 202.7, 17011.4, 2880 * time.Millisecond},
			{"plain SVD", 0.4, 2841600, Estimate{31.4, 0.9}, math.Inf(1), nil, 2510 * time.Millisecond},
			{"plain SVD", 0.6, 2156032, math.NaN(), math.NaN(), nil, errors.New("diverged")},
		},
		Highlight: []int{0},
		Caption:   "Mean and standard error over 64 blocks of 256 tokens; three calibration seeds.",
	}
}

func sampleFacts() Facts {
	return Facts{Title: "pocket", Items: []Fact{
		{Name: "architecture", Value: "LlamaForCausalLM"}, {Name: "parameters", Value: 4212992, Format: Count}, {Name: "on disk", Value: 8425984, Format: Bytes},
		{Name: "layers", Value: 6}, {Name: "hidden size", Value: 192}, {Name: "opened in", Value: 850 * time.Microsecond}, {Name: "digest", Value: "3f1c9a0d7be24c558aa1e0c92f4471c00d6a5b3e8f17a2c4d5e6f70819a2b3c4"},
	}}
}

func sampleRatio() Chart {
	x := []float64{0.1, 0.2, 0.3, 0.4, 0.5}
	band := func(name string, spread float64, y ...float64) Series {
		s := Series{Name: name, X: x, Y: y}
		for i := range y {
			by := spread * y[i] * (0.4 + x[i])
			s.Low, s.High = append(s.Low, y[i]-by), append(s.High, y[i]+by)
		}
		return s
	}
	return Chart{
		Title: "What compression costs", X: Axis{Label: "ratio of parameters removed", Format: Percent}, Y: Axis{Label: "perplexity", Log: true},
		Series: []Series{band("feature PCA, pooled", .05, 4.4, 4.7, 5.3, 6.6, 9.4), band("feature PCA, single", .05, 4.42, 4.76, 5.5, 7.0, 10.6),
			band("SVD-LLM", .06, 4.43, 4.8, 5.6, 7.3, 11.2), band("ASVD", .1, 4.9, 6.1, 8.8, 14.9, 29), band("plain SVD", .1, 5.9, 9, 15.4, 28, 55)},
		References: []Reference{{Label: "dense", At: 4.31}},
		Caption:    "Mean over three calibration seeds, with the spread as a band.",
	}
}

func sampleSpectra() Chart {
	c := Chart{Title: "Spectra of the outputs of layer 3", X: Axis{Label: "component"}, Y: Axis{Label: "eigenvalue", Log: true}}
	for k, name := range []string{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"} {
		s := Series{Name: name}
		for i := range 192 {
			s.Y = append(s.Y, (8+3*float64(k))*math.Exp(-float64(i)/(14+4*float64(k)))+1e-3*float64(k+1))
		}
		c.Series = append(c.Series, s)
	}
	return c
}

func sampleTraining() Chart {
	r := rand.New(rand.NewPCG(1, 2))
	train, held := Series{Name: "train"}, Series{Name: "held out", Style: Line}
	for i := range 5000 {
		y := 1.4 + 6.2*math.Exp(-float64(i)/600) + 0.06*r.NormFloat64()
		if i == 1200 {
			y = math.NaN()
		}
		train.X, train.Y = append(train.X, float64(i)), append(train.Y, y)
		if i%250 == 0 {
			held.X, held.Y = append(held.X, float64(i)), append(held.Y, 1.5+6.1*math.Exp(-float64(i)/600))
		}
	}
	return Chart{Title: "Training the pocket model", X: Axis{Label: "step"}, Y: Axis{Label: "loss", Unit: "nats per token"}, Series: []Series{train, held},
		References: []Reference{{Label: "warm-up ends", At: 200, Vertical: true}}}
}

func sampleIncumbent() Chart {
	r := rand.New(rand.NewPCG(3, 4))
	trials, best := Series{Name: "trials", Style: Points}, Series{Name: "incumbent", Style: Steps}
	lowest := math.Inf(1)
	for i := 1; i <= 50; i++ {
		y := 7.9 + 2.4*math.Exp(-float64(i)/14) + 0.5*r.ExpFloat64()
		lowest = math.Min(lowest, y)
		trials.X, trials.Y = append(trials.X, float64(i)), append(trials.Y, y)
		best.X, best.Y = append(best.X, float64(i)), append(best.Y, lowest)
		best.Low, best.High = append(best.Low, lowest-.1), append(best.High, lowest+.1)
	}
	return Chart{Title: "The search", X: Axis{Label: "trial"}, Y: Axis{Label: "perplexity"}, Series: []Series{best, trials}, References: []Reference{{Label: "uniform", At: 9.93}},
		Marks: []Mark{{Label: "failed", X: []float64{9, 31, math.NaN()}}, {Label: "above", Sign: Up, X: []float64{12}}, {Label: "under way", Sign: Ring, X: []float64{51}}}}
}

func sampleFrontier() Chart {
	c := Chart{Title: "Size against quality", X: Axis{Label: "parameters"}, Y: Axis{Label: "perplexity"}}
	for k, name := range []string{"low rank", "pruned", "both"} {
		s := Series{Name: name, Style: Points}
		for i := range 6 {
			x := 2.1e6 + 4e5*float64(i)
			y := 4.3 + (3+float64(k))*math.Exp(-float64(i)/2)
			s.X, s.Y, s.Low, s.High = append(s.X, x+4e4*float64(k)), append(s.Y, y), append(s.Low, y-.2), append(s.High, y+.3)
		}
		c.Series = append(c.Series, s)
	}
	return c
}

func sampleRanks(layers int) HeatMap {
	h := HeatMap{Title: "Rank by layer and kind", RowLabel: "kind", ColLabel: "layer", Label: "rank", Rows: []string{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}}
	for i := range h.Rows {
		var row []float64
		for j := range layers {
			row = append(row, math.Round(40+12*float64(i)+60*math.Sin(float64(j)/5)*math.Sin(float64(j)/5)))
		}
		h.Values = append(h.Values, row)
	}
	for j := range layers {
		h.Cols = append(h.Cols, fmt.Sprint(j))
	}
	h.Values[2][4] = math.NaN()
	return h
}

func sampleDifference() HeatMap {
	h := HeatMap{Title: "Against uniform", RowLabel: "layer", ColLabel: "kind", Label: "change of rank", Diverging: true, Cols: []string{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}}
	for i := range 6 {
		var row []float64
		for j := range h.Cols {
			row = append(row, math.Round(18*math.Sin(float64(i*7+j))))
		}
		h.Rows, h.Values = append(h.Rows, fmt.Sprint(i)), append(h.Values, row)
	}
	return h
}

func sampleMarked() HeatMap {
	h := sampleDifference()
	h.Title, h.Label, h.Diverging, h.MarkLabel = "What is cut", "importance", false, "cut"
	for i := range h.Values {
		var row []float64
		for j := range h.Cols {
			row = append(row, math.Max(0, 1-0.25*float64((i*3+j*2)%7)))
		}
		h.Marked = append(h.Marked, row)
	}
	return h
}

func sampleNetwork() Network {
	n := Network{Title: "A block", Groups: []string{"hidden", "heads", "MLP channels"}, Caption: "Colours at the foot of a node are what runs along its axes."}
	add := func(label string, level int, round bool, groups ...int) int {
		n.Nodes = append(n.Nodes, NetworkNode{Label: label, Level: level, Round: round, Groups: groups, Detail: "4 x 4"})
		return len(n.Nodes) - 1
	}
	join := func(to int, from ...int) {
		for _, f := range from {
			n.Edges = append(n.Edges, [2]int{f, to})
		}
	}
	in := add("look up", 0, true, 0)
	q, k, v := add("linear", 2, true, 1), add("linear", 2, true, 1), add("linear", 2, true, 1)
	join(q, in, add("q_proj", 1, false, 0, 1))
	join(k, in, add("k_proj", 1, false, 0, 1))
	join(v, in, add("v_proj", 1, false, 0, 1))
	scores := add("attend", 3, true, 1)
	join(scores, q, k)
	read := add("attend", 4, true, 1)
	join(read, scores, v)
	o := add("linear", 5, true, 0)
	join(o, read, add("o_proj", 4, false, 1, 0))
	sum := add("add", 6, true, 0)
	join(sum, o, in)
	up := add("linear", 8, true, 2)
	join(up, sum, add("up_proj", 7, false, 0, 2))
	join(sum, up, 99) // upwards, and to nothing
	return n
}

// sampleParallel is a search over kinds of linear, in bands where there are more than seven.
func sampleParallel(axes int) Parallel {
	r := rand.New(rand.NewPCG(5, 6))
	p := Parallel{Title: "Where the trials were", Value: Axis{Label: "perplexity", Log: true}, Caption: "Ratio removed of each group."}
	for k := range axes {
		name := []string{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}[k%7]
		if axes > 7 {
			name += fmt.Sprintf(" %d/4", k/7+1)
		}
		p.Axes = append(p.Axes, Axis{Label: name, Format: Percent, Min: 0, Max: 0.9})
	}
	for i := range 30 {
		line := ParallelLine{Name: fmt.Sprintf("trial %d", i+1), Value: 7.9}
		for k := range axes {
			at := math.Min(0.9, math.Max(0, 0.3+0.2*math.Sin(float64(k))+0.15*r.NormFloat64()))
			line.At, line.Value = append(line.At, at), line.Value+20*math.Pow(at-0.3-0.2*math.Sin(float64(k)), 2)
		}
		p.Lines = append(p.Lines, line)
	}
	return p
}

func sampleParallelMixed() Parallel {
	return Parallel{
		Title: "Unlike coordinates", Best: Max, Value: Axis{Label: "accuracy", Format: Percent},
		Axes:  []Axis{{Label: "learning rate", Log: true}, {Label: "rank"}, {Label: "dropout", Min: 0, Max: 0.5}, {Label: hostile}},
		Lines: []ParallelLine{{"a", []float64{1e-4, 8, 0.1, 1}, 0.61}, {"b", []float64{1e-3, 16, 0.6, 2}, 0.74}, {hostile, []float64{-1, 32, math.NaN()}, math.NaN()}, {"d", nil, 0.5}},
	}
}

func samplePanels() Panels {
	r := rand.New(rand.NewPCG(7, 8))
	p := Panels{Title: "What each ratio does", X: Axis{Label: "ratio removed", Format: Percent}, Y: Axis{Label: "perplexity"}, Caption: "Mean of the model, with its deviation."}
	for k, name := range []string{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj"} {
		mean, seen := Series{Name: "expected", Style: Curve}, Series{Name: "trials", Style: Points}
		for i := range 17 {
			x := 0.05 * float64(i)
			y := 3 + 0.1*float64(k)*x*x
			mean.X, mean.Y, mean.Low, mean.High = append(mean.X, x), append(mean.Y, y), append(mean.Low, y-.05-.1*x), append(mean.High, y+.05+.1*x)
			if i%3 == 0 {
				seen.X, seen.Y = append(seen.X, x), append(seen.Y, y+0.05*r.NormFloat64())
			}
		}
		p.Panels = append(p.Panels, Panel{Title: name, Series: []Series{mean, seen}})
	}
	p.Panels = append(p.Panels, Panel{Title: hostile, Series: []Series{{Y: []float64{math.NaN()}}}})
	return p
}

func sampleBars() Bars {
	return Bars{Title: "What moved the perplexity", Items: []Bar{{"ratio of down_proj", 0.41}, {"ratio of gate_proj", 0.22}, {"ratio of q_proj", 0.08}, {"ratio of v_proj", -0.05}, {"ratio of k_proj", math.NaN()}}}
}

func sampleMany() Chart {
	c := Chart{Title: "Twelve series", X: Axis{Label: "layer"}, Y: Axis{Label: "energy", Format: Percent}}
	for k := range 12 {
		s := Series{Name: fmt.Sprintf("model.layers.%d.mlp.down_proj", k)}
		for i := range 8 {
			s.Y = append(s.Y, 0.1+0.07*float64(k)+0.02*float64(i*(k%3)))
		}
		c.Series = append(c.Series, s)
	}
	return c
}

// hostile is a text that tries everything at once.
const hostile = "</title></svg><script>alert('x')</script>\"' & ]]> \x1b[31m\x00\u202e\ufffe\xff\n<b>&#x41; --> 中文字"

func sampleHostile() Chart {
	nan, inf := math.NaN(), math.Inf(1)
	return Chart{
		Title: hostile, Caption: hostile, X: Axis{Label: hostile, Unit: hostile, Format: Format(hostile)}, Y: Axis{Label: hostile, Log: true},
		Series: []Series{{Name: hostile, X: []float64{1, 2, nan, 4, 5}, Y: []float64{1, -2, 3, inf, 1e308, 7}, Low: []float64{-1}, High: []float64{inf, 2}},
			{Name: hostile, Y: []float64{5e-324, 1e-200, 1e200}, Style: Steps}},
		References: []Reference{{Label: hostile, At: nan}, {Label: hostile, At: 3}, {Label: hostile, At: 2, Vertical: true}},
	}
}

func sampleProgress() progressFigure {
	t := time.Unix(1e9, 0)
	s := progressState{title: "Compressing pocket", began: t}
	s.report("calibrate", 0, 64, t)
	s.report("calibrate", 64, 64, t.Add(3200*time.Millisecond))
	s.report("decompose", 0, 42, t.Add(3200*time.Millisecond))
	s.report("decompose", 12, 42, t.Add(9*time.Second))
	s.metrics = []metric{{"loss", 120, 3.2144}, {"grad norm", 120, 0.871}}
	return progressFigure{s, t.Add(9 * time.Second)}
}
