package transformer

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"
)

// identityFactors holds a linear exactly, as B = I, A = W or B = W, A = I, whichever has the smaller rank, with its bias.
func identityFactors(l Linear, w, bias []float32) *Factored {
	identity := func(n int) []float32 {
		id := make([]float32, n*n)
		for i := range n {
			id[i*n+i] = 1
		}
		return id
	}
	if l.Out <= l.In {
		if bias == nil {
			bias = make([]float32, l.Out)
		}
		return &Factored{Rank: l.Out, B: identity(l.Out), A: w, Bias: bias}
	}
	return &Factored{Rank: l.In, B: w, A: identity(l.In), Bias: bias}
}

func TestExactFactorsEqualDense(t *testing.T) {
	for _, name := range allOracleModels {
		m := openOracle(t, name)
		forms := map[string]Form{}
		for _, l := range m.Linears() {
			w, _, err := m.Float32(l.Name + ".weight")
			if err != nil {
				t.Fatal(err)
			}
			var bias []float32
			if l.Bias {
				if bias, _, err = m.Float32(l.Name + ".bias"); err != nil {
					t.Fatal(err)
				}
			}
			forms[l.Name] = identityFactors(l, w, bias)
		}
		v, err := m.With(forms)
		if err != nil {
			t.Fatal(err)
		}
		sequences := oracleTokens(t, name, "forward")
		dense, err := m.Dense().Logits(t.Context(), sequences)
		if err != nil {
			t.Fatal(err)
		}
		factored, err := v.Logits(t.Context(), sequences)
		if err != nil {
			t.Fatal(err)
		}
		if off := relative(widened(dense), widened(factored)); !(off <= 1e-6) {
			t.Errorf("%s: exact factors change the logits by %.2g", name, off)
		}
	}
}

// Factors of a different rank in every layer, and biases, against the dense products that they stand for.
func TestRanksMayDiffer(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 4))
	m := openOracle(t, "gqa")
	factored, products := map[string]Form{}, map[string]Form{}
	for _, l := range m.Linears() {
		f := &Factored{Rank: 3 + 2*l.Layer + len(l.Kind), B: gauss(rng, l.Out), A: nil, Bias: gauss(rng, l.Out)}
		f.B, f.A = gauss(rng, l.Out*f.Rank), gauss(rng, f.Rank*l.In)
		factored[l.Name], products[l.Name] = f, &Dense{Out: l.Out, In: l.In, W: multiplied(f, l), Bias: f.Bias}
	}
	sequences := oracleTokens(t, "gqa", "forward")[:2] // one a call
	var logits [2][]float32
	for i, forms := range []map[string]Form{factored, products} {
		v, err := m.With(forms)
		if err != nil {
			t.Fatal(err)
		}
		if logits[i], err = v.Logits(t.Context(), sequences); err != nil {
			t.Fatal(err)
		}
	}
	if off := relative(widened(logits[1]), widened(logits[0])); !(off <= float32Relative) {
		t.Errorf("logits of factors and of their products differ by %.2g", off)
	}
	if built := m.engine.graphs.built; built != 3+1 { // two factored blocks, one dense, one head
		t.Errorf("%d graphs were built for two factored shapes, one dense and one head", built)
	}
	dense, err := m.Dense().Logits(t.Context(), sequences)
	if err != nil {
		t.Fatal(err)
	}
	if relative(widened(dense), widened(logits[0])) < 0.01 {
		t.Error("replacing every linear changed nothing")
	}
}

func gauss(rng *rand.Rand, n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(rng.NormFloat64() * 0.1)
	}
	return values
}

func multiplied(f *Factored, l Linear) []float32 {
	w := make([]float32, l.Out*l.In)
	for i := range l.Out {
		for j := range l.In {
			sum := 0.0
			for k := range f.Rank {
				sum += float64(f.B[i*f.Rank+k]) * float64(f.A[k*l.In+j])
			}
			w[i*l.In+j] = float32(sum)
		}
	}
	return w
}

// A variant's answer must follow its weights: a graph that froze them, as GoMLX does with variables, would not.
func TestWeightsAreNotFrozen(t *testing.T) {
	m := openOracle(t, "mha")
	sequences := oracleTokens(t, "mha", "forward")
	l := m.Linears()[0]
	w, _, err := m.Float32(l.Name + ".weight")
	if err != nil {
		t.Fatal(err)
	}
	loss := func() float64 {
		v, err := m.With(map[string]Form{l.Name: &Dense{Out: l.Out, In: l.In, W: w}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.Losses(t.Context(), sequences, RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return got.mean()
	}
	before := loss()
	clear(w)
	if after := loss(); math.Abs(after-before) < 1e-4 {
		t.Errorf("loss %v before and %v after the first linear became zero", before, after)
	}
}

// The whole-graph loss takes the same forms as the stream, and both give the same loss for them.
func TestLossOfForms(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 5))
	m := openOracle(t, "gqa")
	weights := asTensors(t, m, dtypes.Float32)
	forms := map[string]Form{}
	for i, l := range m.Linears() {
		if i%3 == 0 {
			forms[l.Name] = &Dense{Out: l.Out, In: l.In, W: gauss(rng, l.Out*l.In), Bias: gauss(rng, l.Out)}
		} else {
			forms[l.Name] = &Factored{Rank: 5 + i, B: gauss(rng, l.Out*(5+i)), A: gauss(rng, (5+i)*l.In), Bias: gauss(rng, l.Out)}
		}
		delete(weights, l.Name+".weight")
		for part, p := range forms[l.Name].Parts() {
			values := make([]float32, p.Elements())
			if err := forms[l.Name].Read(part, values); err != nil {
				t.Fatal(err)
			}
			weights[l.Name+"."+p.Suffix] = tensors.FromFlatDataAndDimensions(values, p.Shape...)
		}
	}
	sequences := oracleTokens(t, "gqa", "heldout")
	v, err := m.With(forms)
	if err != nil {
		t.Fatal(err)
	}
	streamed, err := v.Losses(t.Context(), sequences, RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	whole, _ := lossAndGradient(t, m.Config(), weights, sequences, nil)
	if d := whole - streamed.mean(); !(math.Abs(d) <= float32Loss) {
		t.Errorf("whole-graph loss %v, streamed %v", whole, streamed.mean())
	}
}
