package transformer

import (
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"

	"github.com/parelab/pare/gomlxops/internal/oracle"
)

// decoderTwin is one of the decoders in twin_test.go.
type decoderTwin interface {
	run(w weightsOf, tokens []int32) (hidden []rows, logits rows)
}

// familyCase is a config.json as a family's published files have it, with small sizes, and the twin that knows what it means.
type familyCase struct {
	name   string
	config string
	length int // of the sequences
	twin   decoderTwin
}

const (
	smallSizes = `"vocab_size":37,"hidden_size":24,"intermediate_size":20,"num_hidden_layers":3,"num_attention_heads":4,"max_position_embeddings":32,"hidden_act":"silu"`
	smallGQA   = smallSizes + `,"num_key_value_heads":2`
	smallLlama = `{"model_type":"llama","architectures":["LlamaForCausalLM"],"rms_norm_eps":1e-05,"rope_theta":500000.0,` + smallGQA
)

func everywhere(window int) func(int) int { return func(int) int { return window } }

// smallTwin is the twin of smallSizes.
func smallTwin(eps, theta float64, change func(m *llamaTwin)) llamaTwin {
	m := llamaTwin{layers: 3, hd: 6, eps: eps, freq: plainFreq(theta, 6), scale: 1, window: everywhere(0), head: "lm_head"}
	if change != nil {
		change(&m)
	}
	return m
}

// familyCases lists every family and setting that the reference models do not have.
func familyCases() []familyCase {
	scaled := func(freq []float64, scale float64) llamaTwin {
		return smallTwin(1e-5, 500000, func(m *llamaTwin) { m.freq, m.scale = freq, scale })
	}
	return []familyCase{
		{"llama, biases", smallLlama + `,"attention_bias":true,"mlp_bias":true}`, 19, smallTwin(1e-5, 500000, nil)},
		{"llama, linear", smallLlama + `,"rope_scaling":{"type":"linear","factor":4.0}}`, 40, scaled(linearFreq(500000, 6, 4), 1)},
		{"llama, dynamic, short", smallLlama + `,"rope_scaling":{"type":"dynamic","factor":2.0}}`, 20, scaled(plainFreq(500000, 6), 1)},
		{"llama, dynamic, long", smallLlama + `,"rope_scaling":{"type":"dynamic","factor":2.0}}`, 50, scaled(dynamicFreq(500000, 6, 2, 32, 50), 1)},
		{"llama, llama3", smallLlama + `,"rope_scaling":{"factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":1000,"rope_type":"llama3"}}`, 30,
			scaled(llama3Freq(500000, 6, 8, 1, 4, 1000), 1)},
		{"llama, yarn", smallLlama + `,"rope_scaling":{"factor":4.0,"original_max_position_embeddings":32,"type":"yarn"}}`, 60,
			scaled(yarnFreq(500000, 6, 4, 32, 1, 32, true), 0.1*math.Log(4)+1)},
		{"llama, yarn, all keys", smallLlama + `,"rope_scaling":{"rope_type":"yarn","factor":40,"original_max_position_embeddings":4096,"beta_fast":48,"beta_slow":2,"mscale":0.7,"mscale_all_dim":1.0,"truncate":false}}`, 30,
			scaled(yarnFreq(500000, 6, 40, 48, 2, 4096, false), (0.1*0.7*math.Log(40)+1)/(0.1*math.Log(40)+1))},
		{"llama, rope_parameters", strings.Replace(smallLlama, `"rope_theta":500000.0,`, "", 1) + `,"rope_parameters":{"rope_theta":10000.0,"rope_type":"yarn","factor":2.0,"original_max_position_embeddings":256,"attention_factor":1.25}}`, 30,
			smallTwin(1e-5, 0, func(m *llamaTwin) { m.freq, m.scale = yarnFreq(10000, 6, 2, 32, 1, 256, true), 1.25 })},
		{"mistral, window", `{"model_type":"mistral","architectures":["MistralForCausalLM"],"rms_norm_eps":1e-05,"rope_theta":10000.0,"sliding_window":5,` + smallGQA + `}`, 19,
			smallTwin(1e-5, 10000, func(m *llamaTwin) { m.window = everywhere(5) })},
		{"qwen2", `{"model_type":"qwen2","architectures":["Qwen2ForCausalLM"],"rms_norm_eps":1e-06,"rope_theta":1000000.0,"use_sliding_window":false,"sliding_window":4,"max_window_layers":1,"tie_word_embeddings":true,` + smallGQA + `}`, 19,
			smallTwin(1e-6, 1000000, func(m *llamaTwin) { m.head = "model.embed_tokens" })},
		{"qwen2, windows", `{"model_type":"qwen2","rms_norm_eps":1e-06,"rope_theta":1000000.0,"use_sliding_window":true,"sliding_window":4,"max_window_layers":1,` + smallGQA + `}`, 19,
			smallTwin(1e-6, 1000000, func(m *llamaTwin) { m.window = func(l int) int { return []int{0, 4, 4}[l] } })},
		{"qwen2, layer types", `{"architectures":["Qwen2ForCausalLM"],"rope_theta":1000000.0,"use_sliding_window":true,"sliding_window":4,"layer_types":["sliding_attention","full_attention","sliding_attention"],` + smallGQA + `}`, 19,
			smallTwin(1e-6, 1000000, func(m *llamaTwin) { m.window = func(l int) int { return []int{4, 0, 4}[l] } })},
		{"qwen3", `{"model_type":"qwen3","architectures":["Qwen3ForCausalLM"],"attention_bias":false,"head_dim":8,"rms_norm_eps":1e-06,"rope_theta":1000000,"use_sliding_window":false,"sliding_window":null,"max_window_layers":3,` + smallGQA + `}`, 19,
			smallTwin(1e-6, 0, func(m *llamaTwin) { m.hd, m.freq, m.headNorms = 8, plainFreq(1000000, 8), true })},
		{"opt", `{"model_type":"opt","architectures":["OPTForCausalLM"],"activation_function":"relu","do_layer_norm_before":true,"_remove_final_layer_norm":false,"ffn_dim":40,"word_embed_proj_dim":24,"prefix":"</s>",` +
			`"vocab_size":37,"hidden_size":24,"num_hidden_layers":3,"num_attention_heads":4,"max_position_embeddings":32,"bos_token_id":2,"eos_token_id":2,"torch_dtype":"float32"}`, 19,
			optTwin{3, 6}},
	}
}

// livelyWeights are random weights of which each has a say: norms not 1, biases not 0, matrices large enough for attention to choose.
func livelyWeights(c *Config, seed uint64) map[string][]float32 {
	rng := rand.New(rand.NewPCG(seed, 7))
	all := map[string][]float32{}
	for _, s := range c.TensorShapes() {
		mean, deviation := 0.0, 0.3
		if len(s.Shape) == 1 && strings.HasSuffix(s.Name, ".weight") {
			mean = 1
		}
		values := make([]float32, s.Elements())
		for i := range values {
			values[i] = float32(mean + deviation*rng.NormFloat64())
		}
		all[s.Name] = values
	}
	return all
}

// open makes the case's model with lively weights.
func (f familyCase) open(t *testing.T, seed uint64) *Model {
	t.Helper()
	c, err := ParseConfig([]byte(f.config))
	if err != nil {
		t.Fatal(err)
	}
	return saveTensorsAndOpen(t, c, livelyWeights(c, seed))
}

func randomTokens(rng *rand.Rand, c *Config, n, length int) [][]int32 {
	all := make([][]int32, n)
	for i := range all {
		for range length {
			all[i] = append(all[i], int32(rng.IntN(c.VocabSize)))
		}
	}
	return all
}

// Every family against its twin, which reads the file by itself: residual streams and the loss in float64, logits as they are streamed.
func TestFamiliesMatchTheirTwins(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, f := range familyCases() {
		t.Run(f.name, func(t *testing.T) {
			m := f.open(t, seed)
			sequences := randomTokens(rand.New(rand.NewPCG(seed, 8)), m.Config(), 2, f.length)
			w := weightsOf(oracle.ReadTensors(t, filepath.Join(m.Dir(), weightsName)))
			hidden, logits, loss := twinOf(f.twin, w, sequences)
			for i, got := range hiddenOf(t, m, dtypes.Float64, sequences)[:len(hidden)] {
				if off := relative(hidden[i], got); !(off <= 1e-9) {
					t.Errorf("residual stream after %d layers is off by %.2g", i, off)
				}
			}
			for _, style := range styles {
				got, _ := styledLoss(t, m.Config(), style, asTensors(t, m, dtypes.Float64), sequences, nil)
				if !(math.Abs(got/loss-1) <= 1e-9) {
					t.Errorf("%+v: loss %v, want %v", style, got, loss)
				}
			}
			got, err := m.Dense().Logits(t.Context(), sequences)
			if err != nil {
				t.Fatal(err)
			}
			if off := relative(logits, widened(got)); !(off <= float32Relative) {
				t.Errorf("logits are off by %.2g", off)
			}
		})
	}
}

// twinOf runs sequences through a twin: the residual streams and logits, each of all sequences together, and the mean loss.
func twinOf(twin decoderTwin, w weightsOf, sequences [][]int32) (hidden [][]float64, logits []float64, loss float64) {
	predictions := 0
	for _, tokens := range sequences {
		streams, rows := twin.run(w, tokens)
		if hidden == nil {
			hidden = make([][]float64, len(streams))
		}
		for i, h := range streams {
			hidden[i] = append(hidden[i], slices.Concat(h...)...)
		}
		logits = append(logits, slices.Concat(rows...)...)
		for t, row := range rows[:len(rows)-1] {
			sum := 0.0
			for _, v := range row {
				sum += math.Exp(v - row[tokens[t+1]])
			}
			loss += math.Log(sum)
			predictions++
		}
	}
	return hidden, logits, loss / float64(predictions)
}

// Gradients of every tensor of every family, in float64, by differences.
func TestFamilyGradients(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, f := range familyCases() {
		if strings.Contains(f.name, "dynamic") || strings.Contains(f.name, "linear") {
			continue // other frequencies, nothing else
		}
		m := f.open(t, seed)
		c := m.Config()
		sequences := randomTokens(rand.New(rand.NewPCG(seed, 9)), c, 2, 12)
		var names []string
		for _, s := range c.TensorShapes() {
			names = append(names, s.Name)
		}
		checkGradients(t, c, asTensors(t, m, dtypes.Float64), sequences, names, seed)
	}
}

// A configuration is saved as it was read: by the family's names, and with what pare does not use.
func TestFamilyConfigsRoundTrip(t *testing.T) {
	seen := map[string]bool{}
	check := func(name string, text []byte) {
		c, err := ParseConfig(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		seen[c.ModelType] = true
		saved, err := c.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.checkSaid(saved); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		before, _ := readObject(text, "what was read")
		after, _ := readObject(saved, "what was saved")
		now := map[string]string{}
		for _, m := range after {
			now[m.name] = strings.Join(strings.Fields(string(m.value)), "")
		}
		for _, m := range before {
			old := strings.Join(strings.Fields(string(m.value)), "")
			if got, ok := now[m.name]; old != "null" && (!ok || !sameJSON(got, old)) {
				t.Errorf("%s: %s was %s and is saved as %q", name, m.name, old, got)
			}
		}
	}
	for _, f := range familyCases() {
		check(f.name, []byte(f.config))
	}
	for _, name := range allOracleModels {
		m := openOracle(t, name)
		text := readFile(t, filepath.Join(m.Dir(), "config.json"))
		check(name, text)
	}
	if missing := slices.DeleteFunc(Families(), func(f string) bool { return seen[f] }); len(missing) > 0 || len(seen) < 7 {
		t.Errorf("no configuration of %v was checked, of %v some", missing, slices.Sorted(maps.Keys(seen)))
	}
}

// sameJSON takes 1e-05 and 1e-5, or 10000 and 10000.0, for the same.
func sameJSON(a, b string) bool {
	never := func(_, _, _ string) {}
	return a == b || parseNumber("", []byte(a), never) == parseNumber("", []byte(b), never) && a != "true" && b != "false" && !strings.HasPrefix(b, `"`)
}

// What a family's configuration may say that is not computed is refused by the family's name for it.
func TestFamiliesRefuse(t *testing.T) {
	gpt2 := `{"model_type":"gpt2","vocab_size":16,"n_embd":8,"n_layer":1,"n_head":2,"n_positions":32`
	opt := `{"model_type":"opt","vocab_size":16,"hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"ffn_dim":12,"max_position_embeddings":32`
	glm := `{"model_type":"chatglm","padded_vocab_size":16,"hidden_size":8,"num_layers":1,"num_attention_heads":2,"ffn_hidden_size":12,"seq_length":32,"kv_channels":4`
	qwen2 := strings.Replace(plain, "llama", "qwen2", 1) + `,"use_sliding_window":true,"max_window_layers":0`
	for text, field := range map[string]string{
		gpt2 + `,"n_head":3}`: "n_head",
		strings.Replace(gpt2, `"n_head":2`, `"n_head":3`, 1) + `}`:                           "n_head",
		gpt2 + `,"scale_attn_weights":false}`:                                                "scale_attn_weights",
		gpt2 + `,"scale_attn_by_inverse_layer_idx":true}`:                                    "scale_attn_by_inverse_layer_idx",
		gpt2 + `,"layer_norm_epsilon":2}`:                                                    "layer_norm_epsilon",
		gpt2 + `,"activation_function":"mish"}`:                                              "activation_function",
		gpt2 + `,"n_inner":-3}`:                                                              "n_inner",
		opt + `,"do_layer_norm_before":false}`:                                               "do_layer_norm_before",
		opt + `,"word_embed_proj_dim":4}`:                                                    "word_embed_proj_dim",
		opt + `,"_remove_final_layer_norm":true}`:                                            "_remove_final_layer_norm",
		glm + `,"rmsnorm":false}`:                                                            "rmsnorm",
		glm + `,"apply_residual_connection_post_layernorm":true}`:                            "apply_residual_connection_post_layernorm",
		glm + `,"post_layer_norm":false}`:                                                    "post_layer_norm",
		glm + `,"rope_ratio":"x"}`:                                                           "rope_ratio",
		glm + `,"rope_ratio":-1}`:                                                            "rope_ratio",
		glm + `,"_name_or_path":"THUDM/chatglm2-6b-32k","rope_ratio":4}`:                     "rope_ratio",
		glm + `,"quantization_bit":4}`:                                                       "quantization_bit",
		glm + `,"multi_query_attention":true,"multi_query_group_num":3}`:                     "multi_query_group_num",
		strings.Replace(glm, `"kv_channels":4`, `"kv_channels":6`, 1) + `}`:                  "channels",
		strings.Replace(qwen2, `"max_window_layers":0`, `"max_window_layers":null`, 1) + `}`: "max_window_layers",
		qwen2 + `,"sliding_window":0}`:                                                       "sliding_window",
		qwen2 + `,"layer_types":["chunked_attention"]}`:                                      "layer_types",
		qwen2 + `,"layer_types":[]}`:                                                         "layer_types",
		strings.Replace(plain, "llama", "mistral", 1) + `,"mlp_bias":true}`:                  "mlp_bias",
	} {
		if _, err := ParseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: expected an error with %s, found %v", text, field, err)
		}
	}
	if c, err := ParseConfig([]byte(glm + `,"rope_ratio":500}`)); err != nil || c.RopeTheta != 5e6 {
		t.Errorf("GLM-4's rope_ratio: %v", err)
	}
	_, err := ParseConfig([]byte(`{"architectures":["MambaForCausalLM"]}`))
	for _, f := range Families() {
		if err == nil || !strings.Contains(err.Error(), f) {
			t.Errorf("the error does not name %s: %v", f, err)
		}
	}
}

// A configuration put together by hand that its family's file cannot say is not saved as something else.
func TestSaveRefusesWhatTheFileCannotSay(t *testing.T) {
	c := openOracle(t, "mha").Config()
	for part, change := range map[string]func(c *Config){
		"Block":     func(c *Config) { c.Block.LayerNorm = true },
		"Positions": func(c *Config) { c.Positions.Windows = []int{1, 1, 1} },
	} {
		strange := *c
		change(&strange)
		if err := SaveTensors(t.Context(), filepath.Join(t.TempDir(), "x"), &strange, strange.Init(1), "F32", nil); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v", part, err)
		}
	}
}
