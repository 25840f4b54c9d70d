package transformer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops/internal/layer"
	"github.com/parelab/pare/gomlxops/internal/oracle"
)

// gradProbe is the plainest GradientProbe: for every place the gradient of each sequence, squared and not, added up.
type gradProbe struct {
	t        testing.TB
	sum      map[string][]float64 // "layer place": Σ over sequences of the gradient
	squares  map[string][]float64 // and of its square
	part     map[string][]float64 // of a sequence that comes in parts
	order    []int                // layers, as they were finished
	observed int
}

func newGradProbe(t testing.TB) *gradProbe {
	return &gradProbe{t: t, sum: map[string][]float64{}, squares: map[string][]float64{}, part: map[string][]float64{}}
}

// Graph returns the gradient of the weights for each sequence: a matrix of a dense linear (and its bias), the scale of a norm (and its bias).
func (p *gradProbe) Graph(t Tap) []*graph.Node {
	if t.Place == Embedding {
		return []*graph.Node{t.DY}
	}
	var out []*graph.Node
	perSequence := func(x *graph.Node) *graph.Node {
		return graph.Reshape(x, t.Sequences, x.Shape().Dim(0)/t.Sequences, x.Shape().Dim(1))
	}
	x, dy := perSequence(t.X), perSequence(t.DY)
	if t.Form != "" {
		out = append(out, graph.DotGeneral(dy, []int{1}, []int{0}, x, []int{1}, []int{0}))
	} else {
		out = append(out, graph.ReduceSum(graph.Mul(x, dy), 1))
	}
	if t.Form == formDense && len(t.Weights) > 1 || t.Form == "" && len(t.Weights) > 1 {
		out = append(out, graph.ReduceSum(dy, 1))
	}
	return out
}

func (p *gradProbe) Observe(s Seen, out []*tensors.Tensor) error {
	for i, t := range out {
		values, err := tensors.CopyFlatData[float32](t)
		if err != nil {
			return err
		}
		key := fmt.Sprintf("%d %s %d", s.Layer, s.Place, i)
		if s.Place == Embedding {
			p.sum[key] = append(p.sum[key], inFloat64(values)...)
			continue
		}
		size := len(values) / s.Sequences
		if p.sum[key] == nil {
			p.sum[key], p.squares[key] = make([]float64, size), make([]float64, size)
		}
		if s.Part == 0 {
			p.part[key] = make([]float64, len(values))
		}
		for j, v := range values {
			p.part[key][j] += float64(v)
		}
		if s.Part < s.Parts-1 {
			continue
		}
		for j, v := range p.part[key] {
			p.sum[key][j%size] += v
			p.squares[key][j%size] += v * v
		}
		p.observed++
	}
	return nil
}

func inFloat64(values []float32) []float64 {
	wide := make([]float64, len(values))
	for i, v := range values {
		wide[i] = float64(v)
	}
	return wide
}

func (p *gradProbe) Finish(layer int) error {
	p.order = append(p.order, layer)
	return nil
}

// backward runs the reverse stream in a style of its own.
func backward(t testing.TB, v *Variant, style layer.Style, sequences [][]int32, opt RunOptions) (*gradProbe, *reverse) {
	t.Helper()
	p := newGradProbe(t)
	r, err := v.newReverse(sequences, p, opt)
	if err != nil {
		t.Fatal(err)
	}
	r.style, r.graphs = style, &graphs{}
	if err := errors.Join(r.all(t.Context()), r.close()); err != nil {
		t.Fatal(err)
	}
	return p, r
}

// The reference has the gradient of each linear on "taylor", and the sum of squares of those of single sequences: float32, so 2e-4 as for
// the whole graph; squares are twice as far off.
func TestBackwardMatchesOracle(t *testing.T) {
	for _, name := range oracleModels {
		m := openOracle(t, name)
		stored := oracle.Tensors(t, "models/"+name+"/importance.safetensors")
		var want struct {
			Losses []float64 `json:"per_sample_loss"`
		}
		oracle.JSON(t, "models/"+name+"/importance.json", &want)
		sequences := oracleTokens(t, name, "taylor")
		for _, style := range styles {
			for _, batch := range []int{1, 4} {
				p, r := backward(t, m.Dense(), style, sequences, RunOptions{Batch: batch})
				worst, worstSquare := 0.0, 0.0
				for _, l := range m.Linears() {
					key := fmt.Sprintf("%d %s 0", l.Layer, l.Kind)
					got := slices.Clone(p.sum[key])
					for i := range got {
						got[i] /= float64(len(sequences))
					}
					worst = max(worst, relative(stored[l.Name+".grad"].Data, got))
					worstSquare = max(worstSquare, relative(stored[l.Name+".sqgrad_sum"].Data, p.squares[key]))
				}
				if !(worst <= 2e-4) || !(worstSquare <= 4e-4) {
					t.Errorf("%s %+v in batches of %d: gradients off by %.2g, squares by %.2g", name, style, batch, worst, worstSquare)
				}
				for i, sum := range r.losses.Sum {
					if d := sum/float64(r.losses.Predictions) - want.Losses[i]; !(math.Abs(d) < 1e-4) {
						t.Errorf("%s: loss of sequence %d off by %g", name, i, d)
					}
				}
				if order := append([]int(nil), p.order...); len(order) != m.Config().Layers+2 || !slices.IsSortedFunc(order, func(a, b int) int { return b - a }) {
					t.Errorf("%s: layers finished in the order %v", name, order)
				}
				t.Logf("%s %+v in batches of %d: gradients off by %.2g, squares by %.2g", name, style, batch, worst, worstSquare)
			}
		}
	}
}

// tapNames lists the weights at every place of a model in the order of a probe's outputs, by "layer place output".
func tapNames(c *Config) map[string]TensorShape {
	names := map[string]TensorShape{}
	norms := func(layer int, places []Place, all []TensorShape) {
		for _, place := range places {
			n := 1
			if c.Block.LayerNorm && (place == InputNorm || place == MLPNorm || place == FinalNorm) {
				n = 2
			}
			for i, s := range all[:n] {
				names[fmt.Sprintf("%d %s %d", layer, place, i)] = s
			}
			all = all[n:]
		}
	}
	for l := range c.Layers {
		places := []Place{InputNorm, MLPNorm}
		if c.Block.QKNorm {
			places = append(places, QueryNorm, KeyNorm)
		}
		norms(l, places, c.blockNorms(l))
		for _, k := range c.Kinds() {
			linear := c.linear(l, k)
			names[fmt.Sprintf("%d %s 0", l, k)] = linear.weight()
			if linear.Bias {
				names[fmt.Sprintf("%d %s 1", l, k)] = linear.bias()
			}
		}
	}
	norms(c.Layers, []Place{FinalNorm}, c.finalNorm())
	if !c.TieEmbeddings {
		names[fmt.Sprintf("%d head 0", c.Layers)] = c.head()
	}
	return names
}

// checkWhole compares the reverse stream's gradient at every place with those of Config.Loss in float64.
func checkWhole(t *testing.T, m *Model, sequences [][]int32, opt RunOptions) {
	t.Helper()
	var wanted, keys []string
	for key, s := range tapNames(m.Config()) {
		keys, wanted = append(keys, key), append(wanted, s.Name)
	}
	wanted = append(wanted, m.Config().embeddingName())
	_, grads := lossAndGradient(t, m.Config(), asTensors(t, m, dtypes.Float64), sequences, wanted)
	for _, style := range styles {
		p, _ := backward(t, m.Dense(), style, sequences, opt)
		p.scatter(m.Config(), sequences)
		worst := 0.0
		for i, key := range append(keys, "table") {
			got := slices.Clone(p.sum[key])
			for j := range got {
				got[j] /= float64(len(sequences))
			}
			off := relative(grads[i], got)
			if worst = max(worst, off); !(off <= 1e-4) {
				t.Errorf("%+v %s: gradient off by %.2g of its largest number", style, wanted[i], off)
			}
		}
		if len(keys) < 9 {
			t.Errorf("checked %d gradients", len(keys))
		}
		t.Logf("%+v: %d gradients, at most %.2g off", style, len(keys), worst)
	}
}

// scatter makes the gradient of the token table from that of the embedding, and of the head where it is the same.
func (p *gradProbe) scatter(c *Config, sequences [][]int32) {
	table := make([]float64, c.VocabSize*c.HiddenSize)
	if c.TieEmbeddings {
		copy(table, p.sum[fmt.Sprintf("%d head 0", c.Layers)])
	}
	for t, id := range slices.Concat(sequences...) {
		for j, v := range p.sum["-1 embedding 0"][t*c.HiddenSize : (t+1)*c.HiddenSize] {
			table[int(id)*c.HiddenSize+j] += v
		}
	}
	p.sum["table"] = table
}

func TestBackwardMatchesWholeGraph(t *testing.T) {
	for _, name := range oracleModels {
		m := openOracle(t, name)
		checkWhole(t, m, oracleTokens(t, name, "calib")[:5], RunOptions{Batch: 2})
	}
}

// A large vocabulary takes the head in pieces: parts of a sequence, or some whole sequences.
func TestBackwardHeadInPieces(t *testing.T) {
	m := openOracle(t, "mha")
	before := logitBytes
	defer func() { logitBytes = before }()
	for _, rows := range []int{5, 7, 50} { // of 24: with an overlap, without, two sequences at once
		logitBytes = rows * 4 * m.Config().VocabSize
		checkWhole(t, m, oracleTokens(t, "mha", "taylor")[:5], RunOptions{Batch: 3})
	}
}

// Pieces cover every row of a span once, and are within the bound.
func TestPieces(t *testing.T) {
	before := logitBytes
	defer func() { logitBytes = before }()
	for range 200 {
		count, length, most := 1+rand.IntN(9), 1+rand.IntN(40), 1+rand.IntN(120)
		logitBytes = most * 4 * 10
		seen := make([]int, count*length)
		for _, p := range pieces(count, length, 10) {
			if p.rows > max(most, 1) || p.first < 0 || p.first+p.rows > len(seen) || p.first > p.fresh || p.sequences > 1 && p.first != p.fresh {
				t.Fatalf("%d×%d in %d rows: %+v", count, length, most, p)
			}
			for row := p.fresh; row < p.first+p.rows; row++ {
				seen[row]++
			}
		}
		if slices.Min(seen) != 1 || slices.Max(seen) != 1 {
			t.Fatalf("%d×%d in %d rows: seen %v times", count, length, most, seen)
		}
	}
}

// Activations that do not fit in memory wait in a file, and give the same bits.
func TestBackwardFromFile(t *testing.T) {
	m := openOracle(t, "gqa")
	sequences := oracleTokens(t, "gqa", "calib")[:4]
	want, _ := backward(t, m.Dense(), layer.Style{Manual: true}, sequences, RunOptions{Batch: 1})
	for _, room := range []int64{0, 20_000} {
		p := newGradProbe(t)
		r, err := m.Dense().newReverse(sequences, p, RunOptions{Batch: 1})
		if err != nil {
			t.Fatal(err)
		}
		r.shelf.room = room
		if err := r.all(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r.shelf.file == nil || r.shelf.size < 4*32*64*4*2 {
			t.Errorf("room for %d: %d bytes in the file", room, r.shelf.size)
		}
		if err := r.close(); err != nil {
			t.Fatal(err)
		}
		for key := range want.sum {
			if !slices.Equal(p.sum[key], want.sum[key]) {
				t.Errorf("room for %d: %s differs", room, key)
			}
		}
	}
}

// One graph serves all blocks of one shape, and only calls of another size need another.
func TestBackwardBuildsEachGraphOnce(t *testing.T) {
	m := openOracle(t, "mha") // three layers
	sequences := oracleTokens(t, "mha", "calib")[:5]
	for batch, want := range map[int]int{5: 3, 3: 6} { // block, head and embedding; 3 + 2 are two sizes
		_, r := backward(t, m.Dense(), layer.Style{Manual: true}, sequences, RunOptions{Batch: batch})
		if r.back.built != want || r.graphs.built != want/3 {
			t.Errorf("batches of %d: %d graphs back and %d forward, want %d and %d", batch, r.back.built, r.graphs.built, want, want/3)
		}
	}
}

// A factored linear shows its own input and output gradient, so that ∂L/∂(BA) is that of a dense linear with the same product.
func TestBackwardFactored(t *testing.T) {
	m := openOracle(t, "gqa")
	sequences := oracleTokens(t, "gqa", "taylor")
	rng := rand.New(rand.NewPCG(5, 6))
	factored, dense := map[string]Form{}, map[string]Form{}
	for _, l := range m.Linears() {
		const rank = 5
		f := &Factored{Rank: rank, B: gauss(rng, l.Out*rank), A: gauss(rng, rank*l.In)}
		d := &Dense{Out: l.Out, In: l.In, W: make([]float32, l.Out*l.In)}
		for i := range d.W {
			for k := range rank {
				d.W[i] += f.B[i/l.In*rank+k] * f.A[k*l.In+i%l.In]
			}
		}
		factored[l.Name], dense[l.Name] = f, d
	}
	var probes []*gradProbe
	for _, forms := range []map[string]Form{factored, dense} {
		v, err := m.With(forms)
		if err != nil {
			t.Fatal(err)
		}
		p, _ := backward(t, v, layer.Style{Manual: true}, sequences, RunOptions{})
		probes = append(probes, p)
	}
	for key, want := range probes[1].sum {
		if off := relative(want, probes[0].sum[key]); !(off < 1e-3) {
			t.Errorf("%s: off by %.2g", key, off)
		}
	}
	if len(probes[1].sum) != 2*9+3 {
		t.Errorf("%d places", len(probes[1].sum))
	}
}

type brokenProbe struct {
	*gradProbe
	at Place
}

func (p brokenProbe) Observe(s Seen, out []*tensors.Tensor) error {
	if s.Place == p.at {
		return errProbe
	}
	return nil
}

func TestBackwardRefuses(t *testing.T) {
	m := openOracle(t, "gqa")
	sequences := oracleTokens(t, "gqa", "taylor")
	for place, want := range map[Place]string{Head: "layer 2, head", Place(Query): "layer 1, q_proj"} {
		if _, err := m.Dense().Backward(t.Context(), sequences, brokenProbe{newGradProbe(t), place}, RunOptions{}); !errors.Is(err, errProbe) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Dense().Backward(ctx, sequences, newGradProbe(t), RunOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := m.Dense().Backward(t.Context(), [][]int32{{1}}, newGradProbe(t), RunOptions{}); err == nil || !strings.Contains(err.Error(), "at least 2 tokens") {
		t.Errorf("one token: %v", err)
	}
	if _, err := m.Dense().Backward(t.Context(), sequences, nil, RunOptions{}); err == nil {
		t.Error("no probe")
	}
}
