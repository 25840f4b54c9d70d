package layer

import (
	"cmp"
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops"
)

// build is one piece in a given style: from the inputs to one output.
type build func(s Style, in []*Node) *Node

// twin compares the manual form of a piece with the plain one: value, and the gradient of a random weighting of the output
// with respect to every input, in float64 and in float32.
func twin(t *testing.T, b build, dims ...[]int) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, c := range []struct {
		dtype dtypes.DType
		tol   float64 // relative to the largest number of the array; some 10^3 roundings of the type
	}{{dtypes.Float64, 1e-12}, {dtypes.Float32, 1e-4}} {
		rng := rand.New(rand.NewPCG(seed, 1))
		var in []*tensors.Tensor
		for _, d := range dims {
			in = append(in, random(rng, c.dtype, d))
		}
		plain, manual := run(t, b, Style{}, in), run(t, b, Style{Manual: true}, in)
		if len(plain) != 1+len(dims) {
			t.Fatalf("%d results for %d inputs", len(plain), len(dims))
		}
		for i := range plain {
			compare(t, fmt.Sprintf("%s result %d", c.dtype, i), plain[i], manual[i], c.tol)
		}
	}
}

// run returns the piece's value and the gradient for each input, as float64.
func run(t *testing.T, b build, s Style, in []*tensors.Tensor) [][]float64 {
	t.Helper()
	be, err := gomlxops.Backend()
	if err != nil {
		t.Fatal(err)
	}
	exec, err := NewExec(be, func(in []*Node) []*Node {
		y := b(s, in)
		weights := Sin(MulScalar(ConvertDType(IotaFull(y.Graph(), y.Shape()), y.DType()), 0.7))
		out := append([]*Node{y}, Gradient(ReduceAllSum(Mul(y, weights)), in...)...)
		for i := range out {
			out[i] = ConvertDType(out[i], dtypes.Float64)
		}
		return out
	})
	if err != nil {
		t.Fatal(err)
	}
	args := make([]any, len(in))
	for i := range in {
		args[i] = in[i]
	}
	results, err := exec.Call(args...)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]float64
	for _, r := range results {
		out = append(out, tensors.MustCopyFlatData[float64](r))
	}
	return out
}

func random(rng *rand.Rand, dtype dtypes.DType, dims []int) *tensors.Tensor {
	n := 1
	for _, d := range dims {
		n *= d
	}
	wide, narrow := make([]float64, n), make([]float32, n)
	for i := range wide {
		wide[i] = rng.NormFloat64()
		narrow[i] = float32(wide[i])
	}
	if dtype == dtypes.Float64 {
		return tensors.FromFlatDataAndDimensions(wide, dims...)
	}
	return tensors.FromFlatDataAndDimensions(narrow, dims...)
}

// compare fails unless got is want within tol of want's largest magnitude, and unless want has something to compare.
func compare(t *testing.T, what string, want, got []float64, tol float64) {
	t.Helper()
	if len(want) == 0 || len(want) != len(got) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	scale, worst := 0.0, 0.0
	for i := range want {
		scale = max(scale, math.Abs(want[i]))
		if d := math.Abs(want[i] - got[i]); !(d <= worst) {
			worst = d
		}
	}
	if scale == 0 {
		t.Errorf("%s: all zero, nothing was compared", what)
	}
	if !(worst <= tol*scale) {
		t.Errorf("%s: differs by %.3g of %.3g, allowed %.3g", what, worst, scale, tol*scale)
	}
}

func TestRMSNorm(t *testing.T) {
	twin(t, func(s Style, in []*Node) *Node { return s.RMSNorm(in[0], in[1], 1e-5) }, []int{7, 12}, []int{12})
}

func TestLinear(t *testing.T) {
	twin(t, func(s Style, in []*Node) *Node { return s.Linear(in[0], in[1], in[2]) }, []int{7, 12}, []int{5, 12}, []int{5})
	twin(t, func(s Style, in []*Node) *Node { return s.Linear(in[0], in[1], nil) }, []int{7, 12}, []int{5, 12})
}

// Two linears that read one x must add their gradients.
// TestNarrowLinear compares a linear with a bfloat16 weight with loops over rounded numbers: what it gives, and the gradient by its input. That by its
// weight is rounded once more.
func TestNarrowLinear(t *testing.T) {
	const n, out, width, seed = 260, 5, 64, 7
	rng := rand.New(rand.NewPCG(seed, 1))
	in := []*tensors.Tensor{random(rng, dtypes.Float32, []int{n, width}), random(rng, dtypes.Float32, []int{out, width})}
	x, w, dy := rounded(in[0]), rounded(in[1]), make([]float64, n*out)
	for i := range dy {
		dy[i] = round(float32(math.Sin(float64(float32(i) * 0.7))))
	}
	want := [][]float64{make([]float64, n*out), make([]float64, n*width), make([]float64, out*width)}
	for i := range n {
		for o := range out {
			for k := range width {
				want[0][i*out+o] += x[i*width+k] * w[o*width+k]
				want[1][i*width+k] += dy[i*out+o] * w[o*width+k]
				want[2][o*width+k] += dy[i*out+o] * x[i*width+k]
			}
		}
	}
	for _, s := range []Style{{}, {Manual: true}} {
		got := run(t, func(s Style, in []*Node) *Node { return s.Linear(in[0], ConvertDType(in[1], dtypes.BFloat16), nil) }, s, in)
		for i, tol := range []float64{1e-6, 2e-3, 5e-3} { // a sine that lies between two bfloat16 may be rounded otherwise
			compare(t, fmt.Sprintf("%+v result %d", s, i), want[i], got[i], tol)
		}
	}
}

// rounded are the numbers of a float32 tensor as bfloat16.
func rounded(x *tensors.Tensor) (values []float64) {
	for _, v := range tensors.MustCopyFlatData[float32](x) {
		values = append(values, round(v))
	}
	return values
}

func round(v float32) float64 { return float64(bfloat16.FromFloat32(v).Float32()) }

func TestLinearsSharingAnInput(t *testing.T) {
	twin(t, func(s Style, in []*Node) *Node {
		return Mul(s.Linear(in[0], in[1], nil), s.Linear(in[0], in[2], nil))
	}, []int{7, 12}, []int{5, 12}, []int{5, 12})
}

func TestFactored(t *testing.T) {
	twin(t, func(s Style, in []*Node) *Node { return s.Factored(in[0], in[1], in[2], in[3]) },
		[]int{7, 12}, []int{5, 3}, []int{3, 12}, []int{5})
}

func TestLayerNorm(t *testing.T) {
	twin(t, func(s Style, in []*Node) *Node { return s.LayerNorm(in[0], in[1], in[2], 1e-5) }, []int{7, 12}, []int{12}, []int{12})
}

func TestActivations(t *testing.T) {
	for _, f := range []Activation{SiLU, ReLU, GELU, GELUTanh} {
		t.Run(string(f), func(t *testing.T) {
			twin(t, func(s Style, in []*Node) *Node { return s.Activate(f, in[0]) }, []int{7, 12})
			twin(t, func(s Style, in []*Node) *Node { return s.Gated(f, in[0], in[1]) }, []int{7, 12}, []int{7, 12})
		})
	}
}

// The activations against math's own functions, at ordinary numbers and far out.
func TestActivationValues(t *testing.T) {
	x := []float64{-40, -9, -3.3, -1, -0.1, 0, 0.2, 1, 2.5, 7, 40}
	for f, of := range map[Activation]func(x float64) float64{
		SiLU: func(x float64) float64 { return x / (1 + math.Exp(-x)) },
		ReLU: func(x float64) float64 { return math.Max(x, 0) },
		GELU: func(x float64) float64 { return x * math.Erfc(-x/math.Sqrt2) / 2 },
		GELUTanh: func(x float64) float64 {
			return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		},
	} {
		for _, s := range []Style{{}, {Manual: true}} {
			got := run(t, func(s Style, in []*Node) *Node { return s.Activate(f, in[0]) }, s, []*tensors.Tensor{tensors.FromFlatDataAndDimensions(x, 1, len(x))})
			for i, v := range x {
				tol := 1e-14
				if f == GELU {
					tol = 3e-7 // the Go backend's Erf is made for float32
				}
				if want := of(v); !(math.Abs(got[0][i]-want) <= tol*(1+math.Abs(want))) {
					t.Errorf("%s %+v at %v: %v, want %v", f, s, v, got[0][i], want)
				}
				if math.IsNaN(got[1][i]) {
					t.Errorf("%s %+v at %v: its slope is not a number", f, s, v)
				}
			}
		}
	}
}

// LayerNorm against its formula in loops, also where the mean is large next to the deviation.
func TestLayerNormAgainstLoops(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 4))
	const n, d, eps = 3, 10, 1e-5
	for _, shift := range []float64{0, 1e4} {
		in := []*tensors.Tensor{random(rng, dtypes.Float64, []int{n, d}), random(rng, dtypes.Float64, []int{d}), random(rng, dtypes.Float64, []int{d})}
		x, g, b := tensors.MustCopyFlatData[float64](in[0]), tensors.MustCopyFlatData[float64](in[1]), tensors.MustCopyFlatData[float64](in[2])
		var want []float64
		for r := range n {
			mean, variance := 0.0, 0.0
			for j := range d {
				x[r*d+j] += shift
				mean += x[r*d+j] / d
			}
			for j := range d {
				variance += (x[r*d+j] - mean) * (x[r*d+j] - mean) / d
			}
			for j := range d {
				want = append(want, (x[r*d+j]-mean)/math.Sqrt(variance+eps)*g[j]+b[j])
			}
		}
		in[0] = tensors.FromFlatDataAndDimensions(x, n, d)
		for _, s := range []Style{{}, {Manual: true}} {
			got := run(t, func(s Style, in []*Node) *Node { return s.LayerNorm(in[0], in[1], in[2], eps) }, s, in)[0]
			compare(t, fmt.Sprintf("shift %v %+v", shift, s), want, got, 1e-15*(1e3+10*shift))
		}
	}
}

func TestCrossEntropy(t *testing.T) {
	twin(t, func(s Style, in []*Node) *Node {
		target := Const(in[0].Graph(), []int32{3, 0, 10, 3, 5, 9, 1})
		return s.CrossEntropy(MulScalar(in[0], 3), target)
	}, []int{7, 11})
}

// A row whose logits are far apart and far from zero must neither overflow nor lose its loss.
func TestCrossEntropyOfLargeLogits(t *testing.T) {
	for _, s := range []Style{{}, {Manual: true}} {
		in := []*tensors.Tensor{tensors.FromFlatDataAndDimensions([]float32{1e4, -1e4, 0, 3e4, 3e4, 3e4}, 2, 3)}
		got := run(t, func(s Style, in []*Node) *Node {
			return s.CrossEntropy(in[0], Const(in[0].Graph(), []int32{1, 0}))
		}, s, in)
		want := []float64{2e4, math.Log(3)}
		for i, w := range want {
			if math.Abs(got[0][i]-w) > 1e-6*w {
				t.Errorf("%+v: row %d: %v, want %v", s, i, got[0][i], w)
			}
		}
		for i, g := range got[1] {
			if math.IsNaN(g) || math.IsInf(g, 0) {
				t.Errorf("%+v: gradient %d is %v", s, i, g)
			}
		}
	}
}

func attention(s Style, like *Node, d Dims, r Rotary) *Attention {
	return s.NewAttention(d, r, Constants(like, s.Tables(d, r)))
}

func TestRope(t *testing.T) {
	d := Dims{Batch: 2, Length: 5, Heads: 3, KVHeads: 3, HeadDim: 8}
	for _, r := range rotaries {
		twin(t, func(s Style, in []*Node) *Node { return attention(s, in[0], d, r).q.Apply(in[0]) }, []int{10, 24})
	}
}

// rotaries turn heads of 8 channels, or some of them.
var rotaries = []Rotary{
	{Freq: Frequencies(10000, 8)},
	{Freq: Frequencies(10000, 8), Scale: 1.3},
	{Freq: Frequencies(100, 4)},
	{Freq: Frequencies(100, 4), Interleaved: true},
	{Freq: Frequencies(100, 8), Interleaved: true, Scale: 0.7},
}

// Each pair is a complex number that turns by exp(i·t·f).
func TestRopeTurnsComplexNumbers(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	d := Dims{Batch: 2, Length: 5, Heads: 3, KVHeads: 3, HeadDim: 8}
	in := random(rand.New(rand.NewPCG(seed, 3)), dtypes.Float64, []int{10, 24})
	x := tensors.MustCopyFlatData[float64](in)
	for _, r := range rotaries {
		want := append([]float64(nil), x...)
		for row := range 10 {
			for head := range 3 {
				channel := x[row*24+head*8:][:8]
				for j, f := range r.Freq {
					a, b := j, j+len(r.Freq)
					if r.Interleaved {
						a, b = 2*j, 2*j+1
					}
					z := complex(channel[a], channel[b]) * cmplx.Exp(complex(0, float64(row%5)*f)) * complex(cmp.Or(r.Scale, 1), 0)
					want[row*24+head*8+a], want[row*24+head*8+b] = real(z), imag(z)
				}
			}
		}
		for _, s := range []Style{{}, {Manual: true}} {
			got := run(t, func(s Style, in []*Node) *Node { return attention(s, in[0], d, r).q.Apply(in[0]) }, s, []*tensors.Tensor{in})[0]
			compare(t, fmt.Sprintf("%+v %+v", r, s), want, got, 1e-12)
		}
	}
}

// The rotation keeps the product of a query and a key a function of their distance, and position 0 as it is.
func TestRopeIsRelative(t *testing.T) {
	d := Dims{Batch: 1, Length: 6, Heads: 1, KVHeads: 1, HeadDim: 4}
	for _, s := range []Style{{}, {Manual: true}} {
		one := []float64{0.3, -1.2, 0.7, 2}
		var rows []float64
		for range d.Length {
			rows = append(rows, one...)
		}
		got := run(t, func(s Style, in []*Node) *Node {
			return attention(s, in[0], d, Rotary{Freq: Frequencies(100, 4)}).q.Apply(in[0])
		}, s, []*tensors.Tensor{tensors.FromFlatDataAndDimensions(rows, 6, 4)})[0]
		compare(t, "position 0", one, got[:4], 0)
		dot := func(i, j int) (sum float64) {
			for c := range 4 {
				sum += got[i*4+c] * got[j*4+c]
			}
			return sum
		}
		compare(t, "distance 2", []float64{dot(0, 2), dot(1, 3), dot(2, 4)}, []float64{dot(3, 5), dot(3, 5), dot(3, 5)}, 1e-12)
		if math.Abs(dot(0, 2)-dot(0, 0)) < 1e-3 {
			t.Errorf("%+v: nothing was rotated", s)
		}
	}
}

func TestAttention(t *testing.T) {
	for _, d := range []Dims{
		{Batch: 1, Length: 2, Heads: 1, KVHeads: 1, HeadDim: 2},
		{Batch: 2, Length: 9, Heads: 4, KVHeads: 4, HeadDim: 6},
		{Batch: 3, Length: 17, Heads: 6, KVHeads: 2, HeadDim: 4},
		{Batch: 2, Length: 8, Heads: 4, KVHeads: 1, HeadDim: 8},
		{Batch: 2, Length: 17, Heads: 4, KVHeads: 2, HeadDim: 4, Window: 3},
		{Batch: 1, Length: 7, Heads: 2, KVHeads: 2, HeadDim: 2, Window: 2},
		{Batch: 2, Length: 517, Heads: 4, KVHeads: 2, HeadDim: 4},              // chunks, the last one shorter
		{Batch: 1, Length: 517, Heads: 2, KVHeads: 1, HeadDim: 4, Window: 140}, // over one chunk's end and less than two
	} {
		t.Run(fmt.Sprintf("%+v", d), func(t *testing.T) {
			n := d.Batch * d.Length
			twin(t, func(s Style, in []*Node) *Node {
				return attention(s, in[0], d, Rotary{Freq: Frequencies(10000, d.HeadDim)}).Apply(in[0], in[1], in[2])
			}, []int{n, d.Heads * d.HeadDim}, []int{n, d.KVHeads * d.HeadDim}, []int{n, d.KVHeads * d.HeadDim})
		})
	}
}

func TestChunksCoverTheSequence(t *testing.T) {
	for _, length := range []int{255, 256, 257, 1000, 1024, 4096} {
		size := chunkSize(Style{Manual: true}, length)
		if (length >= chunkFrom) != (size < length) {
			t.Errorf("length %d: chunks of %d", length, size)
		}
	}
}

// Scores that are hundreds apart, within a row and between the rows: softmax from the largest score of all and from each row's own, which
// the manual form takes when a row is too far below.
func TestAttentionOfLargeScores(t *testing.T) {
	d := Dims{Batch: 2, Length: 300, Heads: 4, KVHeads: 2, HeadDim: 4} // chunks
	n := d.Batch * d.Length
	for _, factor := range []float64{3, 30, 300} {
		twin(t, func(s Style, in []*Node) *Node {
			return attention(s, in[0], d, Rotary{}).Apply(MulScalar(in[0], factor), in[1], in[2])
		}, []int{n, d.Heads * d.HeadDim}, []int{n, d.KVHeads * d.HeadDim}, []int{n, d.KVHeads * d.HeadDim})
	}
}

// The plain form against the formula written out with loops: what both forms mean.
func TestAttentionAgainstLoops(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	for _, d := range []Dims{
		{Batch: 2, Length: 5, Heads: 4, KVHeads: 2, HeadDim: 2},
		{Batch: 2, Length: 5, Heads: 4, KVHeads: 2, HeadDim: 3, Window: 2},
		{Batch: 1, Length: 600, Heads: 2, KVHeads: 1, HeadDim: 2, Window: 170}, // chunks
	} {
		n, q, kv := d.Batch*d.Length, d.Heads*d.HeadDim, d.KVHeads*d.HeadDim
		in := []*tensors.Tensor{random(rng, dtypes.Float64, []int{n, q}), random(rng, dtypes.Float64, []int{n, kv}), random(rng, dtypes.Float64, []int{n, kv})}
		for _, s := range []Style{{}, {Manual: true}} {
			got := run(t, func(s Style, in []*Node) *Node {
				return attention(s, in[0], d, Rotary{}).Apply(in[0], in[1], in[2])
			}, s, in)[0]
			compare(t, fmt.Sprintf("%+v %+v", d, s), attentionByLoops(d, in), got, 1e-12)
		}
	}
}

// Keys that no query of a chunk sees are left out of its products.
func TestChunksLeaveOutWhatNoWindowShows(t *testing.T) {
	chunks := Style{Manual: true}.chunks(Dims{Length: 1024, Window: 100})
	if len(chunks) != 4 {
		t.Fatalf("%d chunks", len(chunks))
	}
	for _, c := range chunks {
		if want := max(0, c.lo-99); c.from != want {
			t.Errorf("queries from %d on are given keys from %d on, need those from %d on", c.lo, c.from, want)
		}
	}
}

func attentionByLoops(d Dims, in []*tensors.Tensor) []float64 {
	q, k, v := tensors.MustCopyFlatData[float64](in[0]), tensors.MustCopyFlatData[float64](in[1]), tensors.MustCopyFlatData[float64](in[2])
	at := func(x []float64, heads, b, t, h, c int) float64 { return x[((b*d.Length+t)*heads+h)*d.HeadDim+c] }
	var out []float64
	for b := range d.Batch {
		for t := range d.Length {
			for h := range d.Heads {
				g := h / (d.Heads / d.KVHeads)
				sum, o := 0.0, make([]float64, d.HeadDim)
				for u := 0; u <= t; u++ {
					if d.Window > 0 && t-u >= d.Window {
						continue
					}
					dot := 0.0
					for c := range d.HeadDim {
						dot += at(q, d.Heads, b, t, h, c) * at(k, d.KVHeads, b, u, g, c)
					}
					w := math.Exp(dot / math.Sqrt(float64(d.HeadDim)))
					sum += w
					for c := range o {
						o[c] += w * at(v, d.KVHeads, b, u, g, c)
					}
				}
				for c := range o {
					out = append(out, o[c]/sum)
				}
			}
		}
	}
	return out
}
