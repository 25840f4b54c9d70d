package export

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/export/gguf"
	"github.com/parelab/pare/gomlxops/transformer"
)

// FormatGGUF is llama.cpp's.
const FormatGGUF = "gguf"

// ggufTypes are the types of weights, by name.
var ggufTypes = map[string]gguf.Type{"": gguf.F16, "F32": gguf.F32, "F16": gguf.F16, "BF16": gguf.BF16, "Q8_0": gguf.Q8_0}

// GGUF writes v as a file for llama.cpp: version 3 of the format, DType "F32", "F16" (the default), "BF16" or "Q8_0". Without a vocabulary the file
// has no tokenizer.
//
// Factors have no place in the format: they are multiplied out where Merge is set, and refused otherwise, as are models that no architecture of
// llama.cpp computes. What its architectures leave out is among the result's warnings.
//
// The file appears when all of it is on disk. On an error, and when ctx ends, nothing is left behind.
func GGUF(ctx context.Context, path string, v *transformer.Variant, vocabulary *Vocabulary, opt Options) (*Result, error) {
	t, ok := ggufTypes[opt.DType]
	if !ok {
		return nil, fmt.Errorf("cannot export as GGUF: expected dtype F32, F16, BF16 or Q8_0, found %q", opt.DType)
	}
	if err := unadapted(v); err != nil {
		return nil, err
	}
	s := newSource(v)
	if s.factored > 0 && !opt.Merge {
		return nil, fmt.Errorf("cannot export as GGUF: %d linears are held as two factors, which the format has no place for; merge them into whole matrices with --merge, or export with --format hf, which keeps them", s.factored)
	}
	g, err := newGGUF(s)
	if err != nil {
		return nil, err
	}
	if err := mayReplace(path, opt.Overwrite); err != nil {
		return nil, err
	}
	metadata, err := g.metadata(t, modelName(v), vocabulary)
	if err != nil {
		return nil, err
	}
	tensors, done := g.tensors(t), 0
	rec := gomlxops.OrDiscard(opt.Recorder)
	if err := gguf.Write(ctx, path, metadata, tensors, func() { done++; rec.Progress("write", done, len(tensors)) }); err != nil {
		return nil, err
	}
	result := &Result{Format: FormatGGUF, Path: path, Loads: "llama.cpp, architecture " + g.arch, Merged: s.factored, Warnings: g.warnings()}
	if vocabulary == nil {
		result.Warnings = append(result.Warnings, "the file has no tokenizer")
	}
	for _, t := range tensors {
		if t.Name != ropeFactors {
			result.Params += int64(t.Elements())
		}
	}
	return result, result.addFiles(path)
}

// modelName is what the file calls the model: the last part of its path.
func modelName(v *transformer.Variant) string {
	dir := strings.TrimRight(v.Model().Dir(), "/")
	return dir[strings.LastIndex(dir, "/")+1:]
}

// mayReplace says why path must not be written to.
func mayReplace(path string, overwrite bool) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil // nothing is there, or writing will say what is wrong
	case !info.Mode().IsRegular():
		return fmt.Errorf("cannot export to %s: expected a file, or nothing there; choose another name", path)
	case !overwrite:
		return fmt.Errorf("cannot export to %s: there is a file already; choose another name or ask for it to be overwritten", path)
	}
	return nil
}
