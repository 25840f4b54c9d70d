package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/parelab/pare/datasets"
	"github.com/parelab/pare/gomlxops/importance"
)

// Gradients are the Fisher sums of a model on a text.
type Gradients struct {
	*importance.Fisher
	ReadBack string // file that an earlier run left; empty where this one ran
	key      string
}

// Gradients runs calibration text forward and backward through the model. Those of the same model, text and options are read
// back; Groups mean nothing here.
func (l *Lab) Gradients(ctx context.Context, m *Model, opt Calibration) (*Gradients, error) {
	opt = opt.withDefaults(m)
	text, err := l.Tokens(m, opt.Text, CalibrationPart)
	if err != nil {
		return nil, err
	}
	digest, err := m.Digest()
	if err != nil {
		return nil, err
	}
	out := &Gradients{key: key("fisher 1", digest, text.Digest, text.Part, opt.Sequences, opt.Length, opt.Seed)}
	path := l.result("fisher", out.key, ".safetensors")
	if out.Fisher, err = importance.Load(path, m.Model); err == nil {
		out.ReadBack = path
		return out, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; remove the file to collect them again", err)
	}
	sequences, err := datasets.Sample(text.IDs, opt.Sequences, opt.Length, opt.Seed)
	if err != nil {
		return nil, fmt.Errorf("text %v: %w", text, err)
	}
	watch := l.watch("Gradients of " + m.Name)
	defer watch.Close()
	out.Fisher, err = importance.Collect(ctx, m.Model, sequences, importance.Options{Data: text.Digest, Recorder: watch})
	if err != nil {
		return nil, err
	}
	return out, saveResult(path, out.Fisher.Save)
}
