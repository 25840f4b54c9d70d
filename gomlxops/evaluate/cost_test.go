package evaluate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/transformer"
)

// TestOperationsOfLLaMA counts LLaMA-7B as the tables of LLM-Pruner do: 424.0 billion for 64 tokens.
func TestOperationsOfLLaMA(t *testing.T) {
	c, err := transformer.ParseConfig([]byte(`{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 32000, "hidden_size": 4096,
		"intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32, "max_position_embeddings": 2048, "rms_norm_eps": 1e-6}`))
	if err != nil {
		t.Fatal(err)
	}
	o := count(c, c.Linears(), 64, func(l transformer.Linear) int64 { return int64(l.Out) * int64(l.In) })
	if o.PerToken != 6_607_077_376 || math.Abs(float64(o.Sequence)/1e9-424.0) > 0.1 || o.Attention != 32*2*64*64*4096 {
		t.Errorf("%+v, expected 6,607,077,376 for a token and about 424.0 billion for 64", o)
	}
}

func TestOperationsOfForms(t *testing.T) {
	m, _ := open(t, "gqa")
	dense, err := CountOperations(m.Dense(), 10)
	if err != nil {
		t.Fatal(err)
	}
	if dense.Linears != m.Dense().LinearParams() || dense.Sequence != 10*dense.PerToken+dense.Attention || dense.Attention != int64(2*100*m.Config().Layers*m.Config().Heads*m.Config().HeadDim) {
		t.Errorf("dense: %+v", dense)
	}
	l := m.Linears()[6]
	v, err := m.With(map[string]transformer.Form{l.Name: &transformer.Factored{Rank: 3, A: make([]float32, 3*l.In), B: make([]float32, 3*l.Out), Bias: make([]float32, l.Out)}})
	if err != nil {
		t.Fatal(err)
	}
	small, err := CountOperations(v, 0)
	if gone := int64(l.Out*l.In - 3*(l.Out+l.In)); err != nil || dense.PerToken-small.PerToken != gone || small.Length != 64 {
		t.Errorf("factored: %+v, %v; expected %d fewer for a token than %+v", small, err, gone, dense)
	}
	if _, err := CountOperations(m.Dense(), -1); err == nil {
		t.Error("-1 tokens were accepted")
	}
}

func TestLatency(t *testing.T) {
	m, _ := open(t, "mha")
	got, err := MeasureLatency(t.Context(), m.Dense(), LatencyOptions{Length: 8, Repeats: 3}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Batch != 1 || got[1].Batch != 8 {
		t.Fatalf("%+v, expected batches of 1 and 8", got)
	}
	for _, l := range got {
		if !(0 < l.Low && l.Low <= l.Median && l.Median <= l.High) || l.Length != 8 || l.Repeats != 3 || l.Backend == "" {
			t.Errorf("%+v", l)
		}
	}
	both, err := CompareLatency(t.Context(), []*transformer.Variant{m.Dense(), m.Dense()}, LatencyOptions{Length: 8, Repeats: 3, Batches: []int{2}}, nil)
	if err != nil || len(both) != 2 || len(both[1]) != 1 || both[1][0].Batch != 2 || both[0][0].Repeats != 3 || !(both[1][0].Median > 0) {
		t.Errorf("in turns: %+v, %v", both, err)
	}
	for _, opt := range []LatencyOptions{{Length: 1}, {Length: m.Config().MaxPositions + 1}, {Batches: []int{0}}, {Repeats: -1}} {
		if _, err := MeasureLatency(t.Context(), m.Dense(), opt, nil); err == nil || !strings.Contains(err.Error(), "expected at least one repeat") {
			t.Errorf("%+v: error %v", opt, err)
		}
	}
}

func TestQuantile(t *testing.T) {
	for q, want := range map[float64]float64{0: 1, 0.25: 2, 0.5: 3, 0.6: 3.4, 1: 5} {
		if got := quantile([]float64{1, 2, 3, 4, 5}, q); math.Abs(got-want) > 1e-12 {
			t.Errorf("quantile %v: %v, expected %v", q, got, want)
		}
	}
}

func TestPapers(t *testing.T) {
	c := &transformer.Config{MaxPositions: 2048}
	checked := 0
	for name, want := range map[string]string{"llm-pruner": "", "svd-llm": "", "bolaco": "2048 positions", "other": "llm-pruner, svd-llm, bolaco"} {
		p, err := FindPaper(name)
		if err == nil {
			err = p.Check(c, 5000)
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %q", name, err, want)
		}
		if err == nil {
			if short := p.Check(c, p.Length-1); short == nil || !strings.Contains(short.Error(), fmt.Sprintf("the text has %d", p.Length-1)) {
				t.Errorf("%s: a short text: %v", name, short)
			}
			checked++
		}
	}
	if checked != 2 {
		t.Errorf("%d protocols checked", checked)
	}
}

// naive counts n-grams as strings.
func naive(texts [][]int, n int) (different, total int) {
	seen := map[string]bool{}
	for _, text := range texts {
		for i := 0; i+n <= len(text); i++ {
			seen[fmt.Sprint(text[i:i+n])] = true
			total++
		}
	}
	return len(seen), total
}

func TestDiversity(t *testing.T) {
	words := strings.Fields("the cat saw the cat saw the dog")
	if got := Distinct([][]string{words}, 2); got != 4./7 {
		t.Errorf("distinct-2 %v, expected 4 of 7", got)
	}
	if got := Repetition([][]string{words, {"a"}, strings.Fields("a b c")}, 2); math.Abs(got-(3./7+0)/2) > 1e-15 {
		t.Errorf("repetition %v, expected the mean of 3 of 7 and none of 2", got)
	}
	if Distinct([][]string{words}, 9) != 0 || Repetition([][]string{words}, 9) != 0 || Distinct([][]int{{1}}, 0) != 0 || Distinct[int](nil, 1) != 0 {
		t.Error("texts that are too short: expected 0")
	}
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 3))
		texts := make([][]int, 1+rng.IntN(4))
		for i := range texts {
			for range rng.IntN(30) {
				texts[i] = append(texts[i], rng.IntN(3))
			}
		}
		for n := 1; n <= 5; n++ {
			d, total := ngrams(texts, n)
			if wd, wt := naive(texts, n); d != wd || total != wt {
				t.Errorf("seed %d, n %d: %d of %d, expected %d of %d", seed, n, d, total, wd, wt)
			}
		}
	}
}
