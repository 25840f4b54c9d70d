package importance

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Options choose how gradients are collected. The zero value works.
type Options struct {
	Data     string            // digest of the data that the sequences come from, kept in the result; may be empty
	Batch    int               // sequences in one call of the graph; 0 lets the stream choose
	Keep     []string          // weights, by name, whose gradients Taylor keeps in full; two float32 for each number
	Recorder gomlxops.Recorder // told of progress; nil keeps nothing
	// Tables has Taylor score the embedding and the head too: two float32 more for each of their numbers, and of a head that is tied to the
	// embedding for as long as the pass takes.
	Tables bool
}

// Collect runs each sequence (token ids, all of one length, at least two) forward and backward through the dense model, and
// returns the [Fisher] sums.
//
// Gradients are float32; squares and sums are float64. Errors: sequences that the model cannot run, a linear that is not held
// dense, a gradient that is not finite; that one names linear and sequence. Cancelling ctx stops before the next call.
//
// Memory is what the reverse stream needs, see [transformer.Variant.Backward]. Cost: three forward passes, and for each sequence the gradients of all
// weights, a product as large as the forward pass's.
func Collect(ctx context.Context, m *transformer.Model, sequences [][]int32, opt Options) (*Fisher, error) {
	f, err := collect(ctx, m, sequences, opt)
	if err != nil {
		return nil, fmt.Errorf("cannot collect gradients: %w", err)
	}
	return f, nil
}

func collect(ctx context.Context, m *transformer.Model, sequences [][]int32, opt Options) (*Fisher, error) {
	f, err := prepare(m, opt)
	if err != nil {
		return nil, err
	}
	r := &fisherReader{fisher: f, places: placesOf(m.Dense()), n: len(sequences)}
	p, err := newProbe(r)
	if err != nil {
		return nil, err
	}
	if _, err := m.Dense().Backward(ctx, sequences, p, transformer.RunOptions{Batch: opt.Batch, Recorder: opt.Recorder}); err != nil {
		return nil, err
	}
	f.Tokens, f.Sequences, f.Length = digestTokens(sequences), len(sequences), len(sequences[0])
	return f, nil
}

// prepare returns sums of nothing, described and sized.
func prepare(m *transformer.Model, opt Options) (*Fisher, error) {
	digest, err := m.Digest()
	if err != nil {
		return nil, err
	}
	f := &Fisher{Model: digest, Data: opt.Data}
	for _, l := range m.Linears() {
		if form, replaced := m.Dense().Form(l.Name); replaced {
			return nil, fmt.Errorf("%s: the model holds it %s, not dense; take the model that it was made from", l.Name, form.Name())
		}
		f.Linears = append(f.Linears, &Sums{Linear: l})
	}
	return f, nil
}

// fisherReader keeps the sums of one layer's squared gradients.
type fisherReader struct {
	fisher *Fisher
	places map[spot]int
	n      int // sequences

	open map[int]*margins // by number of the linear
}

func (r *fisherReader) wants(p transformer.Place) bool { return !isNorm(p) && !isTable(p) }

func (r *fisherReader) embedded(transformer.Seen, int, []float32) {}

func (r *fisherReader) sink(s transformer.Seen, rows, columns int) sink {
	at := r.places[spot{s.Layer, s.Place}]
	if r.open[at] == nil {
		if r.open == nil {
			r.open = map[int]*margins{}
		}
		r.open[at] = newMargins(rows, columns)
	}
	return r.open[at]
}

// Finish takes the means over sequences of a layer's sums.
func (r *fisherReader) Finish(int) error {
	for at, sums := range r.open {
		s := r.fisher.Linears[at]
		delete(r.open, at)
		s.Row, s.Col = sums.row, sums.cols()
		for _, v := range [][]float64{s.Row, s.Col} {
			for i := range v {
				if v[i] /= float64(r.n); math.IsNaN(v[i]) || math.IsInf(v[i], 0) {
					return fmt.Errorf("%s: the squared gradient sums to %v, which is not finite", s.Linear.Name, v[i])
				}
			}
		}
	}
	return nil
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
