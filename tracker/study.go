package tracker

import (
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"
)

// Direction tells which values of a study's metric are better.
type Direction string

// The directions.
const (
	Minimize Direction = "minimize"
	Maximize Direction = "maximize"
)

// Better reports whether a is strictly better than b. NaN is worse than everything.
func (d Direction) Better(a, b float64) bool {
	switch {
	case a != a:
		return false
	case b != b:
		return true
	case d == Maximize:
		return a > b
	}
	return a < b
}

// Study is a question with a direction: which trial has the best value of Metric?
type Study struct {
	Name      string        `json:"name"`      // 1 to 250 bytes, no control characters
	Metric    string        `json:"metric"`    // the metric that trials are compared by
	Direction Direction     `json:"direction"` // empty means [Minimize]
	Note      string        `json:"note"`
	Tags      []string      `json:"tags"`
	Created   time.Time     `json:"created"`
	Counts    map[State]int `json:"counts"` // trials by state; set by the Store, with [Lost] taken out of [Running]
}

// Trials returns how many trials the study has, in any state.
func (s Study) Trials() int {
	n := 0
	for _, c := range s.Counts {
		n += c
	}
	return n
}

// Prepare checks a study that is to be created and fills its defaults: direction minimize, created now.
func (s Study) Prepare(now time.Time) (Study, error) {
	if s.Direction == "" {
		s.Direction = Minimize
	}
	if s.Direction != Minimize && s.Direction != Maximize {
		return s, fmt.Errorf("study %q: direction is %q, want %q or %q: %w", s.Name, s.Direction, Minimize, Maximize, ErrInvalid)
	}
	if err := CheckName("study", s.Name); err != nil {
		return s, err
	}
	if err := CheckName("metric", s.Metric); err != nil {
		return s, fmt.Errorf("study %q: %w", s.Name, err)
	}
	if s.Created.IsZero() {
		s.Created = now
	}
	s.Created = s.Created.UTC().Round(0)
	s.Tags = tagSet(s.Tags)
	s.Counts = map[State]int{}
	return s, nil
}

// Agrees returns [ErrConflict] if other, which has the same name, asks another question than s.
func (s Study) Agrees(other Study) error {
	if s.Metric != other.Metric {
		return fmt.Errorf("study %q compares trials by metric %q, asked for %q; choose another study name: %w", s.Name, s.Metric, other.Metric, ErrConflict)
	}
	if s.Direction != other.Direction {
		return fmt.Errorf("study %q has direction %s, asked for %s; choose another study name: %w", s.Name, s.Direction, other.Direction, ErrConflict)
	}
	return nil
}

// maxName is the longest name in bytes; MLflow's limit, so that records can be exchanged.
const maxName = 250

// CheckName returns [ErrInvalid] if name is empty, longer than 250 bytes, not UTF-8, or holds control characters. What says whose name it is.
func CheckName(what, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("the %s name is empty: %w", what, ErrInvalid)
	case len(name) > maxName:
		return fmt.Errorf("the %s name %.40q… has %d bytes, at most %d are allowed: %w", what, name, len(name), maxName, ErrInvalid)
	case !utf8.ValidString(name):
		return fmt.Errorf("the %s name %q is not UTF-8: %w", what, name, ErrInvalid)
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			return fmt.Errorf("the %s name %q holds a control character: %w", what, name, ErrInvalid)
		}
	}
	return nil
}
