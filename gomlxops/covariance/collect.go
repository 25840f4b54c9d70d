package covariance

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Options choose how calibration runs. The zero value takes one group.
type Options struct {
	Groups   int               // groups of consecutive sequences; 0 means 1. It must divide the number of sequences
	Batch    int               // sequences in one call of the graph; 0 lets the stream choose. Never more than one group
	Data     string            // digest of the data that the sequences come from, kept in the result; may be empty
	Recorder gomlxops.Recorder // told of progress; nil keeps nothing

	// File, where not empty, is where the result is saved, as by [Moments.Save], and where it lies while it is made: in the page cache and
	// not in the heap, so that the moments of all layers may be larger than memory. It appears when all of it is there.
	File string

	Checkpoint Checkpoint // where an interrupted pass continues; nowhere by default
}

// Collect streams sequences (token ids, all of one length) once through v and returns the moments of every site.
//
// Errors: no sequences, Groups that do not divide them, sequences that the model cannot run, and activations that are not
// finite; that one names layer, site, sequence and token. Memory: d² float64 halves per site, or those of few layers at a time with a
// File, and what the stream needs.
// The products are float32 within a batch and float64 between batches, so that the result depends on how sequences fall
// into batches by about 1e-6 of the scatter. With a [Checkpoint], batches do not depend on where a pass was interrupted, and the
// result has the same bits as without interruption.
//
// Cost beside the forward pass: at each site half a product of 2·tokens·d² operations, and a pass over x; the package comment has the share and
// times. On an accelerator the products are whole ones, inside the graph. BenchmarkCollect measures both.
func Collect(ctx context.Context, v *transformer.Variant, sequences [][]int32, opt Options) (*Moments, error) {
	m, draft, err := prepare(v, sequences, opt)
	if err != nil {
		return nil, fmt.Errorf("cannot calibrate: %w", err)
	}
	if err := m.fill(ctx, v, sequences, opt); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot calibrate: %w", err), draft.discard())
	}
	return m, draft.commit(m)
}

// fill takes the sequences through the model.
func (m *Moments) fill(ctx context.Context, v *transformer.Variant, sequences [][]int32, opt Options) error {
	p, err := newProbe(m)
	if err != nil {
		return err
	}
	pass := &pass{v: v, sequences: sequences, opt: opt, m: m, probe: p, stage: "calibrate"}
	if opt.Checkpoint.Path != "" {
		err = pass.resumable(ctx)
	} else {
		err = pass.run(ctx, 0, m.Groups)
	}
	if err != nil {
		return err
	}
	return m.complete()
}

// newProbe returns what fills m on this process's backend.
func newProbe(m *Moments) (*probe, error) {
	b, err := gomlxops.Backend()
	if err != nil {
		return nil, err
	}
	p := &probe{stats: make(map[place]*Stats, len(m.Stats)), perGroup: m.Sequences / m.Groups, length: m.Length, inGraph: !gomlxops.IsGo(b)}
	for _, s := range m.Stats {
		p.stats[place{s.Layer, s.Site}] = s
	}
	return p, nil
}

// prepare returns moments of nothing, described and sized for v, and the draft that they lie in, if any.
func prepare(v *transformer.Variant, sequences [][]int32, opt Options) (*Moments, *draft, error) {
	m, err := describe(v, sequences, opt)
	if err != nil {
		return nil, nil, err
	}
	for _, l := range v.Model().Linears() {
		if _, err := m.Site(l.Layer, l.Kind.Site()); err != nil {
			m.Stats = append(m.Stats, outline(l.Layer, l.Kind.Site(), l.In, m.Groups))
		}
	}
	if opt.File != "" {
		d, err := m.draft(opt.File)
		return m, d, err
	}
	for _, s := range m.Stats {
		s.allocate()
	}
	return m, nil, nil
}

// describe returns moments that say what they are of, without sites.
func describe(v *transformer.Variant, sequences [][]int32, opt Options) (*Moments, error) {
	n, groups := len(sequences), max(opt.Groups, 1)
	switch {
	case n == 0:
		return nil, fmt.Errorf("sequences: expected at least one, found none")
	case opt.Groups < 0:
		return nil, fmt.Errorf("groups: expected a positive number, found %d", opt.Groups)
	case n%groups != 0:
		return nil, fmt.Errorf("groups: expected a divisor of %d, the number of sequences, found %d; take %d groups or %d sequences",
			n, groups, divisorBelow(n, groups), (n+groups-1)/groups*groups)
	case len(sequences[0])*n/groups < 2:
		return nil, fmt.Errorf("sequences: expected at least two tokens in a group, found %d", len(sequences[0])*n/groups)
	}
	digest, err := v.Model().Digest()
	if err != nil {
		return nil, err
	}
	m := &Moments{
		Model: digest, Data: opt.Data, Tokens: digestTokens(sequences),
		Sequences: n, Length: len(sequences[0]), Groups: groups,
	}
	own := v.Model().Dense() // what the directory holds as factors itself is in its digest
	for _, l := range v.Model().Linears() {
		form, replaced := v.Form(l.Name)
		if was, _ := own.Form(l.Name); replaced && form != was {
			m.Replaced++
		}
	}
	return m, nil
}

// complete says whether every site saw every token.
func (m *Moments) complete() error {
	for _, s := range m.Stats {
		if n := s.Count(); n != m.Sequences*m.Length {
			return fmt.Errorf("layer %d, %s: expected %d tokens, found %d", s.Layer, s.Site, m.Sequences*m.Length, n)
		}
	}
	return nil
}

// divisorBelow returns the largest divisor of n that is at most k.
func divisorBelow(n, k int) int {
	for d := min(n, k); d > 1; d-- {
		if n%d == 0 {
			return d
		}
	}
	return 1
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
