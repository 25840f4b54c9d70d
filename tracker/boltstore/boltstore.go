// Package boltstore keeps studies and trials in one bbolt file that any number of processes share.
//
//	store, err := boltstore.Open(".pare/tracker.db")
//
// # Nobody keeps the file
//
// bbolt lets one process write and locks the others out for as long as it has the file open. So each method opens the file (with a
// shared lock to read, an exclusive one to write), does its work in one transaction, and lets go. Who finds the file locked
// tries again until [Options.Timeout] has passed, then gets [tracker.ErrBusy]. A commit is synced to disk before a method returns.
//
// # What a damaged file does
//
// bbolt has checksums for its two root pages alone: a flipped bit elsewhere is read as data, and some damage makes it panic. So every record
// ends in a CRC32C over its bucket, key and content, what must be there is counted, and a panic or a fault in mapped memory comes
// out as a [tracker.DamagedError]. One thing cannot be told from a crash in the middle of a commit: damage to the newer of the two
// root pages, after which the last transaction is gone and the one before it is read. A file that is something else is [tracker.ErrNotTracker]; it is never written to.
//
// # Layout, schema 1
//
//	meta        "schema"                              version
//	study       study (8 bytes)                       Study and next trial number, JSON
//	study_name  name                                  study
//	trial       study, number (8 bytes each)          Trial without origin, JSON
//	origin      study, number                         Origin, JSON
//	trial_id    id                                    study, number
//	running     study, number                         (nothing)
//	best        study, rank of value, number          (nothing), complete trials in order from the best
//	point       study, number, metric, 0, step, seq   value and time (8 bytes each)
//
// All integers are big-endian, and steps and values are mapped so that byte order is their order: a page of a listing, a history and
// a study's best are each one range. Files lie beside the database in files/, named by their SHA-256.
//
// It does not shrink or repair the file, nor delete from it.
package boltstore

import (
	"os"
	"path/filepath"
	"time"

	"github.com/parelab/pare/tracker"
)

// Options tune a Store. The zero value is right outside tests.
type Options struct {
	Timeout time.Duration    // longest wait for the file's lock; default 10 s
	Now     func() time.Time // clock; default time.Now
}

// Store is a [tracker.Store] on one file. Make one with [Open].
type Store struct {
	path    string
	timeout time.Duration
	now     func() time.Time
	writer  chan struct{} // one slot: writers of this process queue here, not at the file
}

var _ tracker.Store = (*Store)(nil)

// Open returns the store at path with default options. See [OpenWith].
func Open(path string) (*Store, error) { return OpenWith(path, Options{}) }

// OpenWith returns the store at path. The file is made by the first write, whole or not at all; until then the store reads as empty. A file
// that is there is looked at: something else than a tracker is [tracker.ErrNotTracker], a later layout [tracker.ErrNewer].
func OpenWith(path string, opt Options) (*Store, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	s := &Store{path: abs, timeout: opt.Timeout, now: opt.Now, writer: make(chan struct{}, 1)}
	if s.timeout <= 0 {
		s.timeout = 10 * time.Second
	}
	if s.now == nil {
		s.now = time.Now
	}
	if err := checkHeader(abs); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return s, nil
}

// Path returns the database's absolute path.
func (s *Store) Path() string { return s.path }

// Close does nothing, since nothing is held between calls.
func (*Store) Close() error { return nil }
