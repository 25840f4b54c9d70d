package export

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/export/gguf"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/internal/durable"
)

// FormatONNX is a directory with a graph and its weights.
const FormatONNX = "onnx"

// The files of the directory.
const (
	onnxModelName = "model.onnx"
	onnxDataName  = "model.onnx_data"
)

// ONNX writes v as a directory with model.onnx and the weights in model.onnx_data, operator set 17: input_ids [batch, sequence] to logits
// [batch, sequence, vocabulary], of any length, without a cache of keys and values. Factors stay factors, and layers keep their sizes. DType is "F32"
// (the default) or "F16", which is widened where it is used: arithmetic is float32.
//
// It is written here because GoMLX's own way to ONNX, github.com/gomlx/compute-onnx, runs graphs on ONNX Runtime's shared library, which must be
// there, and saves what it was built for: weights as inputs.
//
// Dynamic scaling of positions, which depends on the length of a text, is refused. The directory appears when all of it is on disk; on an error, and
// when ctx ends, nothing is left behind.
func ONNX(ctx context.Context, dir string, v *transformer.Variant, opt Options) (*Result, error) {
	kind, ok := map[string]onnxType{"": onnxFloat, "F32": onnxFloat, "F16": onnxHalf}[opt.DType]
	if !ok {
		return nil, fmt.Errorf("cannot export as ONNX: expected dtype F32 or F16, found %q", opt.DType)
	}
	if err := unadapted(v); err != nil {
		return nil, err
	}
	if s := v.Model().Config().Positions.Scaling; s.Type == "dynamic" {
		return nil, fmt.Errorf("cannot export as ONNX: rope_scaling %q changes with the length of a text, which the graph does not; export with --format hf", s.Type)
	}
	merged := 0
	if opt.Merge {
		var err error
		if v, merged, err = multipliedOut(v); err != nil {
			return nil, err
		}
	}
	n := newONNXNetwork(v, kind)
	n.build()
	err := replaceDir(dir, opt.Overwrite, []string{onnxModelName, onnxDataName}, func(fresh string) error {
		if err := durable.WriteFile(filepath.Join(fresh, onnxModelName), n.model()); err != nil {
			return err
		}
		return n.writeWeights(ctx, filepath.Join(fresh, onnxDataName), opt.Recorder)
	})
	if err != nil {
		return nil, fmt.Errorf("cannot export to %s: %w", dir, err)
	}
	result := &Result{Format: FormatONNX, Path: dir, Loads: "ONNX Runtime and others, operator set 17", Merged: merged, Params: v.Params()}
	return result, result.addFiles(dir)
}

// multipliedOut holds factored linears as whole matrices, which are made when they are read.
func multipliedOut(v *transformer.Variant) (*transformer.Variant, int, error) {
	s, forms := newSource(v), map[string]transformer.Form{}
	for _, l := range v.Model().Linears() {
		if v.Held(l).Name() == factoredForm {
			forms[l.Name] = &product{s, l}
		}
	}
	all, err := v.Model().With(forms)
	if err != nil {
		return nil, 0, err
	}
	return all, len(forms), nil
}

// product is a factored linear as one matrix.
type product struct {
	s *source
	l transformer.Linear
}

var _ transformer.Form = (*product)(nil)

func (p *product) Name() string        { return "dense" }
func (p *product) Size() (out, in int) { return p.l.Out, p.l.In }

func (p *product) Params() (n int64) {
	for _, part := range p.Parts() {
		n += int64(part.Elements())
	}
	return n
}

func (p *product) Parts() []transformer.Part {
	parts := []transformer.Part{{Suffix: "weight", Shape: []int{p.l.Out, p.l.In}}}
	if _, ok := biasPart(p.s.v.Held(p.l)); ok {
		parts = append(parts, transformer.Part{Suffix: "bias", Shape: []int{p.l.Out}})
	}
	return parts
}

func (p *product) Read(i int, dst []float32) error {
	if i == 1 {
		return p.s.bias(p.l, dst)
	}
	return p.s.weight(p.l, dst)
}

// model is the text of model.onnx.
func (n *onnxNetwork) model() []byte {
	n.body.text(2, n.c.ModelType)
	n.body.raw(11, onnxValue("input_ids", onnxInt64, "batch", "sequence"))
	n.body.raw(12, onnxValue("logits", onnxFloat, "batch", "sequence", n.c.VocabSize))
	var set, m message
	set.text(1, "")
	set.number(2, onnxOpset)
	m.number(1, onnxIR)
	m.text(2, "pare")
	m.raw(7, n.body)
	m.raw(8, set)
	return m
}

// writeWeights writes the weights, one at a time.
func (n *onnxNetwork) writeWeights(ctx context.Context, path string, rec gomlxops.Recorder) (err error) {
	rec = gomlxops.OrDiscard(rec)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w, at := bufio.NewWriterSize(file, 1<<20), int64(0)
	for i, t := range n.weights {
		if err := ctx.Err(); err != nil {
			return err
		}
		size := 1
		for _, d := range t.dims {
			size *= d
		}
		values := make([]float32, size)
		if err := t.read(values); err != nil {
			return fmt.Errorf("tensor %s: %w", t.name, err)
		}
		data, err := onnxBytes(t.kind, values)
		if err != nil {
			return fmt.Errorf("tensor %s: %w", t.name, err)
		}
		if _, err := w.Write(append(make([]byte, t.at-at, t.at-at+int64(len(data))), data...)); err != nil {
			return err
		}
		at = t.at + int64(len(data))
		rec.Progress("write", i+1, len(n.weights))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return file.Sync()
}

func onnxBytes(kind onnxType, values []float32) ([]byte, error) {
	if kind == onnxHalf {
		return gguf.Encode(gguf.F16, values)
	}
	data := make([]byte, 0, 4*len(values))
	for i, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("expected finite numbers, found %v at index %d", v, i)
		}
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return data, nil
}
