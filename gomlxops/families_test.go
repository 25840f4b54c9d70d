package gomlxops_test

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/importance"
	"github.com/parelab/pare/gomlxops/internal/oracle"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/prune"
	"github.com/parelab/pare/gomlxops/recovery"
	"github.com/parelab/pare/gomlxops/transformer"
)

// small is a config.json of each family.
var small = map[string]string{
	"llama":   `"hidden_size":24,"intermediate_size":40,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":32`,
	"mistral": `"sliding_window":5,"hidden_size":24,"intermediate_size":40,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":32`,
	"qwen2":   `"hidden_size":24,"intermediate_size":40,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":32,"tie_word_embeddings":true`,
	"qwen3":   `"head_dim":8,"hidden_size":24,"intermediate_size":40,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":32`,
	"gpt2":    `"n_embd":24,"n_layer":2,"n_head":4,"n_positions":32`,
	"opt":     `"hidden_size":24,"ffn_dim":40,"num_hidden_layers":2,"num_attention_heads":4,"max_position_embeddings":32`,
	"chatglm": `"add_qkv_bias":true,"padded_vocab_size":29,"hidden_size":24,"ffn_hidden_size":40,"num_layers":2,"num_attention_heads":4,"kv_channels":8,"multi_query_attention":true,"multi_query_group_num":2,"seq_length":32`,
}

// openSmall makes a model of a family with random weights, biases among them.
func openSmall(t *testing.T, family string) *transformer.Model {
	t.Helper()
	c, err := transformer.ParseConfig([]byte(`{"model_type":"` + family + `","vocab_size":29,` + small[family] + `}`))
	if err != nil {
		t.Fatal(err)
	}
	rng, weights := rand.New(rand.NewPCG(1, 2)), c.Init(3)
	for name, values := range weights {
		for i := range values {
			if strings.HasSuffix(name, ".bias") {
				values[i] = float32(0.3 * rng.NormFloat64())
			} else if values[i] != 1 {
				values[i] *= 10 // so that 24 channels make a difference
			}
		}
	}
	return saved(t, func(dir string) error { return transformer.SaveTensors(t.Context(), dir, c, weights, "F32", nil) })
}

func saved(t *testing.T, save func(dir string) error) *transformer.Model {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	if err := save(dir); err != nil {
		t.Fatal(err)
	}
	m, err := transformer.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func sequences(c *transformer.Config, n int) [][]int32 {
	rng := rand.New(rand.NewPCG(4, 5))
	all := make([][]int32, n)
	for i := range all {
		for range 24 {
			all[i] = append(all[i], int32(rng.IntN(c.VocabSize)))
		}
	}
	return all
}

func losses(t *testing.T, v *transformer.Variant, sequences [][]int32) []float64 {
	t.Helper()
	l, err := v.Losses(t.Context(), sequences, transformer.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return l.Sum
}

// Every family goes through every step of the pipeline.
func TestFamiliesThroughThePipeline(t *testing.T) {
	for _, family := range transformer.Families() {
		t.Run(family, func(t *testing.T) {
			if small[family] == "" {
				t.Fatal("a family without a model to try: add its configuration to small")
			}
			m := openSmall(t, family)
			tokens := sequences(m.Config(), 16)
			spectra := decompose(t, m, tokens)
			exactly(t, m, spectra, tokens)
			smaller(t, m, spectra, tokens)
			gradients(t, m, tokens)
			trained(t, m, tokens)
		})
	}
}

func decompose(t *testing.T, m *transformer.Model, tokens [][]int32) []*lowrank.Spectrum {
	t.Helper()
	moments, err := covariance.Collect(t.Context(), m.Dense(), tokens, covariance.Options{Groups: 4})
	if err != nil {
		t.Fatal(err)
	}
	spectra, err := lowrank.DecomposeAll(t.Context(), m, moments, lowrank.FeaturePCM, lowrank.Options{Keep: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	if want := len(m.Config().Kinds()) * m.Config().Layers; len(spectra) != want {
		t.Errorf("%d spectra, want %d", len(spectra), want)
	}
	return spectra
}

// exactly holds every linear in factors of full rank: nothing changes.
func exactly(t *testing.T, m *transformer.Model, spectra []*lowrank.Spectrum, tokens [][]int32) {
	t.Helper()
	forms := map[string]transformer.Form{}
	for _, s := range spectra {
		f, err := s.Factors(s.Kept)
		if err != nil {
			t.Fatal(err)
		}
		forms[s.Linear.Name] = f
	}
	v, err := m.With(forms)
	if err != nil {
		t.Fatal(err)
	}
	want := losses(t, m.Dense(), tokens)
	for i, got := range losses(t, v, tokens) {
		if !(math.Abs(got-want[i]) <= 1e-4*24) { // 1e-4 a token, as the reference allows float32
			t.Errorf("sequence %d: loss %v in factors of full rank, %v dense", i, got, want[i])
		}
	}
}

// smaller takes a third of the parameters away, saves the rest, and measures what it reads back.
func smaller(t *testing.T, m *transformer.Model, spectra []*lowrank.Spectrum, tokens [][]int32) {
	t.Helper()
	forms, allocation, err := lowrank.Energy(spectra, 0.3, lowrank.AllocationOptions{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := m.With(forms)
	if err != nil {
		t.Fatal(err)
	}
	again := saved(t, func(dir string) error { return transformer.Save(t.Context(), dir, v, transformer.SaveOptions{}) })
	want, dense := losses(t, v, tokens), losses(t, m.Dense(), tokens)
	if got := losses(t, again.Dense(), tokens); !slices.Equal(got, want) || slices.Equal(got, dense) {
		t.Errorf("losses %v, saved and read back %v, dense %v", want, got, dense)
	}
	p, err := evaluate.MeasurePerplexity(t.Context(), again.Dense(), tokens, evaluate.Protocol{Data: "random"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, l := range want {
		sum += l
	}
	if mean := sum / (16 * 23); !(math.Abs(math.Log(p.Value)-mean) <= 1e-6) {
		t.Errorf("perplexity %v, the mean loss is %v", p.Value, mean)
	}
	counted := int64(0)
	for _, a := range oracle.ReadTensors(t, filepath.Join(again.Dir(), "model.safetensors")) {
		counted += int64(len(a.Data))
	}
	size := evaluate.Size(v)
	if size.Params != counted || size.LinearParams != allocation.After || size.DenseLinearParams != allocation.Before || size.DenseParams != m.Params() {
		t.Errorf("%d numbers in the file; sizes %+v; allocation from %d to %d", counted, size, allocation.Before, allocation.After)
	}
	operations, err := evaluate.CountOperations(m.Dense(), 24)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range m.Linears() {
		operations.Linears -= int64(l.Out * l.In)
	}
	if operations.Linears != 0 {
		t.Errorf("operations beyond those of the matrices: %d", operations.Linears)
	}
	if size.LinearParams > int64(0.7*float64(size.DenseLinearParams)) {
		t.Errorf("less was removed than asked for: %+v", size)
	}
}

// gradients collects Fisher sums and traces what hangs together.
func gradients(t *testing.T, m *transformer.Model, tokens [][]int32) {
	t.Helper()
	fisher, err := importance.Collect(t.Context(), m, tokens[:3], importance.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range fisher.Linears {
		if !(s.Total() > 0) {
			t.Errorf("%s has Fisher sums of %v", s.Linear.Name, s.Total())
		}
	}
	if len(fisher.Linears) != len(m.Linears()) {
		t.Errorf("Fisher sums of %d linears", len(fisher.Linears))
	}
	if _, err := prune.Of(m.Config()); err != nil {
		t.Error(err)
	}
}

// trained takes some steps on a batch, which it must get better at.
func trained(t *testing.T, m *transformer.Model, tokens [][]int32) {
	t.Helper()
	weights := map[string][]float32{}
	for _, s := range m.Config().TensorShapes() {
		values, _, err := m.Float32(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		weights[s.Name] = values
	}
	result, err := recovery.Train(context.Background(), m.Config(), weights, func(int) [][]int32 { return tokens[:4] }, recovery.TrainOptions{Steps: 8, LearningRate: 3e-3}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if first, last := result.Losses[0], result.Losses[len(result.Losses)-1]; !(last < first-0.05) {
		t.Errorf("loss %v before training, %v after", first, last)
	}
	saved(t, func(dir string) error {
		return transformer.SaveTensors(t.Context(), dir, m.Config(), result.Weights, "BF16", nil)
	})
}
