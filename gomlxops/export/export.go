package export

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Options says how a model is exported; the zero value keeps forms and dtypes and overwrites nothing.
type Options struct {
	Merge     bool   // multiply factors out into whole matrices
	DType     string // of the weights; see each format. Empty is the format's default
	Overwrite bool   // an earlier export in the same place
	Recorder  gomlxops.Recorder
}

// The formats.
const (
	FormatHF = "hf"
)

// Result says what was written.
type Result struct {
	Format   string      `json:"format"`
	Path     string      `json:"path"`
	Loads    string      `json:"loads"` // what opens it, in a few words
	Files    []File      `json:"files"`
	Bytes    int64       `json:"bytes"`
	Params   int64       `json:"parameters"`
	Merged   int         `json:"merged"` // factored linears that were multiplied out
	Warnings []string    `json:"warnings,omitempty"`
	Check    *Comparison `json:"check,omitempty"`
}

// File is one file of an export.
type File struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

// addFiles lists what lies at path, a file or a directory.
func (r *Result) addFiles(path string) error {
	return filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		shown, err := filepath.Rel(path, name)
		if err != nil || shown == "." {
			shown = filepath.Base(name)
		}
		r.Files = append(r.Files, File{filepath.ToSlash(shown), info.Size()})
		r.Bytes += info.Size()
		return nil
	})
}

// notInto refuses to write an export over the model that it is made of.
func notInto(path string, v *transformer.Variant) error {
	there, err := os.Stat(path)
	if err != nil {
		return nil // nothing is there
	}
	model, err := os.Stat(v.Model().Dir())
	if err == nil && os.SameFile(there, model) {
		return fmt.Errorf("cannot export to %s: the model itself lies there; choose another name", path)
	}
	return nil
}

// unadapted refuses a variant with branches, which no format holds.
func unadapted(v *transformer.Variant) error {
	for _, l := range v.Model().Linears() {
		if _, ok := v.Held(l).(*transformer.Adapted); ok {
			return fmt.Errorf("cannot export the model: %s has an adapter beside it; merge the adapter first", l.Name)
		}
	}
	return nil
}

// HF writes v as a directory in Hugging Face layout: stock where it can be, otherwise with modeling_pare.py. DType is "BF16", "F16" or "F32"; ""
// keeps what the files have. Tokenizer files and generation settings go along.
//
// The directory appears when all of it is on disk. On an error, and when ctx ends, nothing is left behind.
func HF(ctx context.Context, dir string, v *transformer.Variant, opt Options) (*Result, error) {
	if err := unadapted(v); err != nil {
		return nil, err
	}
	if err := notInto(dir, v); err != nil {
		return nil, err
	}
	result := &Result{Format: FormatHF, Path: dir}
	save := transformer.SaveOptions{DType: opt.DType, Overwrite: opt.Overwrite, Code: program(), Recorder: opt.Recorder}
	if s := newSource(v); opt.Merge && s.factored > 0 {
		derived, err := s.derived()
		if err != nil {
			return nil, err
		}
		result.Merged = s.factored
		if err := transformer.SaveDerived(ctx, dir, v, derived, save); err != nil {
			return nil, err
		}
	} else if err := transformer.Save(ctx, dir, v, save); err != nil {
		return nil, err
	}
	return result, result.openHF()
}

// openHF opens what was written and counts it.
func (r *Result) openHF() error {
	m, err := transformer.Open(r.Path)
	if err != nil {
		return fmt.Errorf("the export cannot be read back: %w", err)
	}
	defer m.Close()
	r.Params, r.Loads = m.Params(), "transformers, stock "+m.Config().ModelType
	if !m.Dense().Ordinary() {
		r.Loads = "transformers with trust_remote_code=True (" + programName + " lies beside), and pare"
	}
	return r.addFiles(r.Path)
}
