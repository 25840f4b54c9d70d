package tracker

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// State is where a trial stands.
type State string

// The states. A trial starts as running and ends in one of the others.
const (
	Running     State = "running"
	Complete    State = "complete"
	Failed      State = "failed"      // ended with an error, whose text is kept
	Interrupted State = "interrupted" // its context was cancelled
	Lost        State = "lost"        // its process is gone without a word; see [Alive]
)

// States lists all states in the order in which they are shown.
var States = []State{Running, Complete, Failed, Interrupted, Lost}

// Trial is one attempt at a study's question.
type Trial struct {
	ID        string             `json:"id"`     // 16 hexadecimal digits, unique in a store
	Study     string             `json:"study"`  // name
	Number    int                `json:"number"` // 1, 2, … within the study
	State     State              `json:"state"`
	Params    map[string]Value   `json:"params"`
	Metrics   map[string]Summary `json:"metrics"`
	Progress  *Progress          `json:"progress"`
	Files     []File             `json:"files"`
	Tags      []string           `json:"tags"` // sorted, each once
	Note      string             `json:"note"`
	Error     string             `json:"error"` // why a trial failed or was interrupted
	Started   time.Time          `json:"started"`
	Ended     *time.Time         `json:"ended"`
	Heartbeat time.Time          `json:"heartbeat"` // the last sign of life
	Process   Process            `json:"process"`
	Origin    *Origin            `json:"origin,omitempty"` // nil in listings

	Points  uint64            `json:"points"`            // metric values recorded so far
	Writers map[string]uint64 `json:"writers,omitempty"` // last applied [Change.Seq] by [Change.Writer]
}

// Progress is how far a trial is in its current stage.
type Progress struct {
	Stage string `json:"stage"`
	Done  int    `json:"done"`
	Total int    `json:"total"` // 0 when unknown
}

// File is something that a trial made or used. Exactly one of SHA256 (content kept by the store) and Path (left where it is) is set.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256,omitempty"`
	Path   string `json:"path,omitempty"`
}

// Value returns the trial's result: the value of metric at its highest step. ok is false if it has none or it is NaN.
func (t *Trial) Value(metric string) (v float64, ok bool) {
	s, ok := t.Metrics[metric]
	v = float64(s.Last)
	return v, ok && v == v
}

// Duration returns how long the trial ran: until its end, or its last sign of life if it is lost, or now.
func (t *Trial) Duration(now time.Time) time.Duration {
	switch {
	case t.Ended != nil:
		return t.Ended.Sub(t.Started)
	case t.State == Lost:
		return t.Heartbeat.Sub(t.Started)
	}
	return now.Sub(t.Started)
}

// Clone returns a copy that shares nothing which [Trial.Apply] changes.
func (t *Trial) Clone() *Trial {
	c := *t
	c.Params, c.Metrics, c.Writers = maps.Clone(t.Params), maps.Clone(t.Metrics), maps.Clone(t.Writers)
	c.Files, c.Tags = slices.Clone(t.Files), slices.Clone(t.Tags)
	if t.Progress != nil {
		p := *t.Progress
		c.Progress = &p
	}
	if t.Ended != nil {
		e := *t.Ended
		c.Ended = &e
	}
	if t.Origin != nil {
		c.Origin = t.Origin.clone()
	}
	return &c
}

// Prepare checks a trial that is to be created and fills what every trial has.
func (t *Trial) Prepare() error {
	if t.ID == "" {
		return fmt.Errorf("trial of study %q has no id: %w", t.Study, ErrInvalid)
	}
	for name := range t.Params {
		if err := CheckName("hyperparameter", name); err != nil {
			return err
		}
	}
	t.State, t.Points, t.Ended = Running, 0, nil
	t.Started = t.Started.UTC().Round(0)
	if t.Heartbeat.IsZero() {
		t.Heartbeat = t.Started
	}
	if t.Params == nil {
		t.Params = map[string]Value{}
	}
	t.Metrics, t.Files, t.Writers = map[string]Summary{}, []File{}, nil
	t.Tags = tagSet(t.Tags)
	return nil
}

// tagSet returns tags sorted, each once, without empty ones; never nil.
func tagSet(tags []string) []string {
	out := slices.DeleteFunc(slices.Clone(tags), func(s string) bool { return s == "" })
	slices.Sort(out)
	out = slices.Compact(out)
	if out == nil {
		return []string{}
	}
	return out
}
