package transformer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/internal/layer"
	"github.com/parelab/pare/gomlxops/internal/oracle"
)

// The reference models, and how well each element type must match them: ../testdata/oracle/README.md.
var (
	oracleModels    = []string{"mha", "gqa"} // of which it has gradients, moments and importances too
	allOracleModels = append(slices.Clone(oracleModels), "gpt2", "gpt2_hubnames", "chatglm")
	oracleTypes     = []struct {
		dtype dtypes.DType
		loss  float64 // absolute
		grad  float64 // relative to the gradient's largest number
	}{{dtypes.Float64, 1e-9, 1e-9}, {dtypes.Float32, 1e-4, 2e-4}}
)

var styles = []layer.Style{{Manual: true}, {Manual: false}}

// lossAndGradient runs Config.Loss on sequences and returns it with its gradient for the named weights, in dtype throughout.
func lossAndGradient(t testing.TB, c *Config, weights map[string]*tensors.Tensor, sequences [][]int32, wanted []string) (float64, [][]float64) {
	return styledLoss(t, c, layer.Style{Manual: true}, weights, sequences, wanted)
}

func styledLoss(t testing.TB, c *Config, style layer.Style, weights map[string]*tensors.Tensor, sequences [][]int32, wanted []string) (float64, [][]float64) {
	t.Helper()
	b, err := gomlxops.Backend()
	if err != nil {
		t.Fatal(err)
	}
	names, args := arguments(c, weights)
	exec, err := graph.NewExec(b, func(in []*graph.Node) []*graph.Node {
		w := Weights{}
		for i, name := range names {
			w[name] = in[i+1]
		}
		loss := c.loss(in[0], w, style)
		out := []*graph.Node{loss}
		if len(wanted) > 0 {
			var at []*graph.Node
			for _, name := range wanted {
				at = append(at, w[name])
			}
			out = append(out, graph.Gradient(loss, at...)...)
		}
		for i := range out {
			out[i] = graph.ConvertDType(out[i], dtypes.Float64)
		}
		return out
	})
	if err != nil {
		t.Fatal(err)
	}
	results, err := exec.Call(append([]any{tokenTensor(sequences)}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	var grads [][]float64
	for _, r := range results[1:] {
		grads = append(grads, tensors.MustCopyFlatData[float64](r))
	}
	return tensors.ToScalar[float64](results[0]), grads
}

func arguments(c *Config, weights map[string]*tensors.Tensor) (names []string, args []any) {
	for name, w := range weights {
		names, args = append(names, name), append(args, w)
	}
	return names, args
}

func tokenTensor(sequences [][]int32) *tensors.Tensor {
	var flat []int32
	for _, s := range sequences {
		flat = append(flat, s...)
	}
	return tensors.FromFlatDataAndDimensions(flat, len(sequences), len(sequences[0]))
}

// asTensors converts the model's weights to dtype.
func asTensors(t testing.TB, m *Model, dtype dtypes.DType) map[string]*tensors.Tensor {
	t.Helper()
	all := map[string]*tensors.Tensor{}
	for _, s := range m.Config().TensorShapes() {
		narrow, shape, err := m.Float32(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		if dtype == dtypes.Float32 {
			all[s.Name] = tensors.FromFlatDataAndDimensions(narrow, shape...)
			continue
		}
		wide := make([]float64, len(narrow))
		for i, v := range narrow {
			wide[i] = float64(v)
		}
		all[s.Name] = tensors.FromFlatDataAndDimensions(wide, shape...)
	}
	return all
}

func openOracle(t testing.TB, name string) *Model {
	t.Helper()
	m, err := Open(oracle.Path(t, "models/"+name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func oracleTokens(t testing.TB, model, batch string) [][]int32 {
	t.Helper()
	var all map[string][][]int32
	oracle.JSON(t, "models/"+model+"/tokens.json", &all)
	if len(all[batch]) == 0 {
		t.Fatalf("oracle: no batch %s of %s", batch, model)
	}
	return all[batch]
}

// forwardOracle is forward.json.
type forwardOracle struct {
	Loss            float64     `json:"loss"`
	LossPerSequence []float64   `json:"loss_per_sequence"`
	HeldoutLoss     float64     `json:"heldout_loss"`
	Argmax          [][]int     `json:"argmax"`
	HiddenNorms     []float64   `json:"hidden_norms"`
	HiddenSums      []float64   `json:"hidden_sums"`
	HiddenLast      [][]float64 `json:"hidden_last_token"`
	FinalNorm       float64     `json:"final_norm_output_norm"`
	LogitsMean      float64     `json:"logits_mean"`
	LogitsStd       float64     `json:"logits_std"`
	Logits          []struct {
		Batch  int       `json:"batch"`
		Pos    int       `json:"pos"`
		Values []float64 `json:"values"`
	} `json:"logits"`
	Long struct {
		Loss   float64   `json:"loss"`
		Logits []float64 `json:"last_logits"`
	} `json:"long"`
}

func TestLossMatchesOracle(t *testing.T) {
	for _, name := range allOracleModels {
		m := openOracle(t, name)
		var want forwardOracle
		oracle.JSON(t, "models/"+name+"/forward.json", &want)
		for _, ty := range oracleTypes {
			weights := asTensors(t, m, ty.dtype)
			for _, c := range []struct {
				batch string
				loss  float64
			}{{"forward", want.Loss}, {"long", want.Long.Loss}, {"heldout", want.HeldoutLoss}} {
				for _, style := range styles {
					got, _ := styledLoss(t, m.Config(), style, weights, oracleTokens(t, name, c.batch), nil)
					t.Logf("%s %s %s %+v: off by %.2g", name, c.batch, ty.dtype, style, got-c.loss)
					if c.loss == 0 || !(math.Abs(got-c.loss) <= ty.loss) {
						t.Errorf("%s %s %s %+v: loss %v, want %v within %v", name, c.batch, ty.dtype, style, got, c.loss, ty.loss)
					}
				}
			}
		}
	}
}

// Every decoder linear's gradient on the batch "taylor", in both forms: the one for the Go backend and the one for XLA.
func TestGradientMatchesOracle(t *testing.T) {
	for _, name := range oracleModels {
		m := openOracle(t, name)
		stored := oracle.Tensors(t, "models/"+name+"/importance.safetensors")
		var wanted []string
		for _, l := range m.Linears() {
			wanted = append(wanted, l.Name+".weight")
		}
		for _, ty := range oracleTypes {
			for _, style := range styles {
				_, grads := styledLoss(t, m.Config(), style, asTensors(t, m, ty.dtype), oracleTokens(t, name, "taylor"), wanted)
				checked, worst := 0, 0.0
				for i, l := range m.Linears() {
					want, ok := stored[l.Name+".grad"]
					if !ok {
						t.Fatalf("%s: the oracle has no gradient of %s", name, l.Name)
					}
					off := relative(want.Data, grads[i])
					worst = max(worst, off)
					if checked++; !(off <= ty.grad) {
						t.Errorf("%s %s %+v %s: gradient off by %.3g of its largest number, allowed %.3g", name, ty.dtype, style, l.Name, off, ty.grad)
					}
				}
				if checked != m.Config().Layers*len(Kinds) {
					t.Errorf("%s: %d gradients checked, want %d", name, checked, m.Config().Layers*len(Kinds))
				}
				t.Logf("%s %s %+v: %d gradients, at most %.2g off", name, ty.dtype, style, checked, worst)
			}
		}
	}
}

// relative returns the largest difference of got from want, relative to want's largest magnitude; +Inf for another length.
func relative(want, got []float64) float64 {
	if len(want) == 0 || len(want) != len(got) {
		return math.Inf(1)
	}
	scale, worst := 0.0, 0.0
	for i := range want {
		scale = max(scale, math.Abs(want[i]))
		if d := math.Abs(want[i] - got[i]); !(d <= worst) {
			worst = d
		}
	}
	return worst / scale
}

// What the reference does not hold: embedding, norms, biases and a separate head, and the linears too of models that it has no gradients
// of, by central differences in a random direction.
func TestGradientByDifferences(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, name := range allOracleModels {
		m := openOracle(t, name)
		known := slices.Contains(oracleModels, name)
		tokens := oracleTokens(t, name, map[bool]string{true: "taylor", false: "forward"}[known])
		weights := asTensors(t, m, dtypes.Float64)
		var names []string
		for _, s := range m.Config().TensorShapes() {
			if !known || !strings.HasSuffix(s.Name, "_proj.weight") {
				names = append(names, s.Name)
			}
		}
		if checked := checkGradients(t, m.Config(), weights, tokens, names, seed); checked < 2+2*m.Config().Layers {
			t.Errorf("%s: only %d gradients checked", name, checked)
		}
	}
}

// checkGradients compares the gradients of Config.Loss for the named weights, in Float64, with central differences.
func checkGradients(t *testing.T, c *Config, weights map[string]*tensors.Tensor, tokens [][]int32, names []string, seed uint64) (checked int) {
	t.Helper()
	_, grads := lossAndGradient(t, c, weights, tokens, names)
	loss := newLosser(t, c, weights)
	for i, name := range names {
		whole := weights[name]
		base := tensors.MustCopyFlatData[float64](whole)
		direction := randomDirection(seed, len(base))
		along := func(step float64) float64 {
			moved := make([]float64, len(base))
			for i := range base {
				moved[i] = base[i] + step*direction[i]
			}
			return loss(tokens, name, tensors.FromFlatDataAndDimensions(moved, whole.Shape().Dimensions...))
		}
		const step = 1e-5
		want, got := (along(step)-along(-step))/(2*step), 0.0
		for j, d := range direction {
			got += d * grads[i][j]
		}
		if !(math.Abs(want-got) <= 1e-7) { // the differences' own error: step² and rounding/step
			t.Errorf("%s %s: gradient along a direction %v, by differences %v", c.ModelType, name, got, want)
		}
		checked++
	}
	return checked
}

// newLosser compiles Config.Loss once, and returns it as a function that takes another value for one of the weights.
func newLosser(t *testing.T, c *Config, weights map[string]*tensors.Tensor) func(tokens [][]int32, name string, value *tensors.Tensor) float64 {
	t.Helper()
	b, err := gomlxops.Backend()
	if err != nil {
		t.Fatal(err)
	}
	names, args := arguments(c, weights)
	exec := graph.MustNewExec(b, func(in []*graph.Node) *graph.Node {
		w := Weights{}
		for i, name := range names {
			w[name] = in[i+1]
		}
		return c.loss(in[0], w, layer.Style{Manual: true})
	})
	return func(tokens [][]int32, name string, value *tensors.Tensor) float64 {
		with := append([]any{tokenTensor(tokens)}, args...)
		with[1+slices.Index(names, name)] = value
		results, err := exec.Call(with...)
		if err != nil {
			t.Fatal(err)
		}
		return tensors.ToScalar[float64](results[0])
	}
}

func randomDirection(seed uint64, n int) []float64 {
	rng := rand.New(rand.NewPCG(seed, 3))
	d, norm := make([]float64, n), 0.0
	for i := range d {
		d[i] = rng.NormFloat64()
		norm += d[i] * d[i]
	}
	for i := range d {
		d[i] /= math.Sqrt(norm)
	}
	return d
}

func TestLossNamesWhatIsWrong(t *testing.T) {
	m := openOracle(t, "mha")
	tokens := tokenTensor(oracleTokens(t, "mha", "forward"))
	b, err := gomlxops.Backend()
	if err != nil {
		t.Fatal(err)
	}
	call := func(weights map[string]*tensors.Tensor, tokens *tensors.Tensor) error {
		names, args := arguments(m.Config(), weights)
		exec := graph.MustNewExec(b, func(in []*graph.Node) *graph.Node {
			w := Weights{}
			for i, name := range names {
				w[name] = in[i+1]
			}
			return m.Config().Loss(in[0], w)
		})
		_, err := exec.Call(append([]any{tokens}, args...)...)
		return err
	}
	without := asTensors(t, m, dtypes.Float32)
	delete(without, "model.layers.1.mlp.up_proj.weight")
	wrong := asTensors(t, m, dtypes.Float32)
	wrong["model.norm.weight"] = tensors.FromFlatDataAndDimensions([]float32{1, 2}, 2)
	for _, c := range []struct {
		err  error
		want string
	}{
		{call(without, tokens), "model.layers.1.mlp.up_proj.weight is missing"},
		{call(wrong, tokens), "model.norm.weight: expected shape [48], found (Float32)[2]"},
		{call(asTensors(t, m, dtypes.Float32), tokenTensor([][]int32{{1}})), "nothing to predict"},
	} {
		if !strings.Contains(fmt.Sprint(c.err), c.want) {
			t.Errorf("error %v, want it to say %q", c.err, c.want)
		}
	}
}
