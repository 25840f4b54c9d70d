package recovery

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
)

// families are small configurations of every family.
var families = map[string]string{
	"llama":   `"hidden_size":24,"intermediate_size":40,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":32`,
	"mistral": `"sliding_window":5,"hidden_size":24,"intermediate_size":40,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":32`,
	"qwen2":   `"hidden_size":24,"intermediate_size":40,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":32,"tie_word_embeddings":true`,
	"qwen3":   `"head_dim":8,"hidden_size":24,"intermediate_size":40,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":32`,
	"gpt2":    `"n_embd":24,"n_layer":2,"n_head":4,"n_positions":32`,
	"opt":     `"hidden_size":24,"ffn_dim":40,"num_hidden_layers":2,"num_attention_heads":4,"max_position_embeddings":32`,
	"chatglm": `"add_qkv_bias":true,"padded_vocab_size":29,"hidden_size":24,"ffn_hidden_size":40,"num_layers":2,"num_attention_heads":4,"kv_channels":8,"multi_query_attention":true,"multi_query_group_num":2,"seq_length":32`,
}

// TestAdapterFamilies trains LoRA beside every linear of a model of each family for three steps, and compares the loss of the training graph
// with the model's with the adapter beside it and merged.
func TestAdapterFamilies(t *testing.T) {
	random, checked := rand.New(rand.NewPCG(4, 0)), 0
	tokens := make([][]int32, 2)
	for i := range tokens {
		for range 13 {
			tokens[i] = append(tokens[i], int32(random.IntN(29)))
		}
	}
	for family, fields := range families {
		c, err := transformer.ParseConfig([]byte(`{"model_type":"` + family + `","vocab_size":29,` + fields + `}`))
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "model")
		if err := transformer.SaveTensors(t.Context(), dir, c, c.Init(3), "F32", nil); err != nil {
			t.Fatal(err)
		}
		m, err := transformer.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		a, err := NewLoRA(m.Dense(), LoRA{Rank: 2})
		if err != nil {
			t.Fatal(err)
		}
		stir(a, 1)
		opt := TrainOptions{Steps: 3, Held: tokens, EvalEvery: 3}
		trained, result, err := Recover(t.Context(), m.Dense(), a, func(int) Batch { return Batch{Tokens: tokens} }, opt, nil)
		if err != nil || len(a.Sides) != len(m.Linears()) || !(result.Losses[2] < result.Losses[0]) {
			t.Fatalf("%s: %v", family, err)
		}
		for _, apply := range []func(*transformer.Variant) (*transformer.Variant, error){trained.Apply, trained.Merge} {
			v, err := apply(m.Dense())
			if err != nil {
				t.Fatal(err)
			}
			if got := lossOf(t, v, adapterOracle{tokens: map[string][][]int32{"heldout": tokens}}); !(math.Abs(got-result.Held[0].Loss) < 3e-6) {
				t.Errorf("%s: expected loss %v, found %v", family, result.Held[0].Loss, got)
			}
			checked++
		}
		adapter := filepath.Join(t.TempDir(), "adapter")
		if err := trained.Save(adapter); err != nil {
			t.Fatal(err)
		}
		back, err := LoadAdapter(adapter, m.Dense())
		config, readErr := readPEFTConfig(filepath.Join(adapter, AdapterConfig))
		if err != nil || readErr != nil || config.FanInFanOut != (family == "gpt2") || back.LoRA.FanInFanOut != config.FanInFanOut {
			t.Errorf("%s: fan_in_fan_out is not %v: %v, %v", family, family == "gpt2", err, readErr)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	if checked != 14 {
		t.Errorf("checked %d", checked)
	}
}

// TestDropout draws the masks of a step: the right share is left out, the rest is scaled, branches and seeds differ, one seed gives one mask.
func TestDropout(t *testing.T) {
	p, _, _ := keptTraining("")
	p.Dropout = 0.25
	b, err := gomlxops.Backend()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	masks, err := graph.NewExec(b, func(in []*graph.Node) (all []*graph.Node) {
		w := transformer.Weights{}
		for name := range p.Trained {
			a := p.Trained[name]
			w[name] = graph.BroadcastToDims(graph.Reshape(graph.ReduceAllSum(in[1]), 1, 1), a.Shape...)
		}
		p.mask(inputs{tokens: in[0], random: in[2]}, w)
		names = nil
		for _, l := range p.Config.Linears() {
			names = append(names, l.Name)
			all = append(all, w[transformer.SideMask(l.Name, "")])
		}
		return all
	})
	if err != nil {
		t.Fatal(err)
	}
	draw := func(seed int64) (all [][]float32) {
		random, err := graph.RNGStateFromSeed(seed)
		if err != nil {
			t.Fatal(err)
		}
		out, err := masks.Call(tensors.FromFlatDataAndDimensions(make([]int32, 8*65), 8, 65), tensors.FromValue([]float32{0}), random)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out {
			all = append(all, tensors.MustCopyFlatData[float32](m))
		}
		return all
	}
	first, again, other := draw(1), draw(1), draw(2)
	for i, mask := range first {
		zeros := 0
		for _, v := range mask {
			if v == 0 {
				zeros++
			} else if math.Abs(float64(v)-4.0/3) > 1e-6 {
				t.Fatalf("expected 0 or 4/3, found %v", v)
			}
		}
		if share := float64(zeros) / float64(len(mask)); math.Abs(share-0.25) > 0.03 || len(mask) < 8000 {
			t.Errorf("%s: %v of %d are left out", names[i], share, len(mask))
		}
		if !slices.Equal(mask, again[i]) || slices.Equal(mask, other[i]) || i > 0 && slices.Equal(mask, first[i-1]) {
			t.Errorf("%s: masks repeat where they should not, or differ where they should not", names[i])
		}
	}
	if len(first) != 14 {
		t.Errorf("%d masks", len(first))
	}
}

// TestDropoutTrains sees dropout leave the first loss alone, where B is zero, and change those behind it; evaluations have none.
func TestDropoutTrains(t *testing.T) {
	var losses [2][]float64
	for i, share := range []float64{0, 0.5} {
		p, next, opt := keptTraining("")
		p.Dropout, opt.Steps, opt.EvalEvery, opt.Patience = share, 3, 1, 0
		result, err := Tune(t.Context(), p, next, opt, nil)
		if err != nil {
			t.Fatal(err)
		}
		losses[i] = result.Losses
	}
	if losses[0][0] != losses[1][0] || losses[0][2] == losses[1][2] {
		t.Errorf("without dropout %v, with it %v", losses[0], losses[1])
	}
}
