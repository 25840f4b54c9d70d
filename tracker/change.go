package tracker

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Change is what a Store does to a trial in one transaction. Zero fields change nothing.
type Change struct {
	// Writer and Seq make a change count once however often it is applied: a change whose Seq is not above the last one
	// applied for its Writer is already there. An empty Writer is not checked.
	Writer string
	Seq    uint64

	Params    map[string]Value
	Points    []Point
	Progress  *Progress
	Files     []File // a file of the same name is replaced
	AddTags   []string
	DropTags  []string
	Note      *string
	Heartbeat time.Time // kept if later than the recorded one
	State     State     // an ended state; with Ended and Error
	Error     string
	Ended     time.Time
}

// Apply changes t, or returns an error and leaves t as it was. It returns false if the change was there already.
// Points get their Seq in place, from t.Points on.
func (t *Trial) Apply(c Change) (bool, error) {
	if c.Writer != "" && c.Seq <= t.Writers[c.Writer] {
		return false, nil
	}
	if err := t.check(c); err != nil {
		return false, fmt.Errorf("trial %d of study %q: %w", t.Number, t.Study, err)
	}
	maps.Copy(t.Params, c.Params)
	for i := range c.Points {
		p := &c.Points[i]
		p.Seq = t.Points
		t.Points++
		t.Metrics[p.Metric] = t.Metrics[p.Metric].With(*p)
	}
	t.applyRest(c)
	return true, nil
}

func (t *Trial) applyRest(c Change) {
	if c.Progress != nil {
		p := *c.Progress
		t.Progress = &p
	}
	for _, f := range c.Files {
		t.Files = slices.DeleteFunc(t.Files, func(have File) bool { return have.Name == f.Name })
		t.Files = append(t.Files, f)
	}
	t.Tags = slices.DeleteFunc(tagSet(append(t.Tags, c.AddTags...)), func(s string) bool { return slices.Contains(c.DropTags, s) })
	if c.Note != nil {
		t.Note = *c.Note
	}
	if h := c.Heartbeat.UTC().Round(0); h.After(t.Heartbeat) {
		t.Heartbeat = h
	}
	if c.State != "" && t.State == Running {
		ended := c.Ended.UTC().Round(0)
		t.State, t.Error, t.Ended = c.State, c.Error, &ended
	}
	if c.Writer != "" {
		if t.Writers == nil {
			t.Writers = map[string]uint64{}
		}
		t.Writers[c.Writer] = c.Seq
	}
}

// check says what is wrong with c for t as it stands.
func (t *Trial) check(c Change) error {
	for name, v := range c.Params {
		if err := CheckName("hyperparameter", name); err != nil {
			return err
		}
		if have, ok := t.Params[name]; ok && !have.Equal(v) {
			return fmt.Errorf("hyperparameter %q is %s already, asked to write %s: %w", name, have, v, ErrConflict)
		}
	}
	for _, p := range c.Points {
		if err := CheckName("metric", p.Metric); err != nil {
			return err
		}
	}
	for _, f := range c.Files {
		if err := CheckName("file", f.Name); err != nil {
			return err
		}
	}
	return t.checkState(c)
}

func (t *Trial) checkState(c Change) error {
	if c.State != "" && (c.State == Running || !slices.Contains(States, c.State)) {
		return fmt.Errorf("cannot end in state %q: %w", c.State, ErrInvalid)
	}
	if t.State == Running {
		return nil
	}
	switch {
	case c.State != "" && c.State != t.State:
		return fmt.Errorf("it is %s, asked to make it %s: %w", t.State, c.State, ErrEnded)
	case len(c.Points) > 0:
		return fmt.Errorf("it is %s, asked to add metric %q: %w", t.State, c.Points[0].Metric, ErrEnded)
	case len(c.Params) > 0 || len(c.Files) > 0 || c.Progress != nil:
		return fmt.Errorf("it is %s, asked to add hyperparameters, files or progress: %w", t.State, ErrEnded)
	}
	return nil
}
