package importance

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Options choose how gradients are collected.
type Options struct {
	Data     string            // digest of the data that the sequences come from, kept in the result; may be empty
	Recorder gomlxops.Recorder // told of progress; nil keeps nothing
}

// Collect runs each sequence (token ids, all of one length, at least two) forward and backward through the dense model, and
// returns the [Fisher] sums.
//
// Gradients are float32; squares and sums are float64. Errors: sequences that the model cannot run, a linear that is not held
// dense, a gradient that is not finite; that one names sequence and linear. Cancelling ctx stops between two sequences.
//
// This is the simple way: one graph of the whole model, compiled once, with all weights and their gradients in memory, about 12
// bytes a weight and the activations of one sequence. A reverse pass that streams the blocks will take its place behind this
// signature and give the same numbers. Cost: three forward passes for each sequence.
func Collect(ctx context.Context, m *transformer.Model, sequences [][]int32, opt Options) (*Fisher, error) {
	f, err := prepare(m, sequences, opt)
	if err != nil {
		return nil, fmt.Errorf("cannot collect gradients: %w", err)
	}
	b, err := gomlxops.Backend()
	if err != nil {
		return nil, err
	}
	g, err := newGradients(b, m)
	if err != nil {
		return nil, fmt.Errorf("cannot collect gradients: %w", err)
	}
	defer g.close()
	rec := gomlxops.OrDiscard(opt.Recorder)
	for n, s := range sequences {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := g.add(f, s); err != nil {
			return nil, fmt.Errorf("cannot collect gradients: sequence %d: %w", n, err)
		}
		rec.Progress("gradients", n+1, len(sequences))
	}
	return f, nil
}

// prepare returns sums of nothing, described and sized.
func prepare(m *transformer.Model, sequences [][]int32, opt Options) (*Fisher, error) {
	if err := transformer.CheckTokens(sequences, m.Config()); err != nil {
		return nil, err
	}
	length := len(sequences[0])
	for n, s := range sequences {
		if len(s) != length || length < 2 {
			return nil, fmt.Errorf("sequence %d: expected at least 2 tokens, and as many as the first sequence has (%d), found %d", n, length, len(s))
		}
	}
	digest, err := m.Digest()
	if err != nil {
		return nil, err
	}
	f := &Fisher{Model: digest, Data: opt.Data, Tokens: digestTokens(sequences), Sequences: len(sequences), Length: length}
	for _, l := range m.Linears() {
		if form, replaced := m.Dense().Form(l.Name); replaced {
			return nil, fmt.Errorf("%s: the model holds it %s, not dense; take the model that it was made from", l.Name, form.Name())
		}
		f.Linears = append(f.Linears, &Sums{l, make([]float64, l.Out), make([]float64, l.In)})
	}
	return f, nil
}

// gradients is the compiled graph with the weights that it runs on.
type gradients struct {
	exec    *graph.Exec
	weights []*tensors.Tensor
}

func newGradients(b compute.Backend, m *transformer.Model) (*gradients, error) {
	g := &gradients{}
	c, names := m.Config(), []string{}
	for _, s := range c.TensorShapes() {
		w, shape, err := m.Float32(s.Name)
		if err != nil {
			return nil, err
		}
		names, g.weights = append(names, s.Name), append(g.weights, tensors.FromFlatDataAndDimensions(w, shape...))
	}
	var err error
	g.exec, err = graph.NewExec(b, func(in []*graph.Node) []*graph.Node { return sumsGraph(c, names, in) })
	return g, err
}

// sumsGraph returns, for each linear, the row and the column sums of its squared gradient, in float64. in are the tokens,
// int32 [1, T], and the weights by names.
func sumsGraph(c *transformer.Config, names []string, in []*graph.Node) []*graph.Node {
	w := make(transformer.Weights, len(names))
	for i, name := range names {
		w[name] = in[i+1]
	}
	var of []*graph.Node
	for _, l := range c.Linears() {
		of = append(of, w[l.Name+".weight"])
	}
	var sums []*graph.Node
	for _, grad := range graph.Gradient(c.Loss(in[0], w), of...) {
		square := graph.Square(graph.ConvertDType(grad, dtypes.Float64)) // before the square: small ones vanish in float32
		sums = append(sums, graph.ReduceSum(square, 1), graph.ReduceSum(square, 0))
	}
	return sums
}

// add runs one sequence and adds its share of the mean to f.
func (g *gradients) add(f *Fisher, sequence []int32) error {
	args := []any{tensors.FromFlatDataAndDimensions(sequence, 1, len(sequence))}
	for _, w := range g.weights {
		args = append(args, w)
	}
	sums, err := g.exec.Call(args...)
	if err != nil {
		return err
	}
	defer func() {
		for _, s := range sums {
			_ = s.FinalizeAll()
		}
	}()
	for i, s := range f.Linears {
		for k, to := range [][]float64{s.Row, s.Col} {
			from, err := tensors.CopyFlatData[float64](sums[2*i+k])
			if err != nil {
				return err
			}
			if err := addMean(to, from, f.Sequences); err != nil {
				return fmt.Errorf("%s: %w", s.Linear.Name, err)
			}
		}
	}
	return nil
}

func addMean(to, from []float64, n int) error {
	for i, v := range from {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("the squared gradient sums to %v, which is not finite", v)
		}
		to[i] += v / float64(n)
	}
	return nil
}

func (g *gradients) close() {
	g.exec.Finalize()
	for _, w := range g.weights {
		_ = w.FinalizeAll()
	}
}

// digestTokens is the SHA-256 of the sequences: for each its length and ids, little-endian uint32.
func digestTokens(sequences [][]int32) string {
	h := sha256.New()
	var b []byte
	for _, s := range sequences {
		b = binary.LittleEndian.AppendUint32(b[:0], uint32(len(s)))
		for _, id := range s {
			b = binary.LittleEndian.AppendUint32(b, uint32(id))
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))
}
