package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/kernel/show"
)

// Calibration says on which text, and on how much of it, a model is calibrated.
type Calibration struct {
	Text      string // see Lab.Tokens; its Calibration part
	Sequences int    // default 128
	Length    int    // tokens per sequence; default 256, or the model's longest if that is less
	Groups    int    // groups of sequences that the covariance is pooled over; default the largest divisor of Sequences up to 32
	Seed      uint64 // chooses the sequences; default 1
}

func (c Calibration) withDefaults(m *Model) Calibration {
	if c.Text == "" {
		c.Text = Pocket
	}
	if c.Sequences == 0 {
		c.Sequences = 128
	}
	if c.Length == 0 {
		c.Length = min(longestDefault, m.Config().MaxPositions)
	}
	if c.Groups == 0 {
		c.Groups = 32
		for c.Sequences > 0 && c.Sequences%c.Groups != 0 {
			c.Groups--
		}
	}
	if c.Seed == 0 {
		c.Seed = 1
	}
	return c
}

// Moments are what a calibration leaves: the statistics of every linear's input. Others may take their place, merged or regrouped ones, if Options
// are made to say what they are of.
type Moments struct {
	*covariance.Moments
	Options  Calibration
	Text     *Tokens
	File     string   // where they are kept
	ReadBack string   // the same, left by an earlier calibration; empty where this one ran
	Notices  []string // that it continued an interrupted calibration, for one
	key      string
}

// Calibrate runs calibration text once through the model. A calibration of the same model, text and options is read back; one that was
// interrupted, by Ctrl-C, a killed process or a lost machine, continues from what it left beside its result every few seconds.
func (l *Lab) Calibrate(ctx context.Context, m *Model, opt Calibration) (*Moments, error) {
	s, err := l.sample(m, opt)
	if err != nil {
		return nil, err
	}
	out := &Moments{Options: s.Calibration, Text: s.text, key: key("moments 1", s.model, s.text.Digest, s.text.Part, s.Sequences, s.Length, s.Groups, s.Seed)}
	path, found := l.result("moments", out.key, ".safetensors"), false
	out.File = path
	if out.Moments, found, err = readBack(path, covariance.Load); err != nil {
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
	return out, saveResult(path, func(path string) error { return l.collect(ctx, m, sequences, out, path) })
}

// check refuses moments of which Options tell something else: what is recorded of an attempt, and what it is computed from, would be two things.
func (m *Moments) check() error {
	o := m.Options
	switch {
	case m.Moments == nil:
		return errors.New("moments: expected what a calibration left, found none")
	case o.Sequences != m.Sequences || o.Length != m.Length || o.Groups != m.Groups:
		return fmt.Errorf("moments: they are of %d sequences of %d tokens in %d groups, their Options tell of %d of %d in %d; set Options to what they are of",
			m.Sequences, m.Length, m.Groups, o.Sequences, o.Length, o.Groups)
	}
	return nil
}

// checkpointEvery is the least time between two checkpoints of a calibration; 0 leaves it to covariance. Tests set it.
var checkpointEvery time.Duration

// collect fills out, or continues to, and saves its moments to path. The checkpoint goes when they are safe.
func (l *Lab) collect(ctx context.Context, m *Model, sequences [][]int32, out *Moments, path string) (err error) {
	watch := l.watch("Calibrate " + m.Name)
	defer watch.Close()
	keep := covariance.Checkpoint{
		Path: path + ".unfinished", Keep: true, Every: checkpointEvery,
		Notice: func(text string) { out.Notices = append(out.Notices, text) },
	}
	out.Moments, err = covariance.Collect(ctx, m.Dense(), sequences, covariance.Options{
		Groups: out.Options.Groups, Data: out.Text.Digest, Recorder: watch, Checkpoint: keep, File: path,
	})
	if _, missing := os.Stat(keep.Path); err != nil && missing == nil {
		return fmt.Errorf("%w; the next run continues from %s", err, keep.Path)
	}
	if err != nil {
		return err
	}
	if err := os.Remove(keep.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Facts says what the calibration saw.
func (m *Moments) Facts() show.Fragment {
	origin := "computed now"
	if m.ReadBack != "" {
		origin = "read back from " + m.ReadBack
	}
	for _, notice := range m.Notices {
		origin += "; " + notice
	}
	return show.Facts{
		Title: "Calibration",
		Items: []show.Fact{
			{Name: "text", Value: m.Text.String()},
			{Name: "sequences", Value: fmt.Sprintf("%d of %d tokens, seed %d", m.Sequences, m.Length, m.Options.Seed)},
			{Name: "tokens", Value: m.Sequences * m.Length},
			{Name: "pooled over", Value: fmt.Sprintf("%d groups of %d sequences", m.Groups, m.Sequences/m.Groups)},
			{Name: "sites", Value: len(m.Stats)},
			{Name: "result", Value: origin},
		},
	}
}
