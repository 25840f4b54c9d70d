package transformer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/parelab/pare/gomlxops/internal/oracle"
)

// stepRelative is how far a step's logits may be from those of the whole sequence, of the largest: both are float32.
const stepRelative = 1e-4

// checkSteps reads prompts of two lengths and the rest of a sequence token by token, and compares the logits at every position with those of
// the whole sequence. It returns how many positions it compared.
func checkSteps(t *testing.T, v *Variant, tokens []int32, prompts ...int) (compared int) {
	t.Helper()
	vocab := v.m.config.VocabSize
	want, err := v.Logits(t.Context(), [][]int32{tokens})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range prompts {
		g, err := v.Generator(t.Context(), tokens[:n])
		if err != nil {
			t.Fatal(err)
		}
		for at := n - 1; ; at++ {
			got, err := g.Logits()
			if err != nil {
				t.Fatal(err)
			}
			if off := relative(widened(want[at*vocab:(at+1)*vocab]), widened(got)); !(off <= stepRelative) {
				t.Errorf("prompt of %d tokens: logits behind position %d are off by %.2g", n, at, off)
			}
			compared++
			if at == len(tokens)-1 {
				break
			}
			if err := g.Step(t.Context(), tokens[at+1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return compared
}

// Every family and setting, the reference models among them.
func TestStepsEqualLogits(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 11))
	compared := 0
	for _, name := range allOracleModels {
		t.Run(name, func(t *testing.T) {
			m := openOracle(t, name)
			tokens := randomTokens(rng, m.Config(), 1, 21)[0]
			compared += checkSteps(t, m.Dense(), tokens, 1, 10)
		})
	}
	for _, f := range familyCases() {
		if f.name == "llama, dynamic, long" {
			continue // TestDynamicSteps
		}
		t.Run(f.name, func(t *testing.T) {
			m := f.open(t, seed)
			tokens := randomTokens(rng, m.Config(), 1, f.length)[0]
			compared += checkSteps(t, m.Dense(), tokens, 1+rng.IntN(4), 9+rng.IntN(9))
		})
	}
	if compared < 20*len(familyCases()) {
		t.Errorf("compared %d positions only", compared)
	}
}

// Factored linears, in memory and from a directory, in all three dtypes; transposed and fused tensors among them.
func TestStepsOfForms(t *testing.T) {
	for i, name := range []string{"gqa", "gpt2", "chatglm"} {
		m := openOracle(t, name)
		forms := map[string]Form{}
		for j, l := range m.Linears() {
			if j%3 != 0 {
				forms[l.Name] = factoredFor(l, 3+j%4, j%2 == 0 || l.Bias)
			} else if j%2 == 0 {
				forms[l.Name] = denseFor(t, m, l)
			}
		}
		v, err := m.With(forms)
		if err != nil {
			t.Fatal(err)
		}
		tokens := randomTokens(rand.New(rand.NewPCG(3, 3)), m.Config(), 1, 14)[0]
		checkSteps(t, v, tokens, 5)
		dtype := []string{"BF16", "F16", "F32"}[i]
		saved := saveAndOpen(t, v, SaveOptions{DType: dtype})
		checkSteps(t, saved.Dense(), tokens, 5)
		checkMapped(t, saved, dtype)
		checkSteps(t, saveAndOpen(t, m.Dense(), SaveOptions{DType: []string{"F16", "BF16", "F32"}[i]}).Dense(), tokens, 5)
	}
}

// checkMapped sees that all matrices are those of the files.
func checkMapped(t *testing.T, m *Model, dtype string) {
	t.Helper()
	g, err := m.Dense().Generator(t.Context(), []int32{1})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for l, b := range g.blocks {
		for k, linear := range b.linears {
			for _, matrix := range linear.matrices {
				seen++
				if matrix.DType != dtype || !slices.ContainsFunc(m.files, func(f *mapped) bool { return within(matrix.Data, f.bytes) }) {
					t.Errorf("layer %d, %s: a matrix in %s that no file holds", l, k, matrix.DType)
				}
			}
		}
	}
	if seen == 0 {
		t.Error("no matrix was looked at")
	}
}

// within says whether part lies in whole, in memory.
func within(part, whole []byte) bool {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(part)))
	from := uintptr(unsafe.Pointer(unsafe.SliceData(whole)))
	return at >= from && at < from+uintptr(len(whole))
}

// denseFor is l as it is, in memory.
func denseFor(t *testing.T, m *Model, l Linear) *Dense {
	t.Helper()
	w, _, err := m.Float32(l.Name + ".weight")
	if err != nil {
		t.Fatal(err)
	}
	d := &Dense{Out: l.Out, In: l.In, W: w}
	if l.Bias {
		if d.Bias, _, err = m.Float32(l.Name + ".bias"); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// Layers of different heads and channels.
func TestStepsOfShapes(t *testing.T) {
	base, err := ParseConfig([]byte(smallLlama + `}`))
	if err != nil {
		t.Fatal(err)
	}
	c, err := base.WithShapes([]Shape{{4, 2, 20}, {2, 1, 7}, {3, 3, 31}})
	if err != nil {
		t.Fatal(err)
	}
	m := saveTensorsAndOpen(t, c, livelyWeights(c, 5))
	checkSteps(t, m.Dense(), randomTokens(rand.New(rand.NewPCG(5, 5)), c, 1, 20)[0], 6)
}

// Beyond the length first trained on, dynamic scaling turns the prompt by its length and every later token by its place.
func TestDynamicSteps(t *testing.T) {
	config := smallLlama + `,"rope_scaling":{"type":"dynamic","factor":2.0}}`
	const n = 50
	for _, prompt := range []int{20, 40} {
		freqAt := func(at int) []float64 { return dynamicFreq(500000, 6, 2, 32, max(at+1, prompt, 32)) }
		m := familyCase{config: config}.open(t, 6)
		tokens := randomTokens(rand.New(rand.NewPCG(6, 6)), m.Config(), 1, n)
		w := weightsOf(oracle.ReadTensors(t, filepath.Join(m.Dir(), weightsName)))
		_, want, _ := twinOf(smallTwin(1e-5, 0, func(m *llamaTwin) { m.freqAt = freqAt }), w, tokens)
		g, err := m.Dense().Generator(t.Context(), tokens[0][:prompt])
		if err != nil {
			t.Fatal(err)
		}
		for at := prompt - 1; at < n; at++ {
			if at >= prompt {
				if err := g.Step(t.Context(), tokens[0][at]); err != nil {
					t.Fatal(err)
				}
			}
			got, err := g.Logits()
			if err != nil {
				t.Fatal(err)
			}
			if off := relative(want[at*37:(at+1)*37], widened(got)); !(off <= stepRelative) {
				t.Errorf("prompt of %d tokens: logits behind position %d are off by %.2g", prompt, at, off)
			}
		}
	}
}

// Greedy text is the most likely token, again and again, of the whole text run anew.
func TestGreedyText(t *testing.T) {
	for _, name := range allOracleModels {
		m := openOracle(t, name)
		v, vocab := m.Dense(), m.Config().VocabSize
		prompt := randomTokens(rand.New(rand.NewPCG(8, 8)), m.Config(), 1, 5)[0]
		var seen []int32
		done, err := v.Generate(t.Context(), prompt, GenerateOptions{MaxTokens: 12, Stops: []int32{}}, func(id int32) bool {
			seen = append(seen, id)
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(done.Tokens) != 12 || !slices.Equal(seen, done.Tokens) || done.Finish != FinishLength || done.PromptTokens != 5 || done.Steps != 11 {
			t.Fatalf("%s: %+v, shown %v", name, done, seen)
		}
		logits, err := v.Logits(t.Context(), [][]int32{slices.Concat(prompt, done.Tokens)})
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range done.Tokens {
			row := logits[(4+i)*vocab : (5+i)*vocab]
			if best := slices.Max(row); float64(best-row[id]) > stepRelative*float64(max(best, -best)) {
				t.Errorf("%s: token %d is %d, of logit %v where the largest is %v", name, i, id, row[id], best)
			}
		}
	}
}

// Prompts of similar lengths share graphs, and steps build none.
func TestGeneratorGraphs(t *testing.T) {
	m := openOracle(t, "gqa")
	tokens := randomTokens(rand.New(rand.NewPCG(9, 9)), m.Config(), 1, 30)[0]
	built := func(n int) int {
		if _, err := m.Dense().Generate(t.Context(), tokens[:n], GenerateOptions{MaxTokens: 9, Stops: []int32{}}, nil); err != nil {
			t.Fatal(err)
		}
		return m.engine.graphs.built
	}
	for _, c := range []struct{ length, graphs int }{{1, 1}, {7, 1}, {8, 1}, {9, 2}, {16, 2}, {5, 2}} {
		if got := built(c.length); got != c.graphs {
			t.Errorf("after a prompt of %d tokens %d graphs were built, want %d", c.length, got, c.graphs)
		}
	}
	for n, want := range map[int]int{1: 8, 8: 8, 9: 16, 33: 64, 64: 64, 65: 128, 200: 256, 290: 300} {
		if got := filledLength(n, 300); got != want {
			t.Errorf("%d tokens run as %d, want %d", n, got, want)
		}
	}
}

func TestGenerateEnds(t *testing.T) {
	m := familyCases()[0].open(t, 10) // 32 positions
	v := m.Dense()
	prompt := randomTokens(rand.New(rand.NewPCG(10, 10)), m.Config(), 1, 30)[0]
	generate := func(n int, opt GenerateOptions, use func(int32) bool) *Generated {
		t.Helper()
		done, err := v.Generate(t.Context(), prompt[:n], opt, use)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	free := generate(4, GenerateOptions{MaxTokens: 8}, nil)
	if free.Finish != FinishLength || len(free.Tokens) != 8 {
		t.Fatalf("%+v", free)
	}
	// Until its third token, or another, comes for the first time.
	stop := free.Tokens[2]
	first := slices.Index(free.Tokens, stop)
	if got := generate(4, GenerateOptions{MaxTokens: 8, Stops: []int32{99, stop}}, nil); got.Finish != FinishStop || !slices.Equal(got.Tokens, free.Tokens[:first]) {
		t.Errorf("with a stop token: %+v, without %v", got, free.Tokens)
	}
	if got := generate(4, GenerateOptions{MaxTokens: 8, MinTokens: 6, Stops: []int32{stop}}, nil); len(got.Tokens) < 6 || slices.Contains(got.Tokens, stop) {
		t.Errorf("at least six tokens: %+v", got)
	}
	if got := generate(4, GenerateOptions{}, func(int32) bool { return false }); got.Finish != FinishStop || len(got.Tokens) != 1 {
		t.Errorf("one token was enough: %+v", got)
	}
	// 30 tokens leave room for two, and one more can be chosen behind them.
	if got := generate(30, GenerateOptions{}, nil); got.Finish != FinishLength || len(got.Tokens) != 3 || got.Room != 0 {
		t.Errorf("at the end of the positions: %+v", got)
	}
	m.config.EOS = int(stop) // the default
	if got := generate(4, GenerateOptions{MaxTokens: 8}, nil); got.Finish != FinishStop || len(got.Tokens) != first {
		t.Errorf("EOS: %+v", got)
	}
	hot := GenerateOptions{MaxTokens: 16, Stops: []int32{}, Sampling: Sampling{Temperature: 3, Seed: 4}}
	again, other := hot, hot
	other.Seed = 5
	a, b, c := generate(4, hot, nil), generate(4, again, nil), generate(4, other, nil)
	if !slices.Equal(a.Tokens, b.Tokens) || slices.Equal(a.Tokens, c.Tokens) {
		t.Errorf("equal seeds: %v and %v; another: %v", a.Tokens, b.Tokens, c.Tokens)
	}
}

func TestGenerateRefuses(t *testing.T) {
	m := familyCases()[0].open(t, 10)
	long := make([]int32, 33)
	for _, c := range []struct {
		prompt  []int32
		opt     GenerateOptions
		mention string
	}{
		{nil, GenerateOptions{}, "prompt: sequence 0 is empty"},
		{long, GenerateOptions{}, "has 33 tokens, the model takes 32"},
		{[]int32{1, 37}, GenerateOptions{}, "range from 0 to 36"},
		{[]int32{1}, GenerateOptions{MaxTokens: -1}, "at most -1"},
		{[]int32{1}, GenerateOptions{MinTokens: 129}, "at least 129"},
		{[]int32{1}, GenerateOptions{Sampling: Sampling{Temperature: -1}}, "temperature"},
		{[]int32{1}, GenerateOptions{Sampling: Sampling{TopK: -1}}, "top-k"},
		{[]int32{1}, GenerateOptions{Sampling: Sampling{TopP: 1.5}}, "top-p"},
		{[]int32{1}, GenerateOptions{Sampling: Sampling{RepetitionPenalty: -1}}, "repetition penalty"},
	} {
		done, err := m.Dense().Generate(t.Context(), c.prompt, c.opt, nil)
		if err == nil || !strings.Contains(err.Error(), c.mention) || done.Finish != FinishBreak {
			t.Errorf("%v, %+v: error %v, want one with %q", c.prompt, c.opt, err, c.mention)
		}
	}
}

// After an error the Generator goes on from where it was.
func TestStepFails(t *testing.T) {
	m := familyCases()[0].open(t, 12)
	tokens := randomTokens(rand.New(rand.NewPCG(12, 12)), m.Config(), 1, 32)[0]
	g, err := m.Dense().Generator(t.Context(), tokens[:30])
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Step(gone, 3); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := g.Step(t.Context(), -1); err == nil || !strings.Contains(err.Error(), "position 30") {
		t.Errorf("token -1: %v", err)
	}
	for _, id := range tokens[30:] {
		if err := g.Step(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Step(t.Context(), 1); !errors.Is(err, ErrNoRoom) || g.Len() != 32 || g.Room() != 0 {
		t.Errorf("the 33rd token of 32: %v", err)
	}
	got, err := g.Logits()
	if err != nil {
		t.Fatal(err)
	}
	want, err := m.Dense().Logits(t.Context(), [][]int32{tokens})
	if err != nil {
		t.Fatal(err)
	}
	if off := relative(widened(want[31*37:]), widened(got)); !(off <= stepRelative) {
		t.Errorf("after errors the logits are off by %.2g", off)
	}
	if done, err := m.Dense().Generate(gone, tokens[:3], GenerateOptions{}, nil); !errors.Is(err, context.Canceled) || len(done.Tokens) != 0 {
		t.Errorf("cancelled: %v, %+v", err, done)
	}
	soon, stop := context.WithCancel(t.Context())
	defer stop()
	done, err := m.Dense().Generate(soon, tokens[:3], GenerateOptions{Stops: []int32{}}, func(int32) bool { stop(); return true })
	if !errors.Is(err, context.Canceled) || len(done.Tokens) != 1 || done.Finish != FinishBreak {
		t.Errorf("cancelled after a token: %v, %+v", err, done)
	}
}

// Activations that leave float32's range are told of, by layer and position.
func TestStepOverflows(t *testing.T) {
	f := familyCases()[0]
	c, err := ParseConfig([]byte(f.config))
	if err != nil {
		t.Fatal(err)
	}
	weights := livelyWeights(c, 3)
	g, err := saveTensorsAndOpen(t, c, weights).Dense().Generator(t.Context(), []int32{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	for i := range weights["model.layers.0.mlp.down_proj.weight"] {
		weights["model.layers.0.mlp.down_proj.weight"][i] = 3e38
	}
	if _, err := saveTensorsAndOpen(t, c, weights).Dense().Generator(t.Context(), []int32{1, 2}); err == nil || !strings.Contains(err.Error(), "layer 0") {
		t.Errorf("a prompt that overflows: %v", err)
	}
	g.blocks[1].mlpNorm.scale[0] = 3e38
	if err := g.Step(t.Context(), 7); err == nil || !strings.Contains(err.Error(), "layer 1") || !strings.Contains(err.Error(), "position 2") {
		t.Errorf("a step that overflows: %v", err)
	}
	g.blocks[1].mlpNorm.scale[0] = weights["model.layers.1.post_attention_layernorm.weight"][0]
	if err := g.Step(t.Context(), 9); err != nil {
		t.Fatal(err)
	}
	got, err := g.Logits()
	if err != nil {
		t.Fatal(err)
	}
	want, err := g.v.Logits(t.Context(), [][]int32{{1, 2, 9}})
	if err != nil {
		t.Fatal(err)
	}
	if off := relative(widened(want[2*37:]), widened(got)); !(off <= stepRelative) {
		t.Errorf("after a step that overflowed the logits are off by %.2g", off)
	}
}

// Tokens a second of a LLaMA of 151 million parameters in bf16, and of one in float32.
func BenchmarkGenerate(b *testing.B) {
	for _, dtype := range []string{"BF16", "F32"} {
		b.Run(dtype, func(b *testing.B) {
			dir := filepath.Join(b.TempDir(), "model")
			c := fileConfig()
			if err := SaveTensors(b.Context(), dir, c, c.Init(1), dtype, nil); err != nil {
				b.Fatal(err)
			}
			m, err := Open(dir)
			if err != nil {
				b.Fatal(err)
			}
			defer m.Close()
			g, err := m.Dense().Generator(b.Context(), []int32{1, 2, 3})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if g.Room() == 0 {
					g.length = 3 // an old position again: the same work
				}
				if err := g.Step(b.Context(), 5); err != nil {
					b.Fatal(err)
				}
				if _, err := g.Logits(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
			b.ReportMetric(float64(m.Params())/1e6, fmt.Sprintf("Mparams-%s", dtype))
		})
	}
}

// TestStepsWithBranches generates with every kind of branch: beside dense and factored linears, beside factors, and of the subspace form.
func TestStepsWithBranches(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 0))
	m := openOracle(t, "mha")
	values := func(n int) []float32 {
		all := make([]float32, n)
		for i := range all {
			all[i] = float32(rng.NormFloat64()) / 8
		}
		return all
	}
	const rank, held = 3, 6
	forms, sides := map[string]Form{}, map[string][]*Side{}
	for i, l := range m.Linears() {
		lora := func(at string, out, in int) *Side {
			return &Side{At: at, Rank: rank, Scale: 2, A: values(rank * in), B: values(out * rank)}
		}
		if i%3 > 0 {
			forms[l.Name] = &Factored{Rank: held, A: values(held * l.In), B: values(l.Out * held)}
		}
		switch i % 3 {
		case 0:
			sides[l.Name] = []*Side{lora("", l.Out, l.In)}
		case 1:
			sides[l.Name] = []*Side{lora("", l.Out, l.In), lora("A", held, l.In), lora("B", l.Out, held)}
		case 2:
			sides[l.Name] = []*Side{{Rank: rank, A: values(rank * l.In), B: values(l.Out * rank), Inner: values(rank), Outer: values(l.Out)}}
		}
	}
	v, err := m.With(forms)
	if err != nil {
		t.Fatal(err)
	}
	if v, err = v.Adapt(sides); err != nil {
		t.Fatal(err)
	}
	if compared := checkSteps(t, v, randomTokens(rng, m.Config(), 1, 21)[0], 1, 10); compared != 33 || len(sides) < 7 {
		t.Errorf("compared %d positions with branches beside %d linears", compared, len(sides))
	}
}
