package recovery

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
)

// twin is AdamW with clipping in plain float64, written from the equations.
type twin struct {
	p, m, v []float64
	decay   float64
}

func (w *twin) update(a adamW, g []float64, step int, lr float64) {
	for i := range w.p {
		w.p[i] -= lr * w.decay * w.p[i]
		w.m[i] = a.beta1*w.m[i] + (1-a.beta1)*g[i]
		w.v[i] = a.beta2*w.v[i] + (1-a.beta2)*g[i]*g[i]
		mean := w.m[i] / (1 - math.Pow(a.beta1, float64(step)))
		square := w.v[i] / (1 - math.Pow(a.beta2, float64(step)))
		w.p[i] -= lr * mean / (math.Sqrt(square) + a.epsilon)
	}
}

// The made-up problem: loss = ½ Σ h (p − k)² over a matrix [3,4] and a vector [5], k being the tokens, so that each step pulls elsewhere.
func quadratic(in inputs, w transformer.Weights) *graph.Node {
	tokens := in.tokens
	pull := func(p *graph.Node) *graph.Node {
		n := p.Shape().Size()
		k := graph.ConvertDType(graph.Slice(tokens, graph.AxisElem(0), graph.AxisRange(0, n)), p.DType())
		h := graph.AddScalar(graph.Iota(p.Graph(), p.Shape(), p.Rank()-1), 1)
		d := graph.Sub(p, graph.Reshape(k, p.Shape().Dimensions...))
		return graph.MulScalar(graph.ReduceAllSum(graph.Mul(h, graph.Square(d))), 0.5)
	}
	return graph.Add(pull(w["matrix"]), pull(w["vector"]))
}

func (w *twin) gradient(tokens []int32, lastDim int) (g []float64, square float64) {
	g = make([]float64, len(w.p))
	for i := range g {
		g[i] = float64(i%lastDim+1) * (w.p[i] - float64(tokens[i]))
		square += g[i] * g[i]
	}
	return g, square
}

// TestAdamWMatchesTwin takes 20 steps with decay and clipping in both, and compares parameters and norms.
func TestAdamWMatchesTwin(t *testing.T) {
	const seed, steps, clipNorm = 5, 20, 30
	a := adamW{0.9, 0.99, 1e-8, 0.1}
	rng := rand.New(rand.NewPCG(seed, 0))
	matrix, vector := newTwin(rng, 12, a.decay), newTwin(rng, 5, 0)
	s := newTestStepper(t, quadratic, a, clipNorm, []string{"matrix", "vector"},
		tensors.FromFlatDataAndDimensions(single(matrix.p), 3, 4), tensors.FromFlatDataAndDimensions(single(vector.p), 5))
	clipped := 0
	for step := 1; step <= steps; step++ {
		tokens := make([]int32, 12)
		for i := range tokens {
			tokens[i] = int32(rng.IntN(9) - 4)
		}
		lr := 0.05 / float64(step)
		gm, sm := matrix.gradient(tokens, 4)
		gv, sv := vector.gradient(tokens, 5)
		norm := math.Sqrt(sm + sv)
		scale := math.Min(1, clipNorm/(norm+1e-6))
		if scale < 1 {
			clipped++
		}
		for _, g := range [][]float64{gm, gv} {
			for i := range g {
				g[i] *= scale
			}
		}
		matrix.update(a, gm, step, lr)
		vector.update(a, gv, step, lr)
		_, got, err := s.take([]piece{{tokens: [][]int32{tokens}}}, lr)
		if err != nil || math.Abs(got-norm) > 1e-5*norm {
			t.Fatalf("seed %d, step %d: expected norm %v, found %v, %v", seed, step, norm, got, err)
		}
	}
	if clipped == 0 || clipped == steps {
		t.Errorf("%d of %d steps were clipped; the test should see both kinds", clipped, steps)
	}
	got := s.copies()
	compare(t, "matrix", matrix.p, got["matrix"])
	compare(t, "vector", vector.p, got["vector"])
}

func newTwin(rng *rand.Rand, n int, decay float64) *twin {
	w := &twin{make([]float64, n), make([]float64, n), make([]float64, n), decay}
	for i := range w.p {
		w.p[i] = float64(float32(rng.NormFloat64()))
	}
	return w
}

func newTestStepper(t *testing.T, loss lossFunc, a adamW, clipNorm float64, names []string, weights ...*tensors.Tensor) *stepper {
	t.Helper()
	return newLoadedStepper(t, &loaded{names: names, trained: weights, loss: loss}, a, clipNorm)
}

func newLoadedStepper(t *testing.T, l *loaded, a adamW, clipNorm float64) *stepper {
	t.Helper()
	b, err := gomlxops.Backend()
	if err != nil {
		t.Fatal(err)
	}
	s, err := newStepper(b, l, a, clipNorm)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

func single(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}

// compare allows 1e-5: 20 steps of float32 arithmetic on numbers of about 1.
func compare(t *testing.T, what string, want []float64, got []float32) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("%s: expected %d numbers, found %d", what, len(want), len(got))
	}
	for i := range want {
		if math.Abs(want[i]-float64(got[i])) > 1e-5 {
			t.Errorf("%s[%d]: expected %v, found %v", what, i, want[i], got[i])
		}
	}
}

// TestClipOff sees the gradients unchanged where clipping is off: one AdamW step is blind to scale, plain sums are not.
func TestClipOff(t *testing.T) {
	b, err := gomlxops.Backend()
	if err != nil {
		t.Fatal(err)
	}
	for most, want := range map[float64]float64{-1: 30, 0: 30, 50: 30, 25: 15} {
		sum, err := graph.NewExec(b, func(x *graph.Node) *graph.Node {
			clipped, _ := clip([]*graph.Node{x, graph.MulScalar(x, 2)}, most)
			return graph.ReduceAllSum(graph.Add(clipped[0], clipped[1]))
		})
		if err != nil {
			t.Fatal(err)
		}
		// ‖(x, 2x)‖ = √5 ‖x‖ = 50.
		x := []float64{10 * math.Sqrt(5) * 0.8, 10 * math.Sqrt(5) * 0.6}
		out, err := sum.Call(tensors.FromValue(x))
		if err != nil {
			t.Fatal(err)
		}
		whole := 3 * (x[0] + x[1])
		if got := tensors.ToScalar[float64](out[0]) / whole * 30; math.Abs(got-want) > 1e-5 {
			t.Errorf("clip at %v: expected %v, found %v", most, want, got)
		}
	}
}
