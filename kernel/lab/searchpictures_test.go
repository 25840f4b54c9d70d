package lab

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/kernel/show"
)

// madeSearch is a search of made-up groups, without a model: values are its trials' in turn, NaN for one that failed.
func madeSearch(seed uint64, values ...float64) *Found {
	f := &Found{Search: Search{Attempt: Attempt{Method: lowrank.PlainSVD, Ratio: 0.3}, Sampler: bayesopt.Bayes, Groups: GroupBands, Seed: seed, Upper: 0.9}, Text: "made", Numbers: map[int]int{}}
	f.Space = bayesopt.Space{Budget: 0.3, Variables: []bayesopt.Variable{{Name: protectedGroup, Weight: 1}}}
	for _, band := range []string{"1/2", "2/2"} {
		for _, kind := range []string{"q_proj", "o_proj"} {
			f.Space.Variables = append(f.Space.Variables, bayesopt.Variable{Name: kind + " " + band, Weight: 1, Upper: 0.9})
		}
	}
	random := rand.New(rand.NewPCG(seed, 1))
	for i, v := range values {
		x, err := f.Space.Project([]float64{0, random.Float64(), random.Float64(), random.Float64(), random.Float64()})
		if err != nil {
			panic(err)
		}
		t := bayesopt.Trial{Suggestion: bayesopt.Suggestion{ID: i, X: x, Phase: bayesopt.PhaseModel}, At: x, State: bayesopt.Done, Value: v}
		if math.IsNaN(v) {
			t.State, t.Value = bayesopt.Failed, 0
		}
		f.Trials, f.Numbers[i] = append(f.Trials, t), i+1
	}
	f.Best, _ = best(f.Trials)
	return f
}

// Coverage is counted, against numbers that are plain to see.
func TestTrustCounts(t *testing.T) {
	f := madeSearch(1, 10, 11, 12, 13, 14, 15, math.NaN())
	for i, z := range []float64{0, 0.5, -1, 2, 0} { // of the sixth nothing was expected
		b := &f.Trials[i]
		b.Deviation = 0.5
		b.Mean = b.Value - z*b.Deviation
	}
	trust := f.Trust()
	c := trust.Asked
	if c.Trials != 5 || *c.Within50 != 0.6 || *c.Within90 != 0.8 || *c.Bias != 0.3 || math.Abs(*c.RMS-math.Sqrt(5.25/5)) > 1e-12 {
		t.Errorf("asked: %d trials, %v, %v, bias %v, RMS %v", c.Trials, *c.Within50, *c.Within90, *c.Bias, *c.RMS)
	}
	if *c.Rank != 0.9 { // expected 10, 10.75, 12.5, 12, 14
		t.Errorf("rank correlation %v, expected 0.9: one pair of neighbours is the other way round", *c.Rank)
	}
	if trust.LeftOut.Trials != 7 || trust.Explained == nil {
		t.Errorf("left out: %+v", trust)
	}
	if text := trust.Verdict(); !strings.Contains(text, "Of 5 expectations 4 held") || !strings.Contains(text, "may be believed") {
		t.Error(text)
	}
}

func TestTrustVerdicts(t *testing.T) {
	values := make([]float64, 40)
	for i := range values {
		values[i] = 10 + float64(i%7)
	}
	for want, z := range map[string]func(i int) float64{
		"too sure of itself: take its deviations 3.0 times as large": func(int) float64 { return 3 },
		"may be believed":                   func(i int) float64 { return []float64{-1.7, -1, -.7, -.3, -.1, .1, .3, .7, 1, 1.5}[i%10] },
		"more careful than it need be":      func(int) float64 { return 0.1 },
		"too few to say":                    nil,
		"Of 40 expectations 0 held within ": func(int) float64 { return -2 },
	} {
		f := madeSearch(1, values...)
		for i := range f.Trials {
			if b := &f.Trials[i]; z != nil {
				b.Deviation, b.Mean = 2, b.Value-2*z(i)
			}
		}
		if got := f.Trust().Verdict(); !strings.Contains(got, want) {
			t.Errorf("got %q, expected %q", got, want)
		}
	}
}

// What cannot be known is null, not a number that looks like one.
func TestTrustOfNothing(t *testing.T) {
	data, err := json.Marshal(madeSearch(1, 5).Trust())
	want := `{"asked":{"trials":0,"within50":null,"within90":null,"rms":null,"bias":null,"rank":null},"left_out":{"trials":0,"within50":null,"within90":null,"rms":null,"bias":null,"rank":null},"explained":null}`
	if err != nil || string(data) != want {
		t.Errorf("%v: %s", err, data)
	}
}

// The line is the median of what each seed had reached, the band its quartiles; where a seed has nothing yet there is no point.
func TestIncumbents(t *testing.T) {
	other := madeSearch(4, 7, 6)
	other.Search.Sampler = bayesopt.Random
	c := Incumbents(madeSearch(1, 9, 8, 10), madeSearch(2, math.NaN(), 5, 4), madeSearch(3, 6, 7, 5, 1), other)
	if len(c.Series) != 2 || !strings.Contains(c.Series[0].Name, "bayes by kind×bands, svd at 30% (3 seeds)") {
		t.Fatalf("%+v", c)
	}
	s := c.Series[0]
	if !slices.Equal(s.X, []float64{2, 3}) || !slices.Equal(s.Y, []float64{6, 5}) || !slices.Equal(s.Low, []float64{5.5, 4.5}) || !slices.Equal(s.High, []float64{7, 6.5}) {
		t.Errorf("%+v", s)
	}
	if s = c.Series[1]; !slices.Equal(s.Y, []float64{7, 6}) || s.Low != nil {
		t.Errorf("%+v", s)
	}
}

// The course of a search shows every trial: at its place, or as a mark.
func TestSearchChartShowsAll(t *testing.T) {
	f := madeSearch(1, 3, 500, math.NaN(), 2.9, 2.95, 3.1)
	f.Trials = append(f.Trials, bayesopt.Trial{Suggestion: bayesopt.Suggestion{ID: 6, X: f.Trials[0].X}, State: bayesopt.Pending})
	c := f.Chart()
	shown := map[string][]float64{"trial": c.Series[0].X, "least": c.Series[1].X}
	for _, m := range c.Marks {
		shown[strings.Fields(m.Label)[0]] = m.X
	}
	if got := fmt.Sprint(shown); got != "map[above:[2] failed:[3] least:[1 4 7] trial:[1 4 5 6] under:[7]]" {
		t.Error(got)
	}
}

// All pictures of a search: the same for the same trials, with all groups in them, bands of a kind side by side, and nothing of the protected group.
func TestSearchPictures(t *testing.T) {
	values := make([]float64, 14)
	for i := range values {
		values[i] = 3 + math.Abs(math.Sin(float64(i)))
	}
	values[3] = 900
	one, two := madeSearch(1, values...), madeSearch(1, values...)
	for _, f := range []*Found{one, two} {
		for i := range f.Trials {
			f.Trials[i].Value += 2 * f.Trials[i].X[1] * f.Trials[i].X[1]
		}
		f.Best, _ = best(f.Trials)
	}
	checked := 0
	for i, picture := range []func(f *Found) show.Fragment{
		func(f *Found) show.Fragment { return f.Chart() }, func(f *Found) show.Fragment { return f.Parallel() }, func(f *Found) show.Fragment { return f.Importance() },
		func(f *Found) show.Fragment { return f.Dependence() }, func(f *Found) show.Fragment { return f.Trust().Chart() }, func(f *Found) show.Fragment { return f.Trust().Facts() },
	} {
		html := picture(one).HTML()
		if html != picture(two).HTML() {
			t.Errorf("picture %d: two outputs", i)
		}
		if strings.Contains(html, protectedGroup) {
			t.Errorf("picture %d shows what cannot be chosen", i)
		}
		for _, v := range one.free() {
			if i >= 1 && i <= 3 && !strings.Contains(html, v.Name) {
				t.Errorf("picture %d lacks %s", i, v.Name)
			}
		}
		checked++
	}
	d := one.Dependence()
	var titles []string
	for _, p := range d.Panels {
		titles = append(titles, p.Title)
	}
	if checked != 6 || d.Columns != 2 || strings.Join(titles, ", ") != "q_proj 1/2, q_proj 2/2, o_proj 1/2, o_proj 2/2" {
		t.Errorf("%d pictures, panels %q in %d columns", checked, titles, d.Columns)
	}
	for _, p := range d.Panels {
		k := slices.IndexFunc(one.Space.Variables, func(v bayesopt.Variable) bool { return v.Name == p.Title })
		checkFromBest(t, one, k)
		if len(p.Series[2].X) != 13 { // that of 900 is above
			t.Errorf("%s: %d trials", p.Title, len(p.Series[2].X))
		}
	}
	none := madeSearch(1, 5)
	if text := none.Dependence().Text(80) + none.Importance().Text(80); strings.Count(text, "expected at least two trials") != 2 {
		t.Error(text)
	}
}

// checkFromBest asks for the line from the best trial at the best's own ratio, where it is what the surrogate expects of the best.
func checkFromBest(t *testing.T, f *Found, k int) {
	t.Helper()
	model, err := f.Surrogate()
	if err != nil {
		t.Fatal(err)
	}
	mean, _, err := model.Predict(f.Best.At)
	if err != nil {
		t.Fatal(err)
	}
	s := f.fromBest(model, f.Space.Variables[k].Name, []bayesopt.Effect{{X: f.Best.At[k]}, {X: 0.9}})
	if len(s.Y) != 2 || math.Abs(s.Y[0]-mean) > 1e-6 || math.Abs(s.Y[1]-mean) < 1e-3 {
		t.Errorf("variable %d: %v at the best and far from it, expected %v and another", k, s.Y, mean)
	}
}
