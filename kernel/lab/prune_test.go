package lab

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/show"
	"github.com/parelab/pare/tracker"
)

// Every score prunes; scores by gradients are kept once for all four kinds, and no pruned model is left behind.
func TestPrune(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	study, err := l.NewStudy(t.Context(), "p", Measure{Blocks: 1, Length: 32})
	if err != nil {
		t.Fatal(err)
	}
	for _, score := range Scores() {
		out, err := study.Try(t.Context(), m, Attempt{Method: Prune, Ratio: 0.5, Pruning: Pruning{Score: score}, Calibration: little})
		if err != nil {
			t.Fatal(err)
		}
		p := out.Pruned
		if p.Removed() != 0.5 || p.After != out.Variant.Params() || p.Before != m.Params() || len(p.Plan.Layers) != 2 {
			t.Errorf("%s: removed %v, %d of %d parameters, plan %v", score, p.Removed(), p.After, p.Before, p.Plan)
		}
		if v := out.Measured[0].Value; !(v > 1) || math.IsInf(v, 0) {
			t.Errorf("%s: perplexity %v", score, v)
		}
		if err := out.Close(); err != nil {
			t.Error(err)
		}
	}
	if kept, _ := filepath.Glob(filepath.Join(l.Home, "results", "scores-taylor-*")); len(kept) != 1 {
		t.Errorf("kept %v", kept)
	}
	if left, _ := filepath.Glob(filepath.Join(l.Home, ".pruned-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	table, err := study.Table(t.Context())
	if err != nil || len(table.Rows) != len(Scores()) {
		t.Errorf("%d rows, %v", len(table.Rows), err)
	}
}

// Scores that were read back are those that were computed.
func TestImportanceReadsBack(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	first, err := l.Importance(t.Context(), m, Pruning{}, little)
	if err != nil {
		t.Fatal(err)
	}
	again, err := l.Importance(t.Context(), m, Pruning{}, little)
	if err != nil {
		t.Fatal(err)
	}
	if first.ReadBack != "" || again.ReadBack == "" || first.Weights.Digest() != again.Weights.Digest() || first.Cut.Heads[1][1] != again.Cut.Heads[1][1] {
		t.Errorf("first from %q, again from %q", first.ReadBack, again.ReadBack)
	}
}

// A sweep over scores and aggregations tries low rank beside pruning, each once, and one summary has them all.
func TestSweepPrune(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	sweep := Sweep{
		Calibration: little, Methods: []Method{Dense, "svd", Prune}, Ratios: []float64{0.25, 0.5},
		Scores: []Score{L1, Wanda}, Aggregates: nil,
	}
	if n := len(sweep.Attempts(m)); n != 1+2+4 {
		t.Errorf("%d attempts: %v", n, sweep.Attempts(m))
	}
	study, err := l.NewStudy(t.Context(), "both", Measure{Blocks: 1, Length: 32})
	if err != nil {
		t.Fatal(err)
	}
	if err := study.Sweep(t.Context(), m, sweep); err != nil {
		t.Fatal(err)
	}
	s, err := study.Summary(t.Context())
	if err != nil || len(s.Settings) != 7 || len(s.Table().Rows) != 3 {
		t.Errorf("%+v, %v", s, err)
	}
}

// What two methods in turn leave is what was asked for, counted; the trial says all of both; what is written is what was measured.
func TestInTurn(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	study, err := l.NewStudy(t.Context(), "turn", Measure{Blocks: 2, Length: 32})
	if err != nil {
		t.Fatal(err)
	}
	was, checked := m.Dense().LinearParams(), 0
	for _, a := range []Attempt{
		{Method: "svd", Then: Prune, Ratio: 0.5},
		{Method: "pcm", Then: Prune, Ratio: 0.4, Share: 0.7, Allocate: ByFisher, Pruning: Pruning{Score: FLAP, Across: "even"}},
		{Method: Prune, Then: "svdllm", Ratio: 0.5, Allocate: "energy", Pruning: Pruning{Score: L2, Across: "budget"}},
		{Method: Prune, Then: "svd", Ratio: 0.5, Share: 0.3, Pruning: Pruning{Steps: 2, ProtectFirst: 1}},
		{Method: Prune, Then: "scm", Ratio: 0.4, Pruning: Pruning{Score: L2}}, // equal ranks, and biases of their own
	} {
		a.Calibration, a.Out = little, filepath.Join(t.TempDir(), "small")
		out, err := study.Try(t.Context(), m, a)
		if err != nil {
			t.Fatalf("%s: %v", a, err)
		}
		goal, c := int64(float64(was)*(1-a.Ratio)), out.Counted
		if most := int64(3*m.Config().HiddenSize + 2); a.Then == Prune && (c.LinearAfter > goal || c.LinearAfter <= goal-most) {
			t.Errorf("%s: %d numbers are left of %d, expected %d", a, c.LinearAfter, was, goal)
		}
		if c.LinearAfter > goal || float64(c.LinearAfter) < 0.92*float64(goal) || c.LinearBefore != was || c.LinearAfter != out.Variant.LinearParams() {
			t.Errorf("%s: %+v, expected %d", a, c, goal)
		}
		if first := 1 - float64(out.InTurn.Between)/float64(was); math.Abs(first-a.Ratio*a.share()) > 0.03 {
			t.Errorf("%s: the first removed %v", a, first)
		}
		trial, err := l.Store.Trial(t.Context(), "turn", out.Trial)
		if err != nil {
			t.Fatal(err)
		}
		for _, param := range []string{"method", "then", "share", "ratio", "allocate", "score", "across", "protect_first", "label"} {
			if _, ok := trial.Params[param]; !ok {
				t.Errorf("%s: the trial says nothing of %s", a, param)
			}
		}
		if removed, _ := trial.Value("removed"); math.Abs(removed-c.Removed()) > 1e-12 {
			t.Errorf("%s: removed %v, on record %v", a, c.Removed(), removed)
		}
		for _, name := range []string{"allocation.json", "kept.json", "perplexity.json", "model"} {
			if !slices.ContainsFunc(trial.Files, func(f tracker.File) bool { return f.Name == name }) {
				t.Errorf("%s: the trial keeps no %s", a, name)
			}
		}
		if told := strings.Contains(label(trial), fmt.Sprintf("share %v", a.Share)); told != (a.Share != 0) {
			t.Errorf("%s: label %q", a, label(trial))
		}
		checkLost(t, m, out)
		again, err := l.Open(a.Out)
		if err != nil {
			t.Fatal(err)
		}
		p, err := l.Perplexity(t.Context(), again, study.Measure)
		if err != nil {
			t.Fatal(err)
		}
		if q := out.Measured[0]; math.Abs(p.Value-q.Value) > 1e-4*q.Value || again.Dense().LinearParams() != c.LinearAfter {
			t.Errorf("%s: measured %v, written %v; %d numbers", a, q.Value, p.Value, again.Dense().LinearParams())
		}
		again.Close()
		out.Close()
		checked++
	}
	if left, _ := filepath.Glob(filepath.Join(l.Home, ".pruned-*")); checked != 5 || len(left) != 0 {
		t.Errorf("%d checked; left behind %v", checked, left)
	}
}

// checkLost adds up what the picture says is left.
func checkLost(t *testing.T, m *Model, out *Outcome) {
	t.Helper()
	h, left := out.Lost(), 0.0
	for _, lin := range m.Linears() {
		left += float64(lin.Params()) * (1 - h.Values[lin.Layer][slices.Index(h.Cols, string(lin.Kind))])
	}
	if math.Abs(left-float64(out.Counted.LinearAfter)) > 1e-6 {
		t.Errorf("the picture leaves %v of %d parameters, %d are left", left, out.Counted.LinearBefore, out.Counted.LinearAfter)
	}
}

// What goes with whole layers is gone from the picture too.
func TestLostLayers(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	study, err := l.NewStudy(t.Context(), "layers", Measure{Nothing: true})
	if err != nil {
		t.Fatal(err)
	}
	out, err := study.Try(t.Context(), m, Attempt{Method: Prune, Ratio: 0.5, Pruning: Pruning{Score: L1, Scope: CutLayers, ProtectLast: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	checkLost(t, m, out)
	if v := out.Lost().Values; v[0][0] != 1 || v[1][0] != 0 {
		t.Errorf("one layer of two is gone: %v", v)
	}
}

// Pruning goes on from low rank and low rank from pruning, through directories.
func TestBothInSequence(t *testing.T) {
	l := newTestLab(t)
	dir := t.TempDir()
	tries := []Attempt{
		{Method: "svd", Ratio: 0.4},
		{Method: Prune, Ratio: 0.5, Pruning: Pruning{Score: TaylorMix, Compensate: true}, Calibration: little},
		{Method: "svd", Ratio: 0.4},
		{Method: Prune, Ratio: 0.5, Pruning: Pruning{Score: L2, Steps: 2}},
	}
	m := openTiny(t, l)
	for i, a := range tries {
		study, err := l.NewStudy(t.Context(), "sequence", Measure{Nothing: true})
		if err != nil {
			t.Fatal(err)
		}
		a.Out = filepath.Join(dir, string(rune('a'+i)))
		before := m.Dense().LinearParams()
		out, err := study.Try(t.Context(), m, a)
		if i == 2 { // the directory holds factors already
			if err == nil {
				t.Error("factors were taken apart again")
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", a, err)
		}
		if after := out.Variant.LinearParams(); after >= before {
			t.Errorf("%s: %d parameters of linears, then %d", a, before, after)
		}
		if m, err = l.Open(a.Out); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
	}
}

// What is multiplied out computes what the factors compute.
func TestMultiplied(t *testing.T) {
	d, err := multiplied(&transformer.Factored{Rank: 2, A: []float32{1, 2, 3, 4, 5, 6}, B: []float32{1, 0, 1, -1}, Bias: []float32{7, 8}})
	if err != nil {
		t.Fatal(err)
	}
	want := []float32{1, 2, 3, -3, -3, -3}
	for i, x := range want {
		if d.W[i] != x || d.Out != 2 || d.In != 3 || d.Bias[1] != 8 {
			t.Fatalf("%+v", d)
		}
	}
}

// The default protection is that of LLM-Pruner's recipe where the model is deep enough.
func TestProtection(t *testing.T) {
	checked := 0
	for _, c := range []struct {
		p           Pruning
		layers      int
		first, last int
	}{
		{Pruning{}, 4, 0, 0}, {Pruning{}, 16, 4, 2}, {Pruning{}, 32, 4, 2}, {Pruning{ProtectFirst: -1}, 32, 0, 2}, {Pruning{ProtectLast: 5}, 32, 4, 5},
		{Pruning{Scope: CutLayers}, 32, 0, 0}, {Pruning{Scope: CutLayers, ProtectFirst: 3}, 32, 3, 0},
	} {
		checked++
		if o := c.p.options(c.layers, 0.25); o.ProtectFirst != c.first || o.ProtectLast != c.last {
			t.Errorf("%+v of %d layers: first %d and last %d", c.p, c.layers, o.ProtectFirst, o.ProtectLast)
		}
	}
	if checked != 7 {
		t.Error("nothing checked")
	}
}

func TestPruneRefuses(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	study, err := l.NewStudy(t.Context(), "refused", Measure{Nothing: true})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	for want, a := range map[string]Attempt{
		`found "best"`:            {Ratio: 0.5, Pruning: Pruning{Score: "best"}},
		"would leave none":        {Ratio: 0.9999},
		"fewer than the model":    {Ratio: 0.5, Pruning: Pruning{ProtectFirst: 2}},
		"at least 2 tokens":       {Ratio: 0.5, Calibration: Calibration{Length: 1}},
		"above 0":                 {},
		"do not compete":          {Ratio: 0.5, Pruning: Pruning{Scope: CutLayers, Across: "global"}},
		"is cut in one step":      {Ratio: 0.5, Pruning: Pruning{Steps: 2, Scope: CutLayers}},
		"normalisation":           {Ratio: 0.5, Pruning: Pruning{Normalise: "by hand"}},
		"make up for heads":       {Ratio: 0.5, Pruning: Pruning{Scope: CutChannels, Compensate: true}},
		"one step":                {Ratio: 0.5, Pruning: Pruning{Steps: 2, Compensate: true}},
		"units":                   {Ratio: 0.5, Pruning: Pruning{Units: "first"}},
		"across: expected one of": {Ratio: 0.5, Pruning: Pruning{Across: "anywhere"}},
		"nowhere":                 {Ratio: 0.5, Calibration: Calibration{Text: "nowhere.txt"}},
		"after low rank":          {Ratio: 0.5, Then: Prune},
		"two ways":                {Ratio: 0.5, Then: Dense},
		"share: expected":         {Ratio: 0.5, Then: "svd", Share: 1.5},
		"no say where":            {Ratio: 0.5, Share: 0.5},
		"by numbers":              {Ratio: 0.5, Then: "svd", Pruning: Pruning{Scope: CutLayers}},
		"of both together":        {Ratio: 0.5, Then: "svd", Pruning: Pruning{Across: "global"}},
		"low rank looks at":       {Ratio: 0.5, Then: "svd", Moments: &Moments{}},
		"one ratio of both":       {Ratio: 0.5, Then: "svd", Ranks: map[string]int{"q": 1}},
		"magic":                   {Ratio: 0.5, Then: "magic"},
		"no more than":            {Ratio: 0.9999, Pruning: Pruning{Across: "density"}},
		"least 1, found -2":       {Ratio: 0.5, Pruning: Pruning{Steps: -2}},
		"are in no order":         {Ratio: 0.5, Pruning: Pruning{Across: "density", Score: FLAP}},
		"its mean is 0":           {Ratio: 0.5, Pruning: Pruning{Score: FLAP, Normalise: "mean"}},
		"of all heads":            {Ratio: 0.5, Pruning: Pruning{Across: "density", Normalise: "standard"}},
		"(max_position":           {Ratio: 0.5, Calibration: Calibration{Length: m.Config().MaxPositions + 1}},
	} {
		a.Method, a.Out = Prune, out
		if _, err := study.Try(t.Context(), m, a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("something was written")
	}
	trials, err := l.Store.Trials(t.Context(), "refused", tracker.Filter{})
	if err != nil || len(trials) != 0 {
		t.Errorf("%d trials on record, %v", len(trials), err)
	}
}

// The maps mark what the plan cuts; the picture of a block has every weight of the layer.
func TestPrunePictures(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	heads, channels, err := l.ImportanceMaps(t.Context(), m, Attempt{Method: Prune, Ratio: 0.75, Pruning: Pruning{Score: L1}})
	if err != nil {
		t.Fatal(err)
	}
	gone := map[string]float64{"heads": 0.5, "channels": 0.75} // one head of two: they go whole
	for what, h := range map[string]*show.HeatMap{"heads": heads, "channels": channels} {
		for layer, row := range h.Marked {
			sum, mean := 0.0, 0.0
			for i, x := range row {
				sum, mean = sum+x/float64(len(row)), mean+h.Values[layer][i]/float64(len(row))
			}
			if math.Abs(sum-gone[what]) > 1e-12 || math.Abs(mean-1) > 1e-12 {
				t.Errorf("%s of layer %d: %v cut, mean %v", what, layer, sum, mean)
			}
		}
		if len(h.Marked) != 2 {
			t.Errorf("%s: %d layers", what, len(h.Marked))
		}
	}
	n, err := m.Dependencies(1)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]int{}
	for _, node := range n.Nodes {
		names[node.Label]++
	}
	for _, want := range []string{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "input_layernorm"} {
		if names[want] != 1 {
			t.Errorf("%s is drawn %d times, of %v", want, names[want], names)
		}
	}
	if _, err := m.Dependencies(2); err == nil {
		t.Error("a layer that is not there")
	}
}

// A measurement that could only fail is refused before the work.
func TestCheckMeasure(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	for want, o := range map[string]Measure{
		"nowhere":         {Text: "nowhere.txt"},
		"elsewhere":       {Elsewhere: "elsewhere.txt"},
		"found -2":        {Blocks: -2},
		"2 to 512 tokens": {Length: m.Config().MaxPositions + 1},
		"found 1":         {Length: 1},
	} {
		if err := l.CheckMeasure(m, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if _, err := l.Perplexity(t.Context(), m, o); o.Elsewhere == "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("without a study got %v, want %q", err, want)
		}
	}
	for _, o := range []Measure{{}, {Blocks: -1}, {Nothing: true, Text: "nowhere.txt"}} {
		if err := l.CheckMeasure(m, o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// Where heads are too few for the ratio, that is said.
func TestNoHeadGoes(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	for _, c := range []struct {
		ratio float64
		p     Pruning
		warns bool
	}{
		{0.4, Pruning{Score: L1}, true}, {0.5, Pruning{Score: L1}, false}, {0.4, Pruning{Score: L1, KeepHeads: true}, false},
		{0.4, Pruning{Score: L1, Across: "even"}, false}, {0.4, Pruning{Score: L1, Scope: CutChannels}, false},
	} {
		out, err := l.Compress(t.Context(), m, Attempt{Method: Prune, Ratio: c.ratio, Pruning: c.p}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if warns := slices.ContainsFunc(out.Warnings, func(w string) bool { return strings.Contains(w, "no head goes: a layer has") }); warns != c.warns {
			t.Errorf("%v, %+v: warnings %q", c.ratio, c.p, out.Warnings)
		}
		if err := out.Close(); err != nil {
			t.Error(err)
		}
	}
}
