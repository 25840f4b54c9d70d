package tracker

import (
	"context"
	"io"
	"slices"
)

// Store keeps studies and trials. All methods may be called at once from any number of goroutines, and for a store on disk from any
// number of processes. A method that returned nil has kept what it was given. A cancelled context ends a method with the context's
// error, before it has changed anything.
type Store interface {
	// CreateStudy returns the study of that name, made if it is not there; [ErrConflict] if it is there with another
	// metric or direction. Note and tags of an existing study stay as they are.
	CreateStudy(ctx context.Context, s Study) (Study, error)
	// Study returns a study by name, or [ErrNotFound].
	Study(ctx context.Context, name string) (Study, error)
	// Studies returns all studies in the order in which they were made.
	Studies(ctx context.Context) ([]Study, error)

	// CreateTrial gives t the next number of its study and keeps it as running. A second call with the same ID and
	// study returns the first one's trial, so that a caller who does not know whether a call succeeded may repeat it.
	CreateTrial(ctx context.Context, t *Trial) (*Trial, error)
	// Apply changes a trial, as [Trial.Apply] says, in one transaction.
	Apply(ctx context.Context, study string, number int, c Change) error
	// Trial returns a trial with its origin, or [ErrNotFound].
	Trial(ctx context.Context, study string, number int) (*Trial, error)
	// TrialByID returns the trial whose ID is, or alone begins with, id; [ErrNotFound], or [ErrConflict] if several do.
	TrialByID(ctx context.Context, id string) (*Trial, error)
	// Trials returns a page of a study's trials by number, without origins.
	Trials(ctx context.Context, study string, f Filter) ([]*Trial, error)
	// Best returns the study's n best complete trials, best first, without origins; of equal ones the earlier comes first.
	Best(ctx context.Context, study string, n int) ([]*Trial, error)
	// History returns the points of a metric ordered by step, then by arrival.
	History(ctx context.Context, study string, number int, metric string, r Range) ([]Point, error)

	// SaveFile keeps the content of r and returns its digest and size. Equal content is kept once.
	SaveFile(ctx context.Context, r io.Reader) (sha256 string, size int64, err error)
	// OpenFile returns kept content. Reading it to the end fails with [ErrDamaged] if it is not what was saved.
	OpenFile(ctx context.Context, sha256 string) (io.ReadCloser, error)

	// Close lets go of what the store holds. A store on disk holds nothing between calls.
	Close() error
}

// Filter chooses a page of trials. The zero Filter is all of them, oldest first.
type Filter struct {
	States []State // any of these; nil means all
	Newest bool    // newest first
	After  int     // continue behind this number, in the chosen order; 0 starts at the beginning
	Limit  int     // at most so many; 0 means all
}

// Range chooses points of a history. The zero Range is all of them.
type Range struct {
	From  *int64 // first step; nil means the beginning
	To    *int64 // last step, included; nil means the end
	Limit int    // at most so many points; 0 means all
}

// Selects reports whether t, in the state in which a reader sees it, is chosen by f. It leaves Limit to the caller.
func (f Filter) Selects(t *Trial) bool {
	if len(f.States) > 0 && !slices.Contains(f.States, t.State) {
		return false
	}
	return f.After == 0 || f.Newest && t.Number < f.After || !f.Newest && t.Number > f.After
}
