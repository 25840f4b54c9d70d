package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/parelab/pare/datasets"
)

// result is the path of a kept result: its kind, and the digest of what it was made from.
func (l *Lab) result(kind, digest, ext string) string {
	return filepath.Join(l.Home, "results", kind+"-"+digest[:16]+ext)
}

// saveResult keeps a result, making its directory.
func saveResult(path string, save func(string) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return save(path)
}

// readBack returns what load finds at path, and whether there is anything. A file that cannot be read is an error that says what to do.
func readBack[T any](path string, load func(path string) (T, error)) (result T, found bool, err error) {
	result, err = load(path)
	switch {
	case err == nil:
		return result, true, nil
	case errors.Is(err, fs.ErrNotExist):
		return result, false, nil
	}
	return result, false, fmt.Errorf("%w; remove the file to compute it again", err)
}

// sample is the text that a model is calibrated on.
type sample struct {
	Calibration
	text  *Tokens
	model string // digest
}

func (l *Lab) sample(m *Model, opt Calibration) (sample, error) {
	s := sample{Calibration: opt.withDefaults(m)}
	var err error
	if s.text, err = l.Tokens(m, s.Text, CalibrationPart); err != nil {
		return s, err
	}
	s.model, err = m.Digest()
	return s, err
}

// sequences draws the sequences.
func (s sample) sequences() ([][]int32, error) {
	sequences, err := datasets.Sample(s.text.IDs, s.Sequences, s.Length, s.Seed)
	if err != nil {
		return nil, fmt.Errorf("text %s: %w", s.text, err)
	}
	return sequences, nil
}
