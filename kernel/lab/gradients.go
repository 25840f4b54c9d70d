package lab

import (
	"context"

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
	s, err := l.sample(m, opt)
	if err != nil {
		return nil, err
	}
	out := &Gradients{key: key("fisher 1", s.model, s.text.Digest, s.text.Part, s.Sequences, s.Length, s.Seed)}
	path, found := l.result("fisher", out.key, ".safetensors"), false
	out.Fisher, found, err = readBack(path, func(path string) (*importance.Fisher, error) { return importance.Load(path, m.Model) })
	if err != nil {
		return nil, err
	}
	if found {
		out.ReadBack = path
		return out, nil
	}
	sequences, err := s.sequences()
	if err != nil {
		return nil, err
	}
	watch := l.watch("Gradients of " + m.Name)
	defer watch.Close()
	out.Fisher, err = importance.Collect(ctx, m.Model, sequences, importance.Options{Data: s.text.Digest, Recorder: watch})
	if err != nil {
		return nil, err
	}
	return out, saveResult(path, out.Fisher.Save)
}
