package covariance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/parelab/pare/gomlxops/internal/tensorfile"
)

// Checkpoint says where a pass keeps what it has done, so that the next one with the same model, sequences and options goes on from
// there. The zero value keeps nothing.
//
// The file holds the moments of the groups that are done and is replaced whole or not at all; one of another calibration is passed over,
// and anything else under its name is an error. Where it cannot be written, the pass goes on without.
type Checkpoint struct {
	Path   string            // the file; empty keeps nothing. Its directory must exist
	Every  time.Duration     // least time between two; 0 means 5 s, negative after each group
	Keep   bool              // leave the file at the end, to a caller who removes it once the result is saved
	Notice func(text string) // told that a pass continues, why a file was passed over, and what could not be written; may be nil
}

func (c Checkpoint) notice(format string, args ...any) {
	if c.Notice != nil {
		c.Notice(fmt.Sprintf(format, args...))
	}
}

const checkpointKind = "pare moments checkpoint"

// purpose is what a checkpoint must have been made for, in the order in which differences are told.
type purpose []struct{ name, value string }

// purposeOf describes the whole pass that m is filled by. Batches and the kind of products belong to it, so that a pass in two
// sittings gives the same bits as one in one.
func purposeOf(m *Moments, batch int, inGraph bool) purpose {
	products := "host"
	if inGraph {
		products = "graph"
	}
	return purpose{
		{"version", fileVersion}, {"model", m.Model}, {"data", m.Data}, {"tokens", m.Tokens}, {"length", strconv.Itoa(m.Length)},
		{"all_sequences", strconv.Itoa(m.Sequences)}, {"all_groups", strconv.Itoa(m.Groups)}, {"batch", strconv.Itoa(batch)}, {"products", products},
	}
}

// head returns the moments of the first groups of m alone. It shares their memory.
func (m *Moments) head(groups int) *Moments {
	out := *m
	out.Sequences, out.Groups = m.Sequences/m.Groups*groups, groups
	out.Stats = make([]*Stats, len(m.Stats))
	for i, s := range m.Stats {
		part := *s
		part.Groups = s.Groups[:groups]
		out.Stats[i] = &part
	}
	return &out
}

// saveCheckpoint keeps the first groups of m, all that have tokens.
func (m *Moments) saveCheckpoint(path string, groups int, of purpose) error {
	part := m.head(groups)
	metadata := part.metadata()
	for _, field := range of {
		metadata[field.name] = field.value
	}
	metadata["kind"] = checkpointKind
	return tensorfile.Write(path, part.arrays(), metadata)
}

// loadCheckpoint fills the first groups of m from path and returns how many; none where there is no file, and none with the reason
// where it is of another calibration. A file that is no whole checkpoint is an error: it may be somebody's.
func (m *Moments) loadCheckpoint(path string, of purpose) (groups int, reason string, err error) {
	f, err := tensorfile.OpenMapped(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, "", nil
	case err != nil:
		return 0, "", fmt.Errorf("checkpoint: %w; remove the file or name another", err)
	}
	defer f.Close()
	if kind := f.Metadata("kind"); kind != checkpointKind {
		return 0, "", fmt.Errorf("checkpoint: %s: expected kind %q, found %q; name another file", path, checkpointKind, kind)
	}
	for _, field := range of {
		if found := f.Metadata(field.name); found != field.value {
			return 0, fmt.Sprintf("%s: expected %.16q, found %.16q", field.name, field.value, found), nil
		}
	}
	part, err := readMoments(f)
	if err == nil {
		err = part.complete()
	}
	if err == nil {
		err = m.takeOver(part)
	}
	if err != nil {
		return 0, "", fmt.Errorf("checkpoint: %s: %w; remove the file to begin anew", path, err)
	}
	return part.Groups, "", nil
}

// takeOver makes part the first groups of m, which is untouched where they do not fit.
func (m *Moments) takeOver(part *Moments) error {
	if part.Groups > m.Groups || part.Sequences != m.Sequences/m.Groups*part.Groups || len(part.Stats) != len(m.Stats) {
		return fmt.Errorf("expected some of %d groups of %d sequences at %d sites, found %d sequences in %d groups at %d",
			m.Groups, m.Sequences/m.Groups, len(m.Stats), part.Sequences, part.Groups, len(part.Stats))
	}
	for i, s := range m.Stats {
		if p := part.Stats[i]; p.name() != s.name() || p.Dim != s.Dim {
			return fmt.Errorf("expected %s of %d channels, found %s of %d", s.name(), s.Dim, p.name(), p.Dim)
		}
	}
	for i, s := range m.Stats {
		p := part.Stats[i]
		for k, g := range p.Groups {
			s.Groups[k].Count = g.Count
			copy(s.Groups[k].Mean, g.Mean)
		}
		copy(s.AbsMean, p.AbsMean)
		copy(s.Within, p.Within)
	}
	return nil
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
