package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/tracker"
)

// Dense is the method of an attempt that leaves the model as it is.
const Dense = "dense"

// Attempt is one way to make a model smaller.
type Attempt struct {
	Method  string   // Dense, or one of lowrank.Methods: "pcm", "scm", "svd"
	Ratio   float64  // fraction of the decoder linears' parameters to remove, in (0,1); 0 for Dense
	Moments *Moments // calibration; may be nil for a method that needs none
}

// Outcome is what came of an attempt.
type Outcome struct {
	Trial      int                  // number in the study
	Variant    *transformer.Variant // the smaller model
	Allocation *lowrank.Allocation  // nil for Dense
	Measured   []*evaluate.Perplexity
}

// Compress returns the model made smaller as the attempt says, and which rank every linear got. A decomposition of the same
// model, moments and method is read back. rec is told of progress; it may be nil.
func (l *Lab) Compress(ctx context.Context, m *Model, a Attempt, rec gomlxops.Recorder) (*transformer.Variant, *lowrank.Allocation, error) {
	if a.Method == Dense {
		return m.Dense(), nil, nil
	}
	spectra, err := l.spectra(ctx, m, a, rec)
	if err != nil {
		return nil, nil, err
	}
	forms, allocation, err := lowrank.Uniform(spectra, a.Ratio)
	if err != nil {
		return nil, nil, err
	}
	small, err := m.With(forms)
	return small, allocation, err
}

// spectra decomposes every decoder linear, or reads back what an earlier run left.
func (l *Lab) spectra(ctx context.Context, m *Model, a Attempt, rec gomlxops.Recorder) ([]*lowrank.Spectrum, error) {
	digest, err := m.Digest()
	if err != nil {
		return nil, err
	}
	method := lowrank.Method(a.Method)
	made := []any{"spectra 1", digest, a.Method}
	var moments *covariance.Moments
	if method.NeedsMoments() {
		if a.Moments == nil {
			return nil, fmt.Errorf("method %q needs a calibration, and the attempt has none; set Attempt.Moments to what Calibrate returned", a.Method)
		}
		moments = a.Moments.Moments
		made = append(made, a.Moments.key)
	}
	path := l.result("spectra-"+a.Method, key(made...), ".safetensors")
	spectra, err := lowrank.Load(path, m.Model)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return spectra, err
	}
	spectra, err = lowrank.DecomposeAll(ctx, m.Model, moments, method, lowrank.Options{Recorder: rec})
	if err != nil {
		return nil, err
	}
	return spectra, saveResult(path, func(path string) error { return lowrank.Save(path, spectra) })
}

// saveResult keeps a result, making its directory.
func saveResult(path string, save func(string) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return save(path)
}

// String names the attempt: "svd at 20%".
func (a Attempt) String() string {
	if a.Method == Dense {
		return Dense
	}
	return fmt.Sprintf("%s at %.4g%%", a.Method, 100*a.Ratio)
}

// params are the attempt's hyperparameters as the record keeps them.
func (a Attempt) params(m *Model) map[string]tracker.Value {
	p := map[string]tracker.Value{
		"model":  tracker.String(m.Name),
		"method": tracker.String(a.Method),
		"ratio":  tracker.Float(a.Ratio),
	}
	if a.Moments != nil && lowrank.Method(a.Method).NeedsMoments() {
		o := a.Moments.Options
		p["calibration"] = tracker.String(a.Moments.Text.String())
		p["sequences"] = tracker.Int(int64(o.Sequences))
		p["length"] = tracker.Int(int64(o.Length))
		p["groups"] = tracker.Int(int64(o.Groups))
		p["seed"] = tracker.Int(int64(o.Seed))
	}
	return p
}

// asJSON is the allocation as a file of the trial.
func asJSON(v any) ([]byte, error) { return json.MarshalIndent(v, "", "  ") }
