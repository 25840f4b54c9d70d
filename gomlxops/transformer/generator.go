package transformer

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/parelab/pare/gomlxops/internal/matvec"
)

// Generator reads one sequence token by token and knows, after each, what may come next. It keeps the keys and values of all tokens, so that
// a token costs one pass over the weights.
//
// The prompt goes through the blocks as a graph, as in [Variant.Stream]; lengths are filled up to a few sizes, so that few graphs
// are built. What comes behind goes through the blocks on the host, in float32, whatever the backend: a token reads every weight once and
// does little with it, and the host reads the mapped file as it is, in 16 bits where the file has them, without a copy. So
// weights need no memory beyond the page cache, but for forms that are in memory anyway. Keys and values take
// 8·layers·KV heads·head dim bytes a token.
//
// Logits are those of [Variant.Logits] for the same tokens, to rounding, with one exception: under dynamic scaling of
// positions, beyond the length first trained on. There the prompt turns by its own length, and each later token by its place, while
// the keys before it stay as they are, as in Hugging Face transformers; to turn them again, all blocks would have to run anew.
//
// A Generator is for one goroutine, and as long as its model is open. Several of one variant may run at once.
type Generator struct {
	v      *Variant
	c      *Config
	blocks []stepBlock
	final  stepNorm
	head   stepMatrix
	tables []view // embeddings
	rotary layerRotary
	memory []memory // of each block
	length int      // tokens read
	hidden []float32
	logits []float32
	known  bool // logits are those of hidden
}

// ErrNoRoom is what [Generator.Step] returns when the model has no position left.
var ErrNoRoom = errors.New("the model has no position left")

// Generator reads a prompt of at least one token. Unusable tokens, weights and activations that are not finite, and a
// cancelled ctx are errors.
func (v *Variant) Generator(ctx context.Context, prompt []int32) (*Generator, error) {
	c := v.m.config
	if longest := c.Longest(); len(prompt) > longest {
		return nil, fmt.Errorf("the prompt has %d tokens, the model takes %d (max_position_embeddings): shorten the prompt", len(prompt), longest)
	}
	if err := CheckTokens([][]int32{prompt}, c); err != nil {
		return nil, fmt.Errorf("the prompt: %w", err)
	}
	g := &Generator{v: v, c: c, memory: make([]memory, c.Layers), logits: make([]float32, c.VocabSize), hidden: make([]float32, c.HiddenSize)}
	if err := g.load(); err != nil {
		return nil, err
	}
	if err := g.read(ctx, prompt); err != nil {
		return nil, err
	}
	return g, nil
}

// Len is the number of tokens read.
func (g *Generator) Len() int { return g.length }

// Room is how many more tokens can be read.
func (g *Generator) Room() int { return g.c.Longest() - g.length }

// Logits returns what the next token may be, [vocabulary]. The slice is used again after the next Step.
func (g *Generator) Logits() ([]float32, error) {
	if g.known {
		return g.logits, nil
	}
	x := make([]float32, len(g.hidden))
	g.final.apply(g.c, x, g.hidden)
	g.head.times(g.logits, x)
	if at := firstBad(g.logits); at >= 0 {
		return nil, fmt.Errorf("the logit of token %d is %v behind position %d: the final norm or the head leads out of float32's range", at, g.logits[at], g.length-1)
	}
	g.known = true
	return g.logits, nil
}

// Step reads one more token. After an error the Generator is as it was before.
func (g *Generator) Step(ctx context.Context, token int32) error {
	if g.Room() < 1 {
		return fmt.Errorf("%w: it takes %d tokens (max_position_embeddings)", ErrNoRoom, g.c.Longest())
	}
	if token < 0 || int(token) >= g.c.VocabSize {
		return fmt.Errorf("position %d: expected a token in the range from 0 to %d, found %d", g.length, g.c.VocabSize-1, token)
	}
	h, err := g.embed(token)
	if err != nil {
		return err
	}
	turn := g.rotary.at(g.c, g.length)
	for l := range g.blocks {
		if err := ctx.Err(); err != nil {
			return err
		}
		g.step(l, h, turn)
		if at := firstBad(h); at >= 0 {
			return fmt.Errorf("layer %d: the activations are %v at position %d, channel %d: the model's weights, or a form that replaces one of them, lead out of float32's range", l, h[at], g.length, at)
		}
	}
	g.hidden, g.known = h, false
	g.length++
	return nil
}

// embed looks a token up.
func (g *Generator) embed(token int32) ([]float32, error) {
	h := make([]float32, g.c.HiddenSize)
	if err := g.v.m.row(g.tables[0], int(token), h); err != nil || len(g.tables) == 1 {
		return h, err
	}
	place := make([]float32, g.c.HiddenSize)
	err := g.v.m.row(g.tables[1], g.length+g.c.Positions.Offset, place)
	addTo(h, place)
	return h, err
}

// step takes h, [hidden], the token at position g.length, through block l. See [decoder.block] for the formula.
func (g *Generator) step(l int, h []float32, turn quarterTurns) {
	b, c := &g.blocks[l], g.c
	x := make([]float32, c.HiddenSize)
	b.inputNorm.apply(c, x, h)
	q, k, v := b.linears[Query].times(x), b.linears[Key].times(x), b.linears[Value].times(x)
	if b.queryNorm != nil {
		headNorm(c, q, b.queryNorm)
		headNorm(c, k, b.keyNorm)
	}
	turn.apply(q, c.HeadDim)
	turn.apply(k, c.HeadDim)
	g.memory[l].add(g.length, k, v, c.HeadDim)
	o := make([]float32, len(q))
	g.memory[l].attend(o, q, max(0, g.length+1-b.window(g.length+1)), g.length+1, c.HeadDim)
	addTo(h, b.linears[Output].times(o))
	b.mlpNorm.apply(c, x, h)
	mid := b.linears[Up].times(x)
	f := activationOf(c.activation())
	if c.Block.Ungated {
		for i, u := range mid {
			mid[i] = float32(f(float64(u)))
		}
	} else {
		for i, gate := range b.linears[Gate].times(x) {
			mid[i] *= float32(f(float64(gate)))
		}
	}
	addTo(h, b.linears[Down].times(mid))
}

// activationOf is the function that [layer.Activation] names, for one number.
func activationOf(name string) func(x float64) float64 {
	switch name {
	case ReLU:
		return func(x float64) float64 { return max(x, 0) }
	case GELU:
		return func(x float64) float64 { return x * (1 + math.Erf(x/math.Sqrt2)) / 2 }
	case GELUTanh:
		return func(x float64) float64 {
			return x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))) / 2
		}
	}
	return func(x float64) float64 { return x / (1 + math.Exp(-x)) }
}

// memory is what a block remembers of the tokens read: keys and values of each key/value head, [tokens, head dim].
type memory struct{ keys, values [][]float32 }

// add writes the keys and values, [KV heads · head dim], of the token at position t, behind those of the tokens before it.
func (m *memory) add(t int, k, v []float32, hd int) {
	if m.keys == nil {
		m.keys, m.values = make([][]float32, len(k)/hd), make([][]float32, len(k)/hd)
	}
	for i := range m.keys {
		m.keys[i] = append(m.keys[i][:t*hd], k[i*hd:(i+1)*hd]...)
		m.values[i] = append(m.values[i][:t*hd], v[i*hd:(i+1)*hd]...)
	}
}

// attend is attention of the queries q, [heads · head dim], to the tokens from, …, to−1; o is like q. See [layer.Attention] for the formula.
func (m *memory) attend(o, q []float32, from, to, hd int) {
	heads, n := len(q)/hd, to-from
	rep := heads / len(m.keys)
	e := make([]float32, n)
	for i := range heads {
		keys := matvec.Of(m.keys[i/rep][from*hd:to*hd], n, hd)
		values := matvec.Of(m.values[i/rep][from*hd:to*hd], n, hd)
		keys.Times(e, q[i*hd:(i+1)*hd])
		normalize(e, 1/math.Sqrt(float64(hd)))
		values.TransposedTimes(o[i*hd:(i+1)*hd], e)
	}
}

// normalize turns scores into exp(scale·score) over their sum.
func normalize(s []float32, scale float64) {
	most := s[0]
	for _, v := range s {
		most = max(most, v)
	}
	sum := 0.0
	for i, v := range s {
		e := math.Exp(scale * float64(v-most))
		s[i] = float32(e)
		sum += e
	}
	for i := range s {
		s[i] = float32(float64(s[i]) / sum)
	}
}
