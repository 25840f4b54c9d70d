package boltstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/parelab/pare/internal/durable"
	"github.com/parelab/pare/tracker"
)

// errNoFile says that nothing has been written yet.
var errNoFile = errors.New("no tracker file yet")

// view runs fn in a read transaction. Without a file it returns errNoFile and makes none.
func (s *Store) view(ctx context.Context, fn func(*txn) error) error {
	return s.transact(ctx, false, fn)
}

// update runs fn in a write transaction and commits it if fn returns nil. The file is made if it is not there.
func (s *Store) update(ctx context.Context, fn func(*txn) error) error {
	select {
	case s.writer <- struct{}{}:
		defer func() { <-s.writer }()
	case <-ctx.Done():
		return ctx.Err()
	}
	err := s.transact(ctx, true, fn)
	if !errors.Is(err, errNoFile) {
		return err
	}
	if err := s.create(); err != nil {
		return fmt.Errorf("make tracker file %s: %w", s.path, err)
	}
	return s.transact(ctx, true, fn)
}

// transact opens the file, waiting for its lock, runs one transaction, and closes the file.
func (s *Store) transact(ctx context.Context, write bool, fn func(*txn) error) (err error) {
	began := time.Now()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.try(ctx, write, fn)
		if !errors.Is(err, bolterrors.ErrTimeout) {
			return err
		}
		if waited := time.Since(began); waited >= s.timeout {
			return fmt.Errorf("%s: waited %s: %w; try again when the other one is done, or see who has it with: fuser %s",
				s.path, waited.Round(time.Millisecond), tracker.ErrBusy, s.path)
		}
		// bbolt would look every 50 ms; a transaction takes a tenth of a millisecond, so look often. Jitter keeps
		// waiting processes from looking in step.
		select {
		case <-ctx.Done():
		case <-time.After(time.Millisecond/2 + rand.N(3*time.Millisecond)):
		}
	}
}

// try makes one attempt to lock the file, and runs the transaction if it succeeds.
func (s *Store) try(ctx context.Context, write bool, fn func(*txn) error) (err error) {
	var file *os.File
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // a mapped page beyond a cut file's end
	defer func() {
		if p := recover(); p != nil {
			if file != nil { // bbolt may hold its own locks and cannot be closed any more
				release(file)
			}
			err = &tracker.DamagedError{File: s.path, Detail: fmt.Sprintf("its pages do not fit together (%v)", p)}
		}
	}()
	if err := checkHeader(s.path); os.IsNotExist(err) {
		return errNoFile
	} else if err != nil {
		return err
	}
	db, err := bolt.Open(s.path, 0o600, &bolt.Options{
		Timeout:      time.Nanosecond, // look once
		ReadOnly:     !write,
		FreelistType: bolt.FreelistMapType,
		NoStatistics: true,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			file, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
			return file, err
		},
	})
	if err != nil {
		return s.explain(err)
	}
	defer func() {
		if p := recover(); p != nil {
			panic(p) // leave db alone, see above
		}
		if closed := db.Close(); err == nil {
			err = closed
		}
	}()
	run := func(tx *bolt.Tx) error {
		t := &txn{Tx: tx, ctx: ctx, path: s.path, now: s.now()}
		if err := t.checkSchema(); err != nil {
			return err
		}
		return fn(t)
	}
	if write {
		return db.Update(run)
	}
	return db.View(run)
}

// explain turns bbolt's refusal to open a file into what a user can act on.
func (s *Store) explain(err error) error {
	var fromSystem syscall.Errno
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return err
	case os.IsNotExist(err):
		return errNoFile
	case errors.As(err, &fromSystem): // permission, read-only file system, …
		return fmt.Errorf("tracker file %s: %w", s.path, err)
	}
	return &tracker.DamagedError{File: s.path, Detail: "bbolt cannot read its root pages (" + err.Error() + ")"}
}

// create makes an empty tracker file: written beside its place, synced, and then linked there, so that whoever sees the file sees
// a whole one, and of several creators one wins and takes nothing from the others.
func (s *Store) create() error {
	dir := filepath.Dir(s.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(dir, ".new-tracker-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	made := filepath.Join(tmp, "db")
	db, err := bolt.Open(made, 0o600, &bolt.Options{Timeout: s.timeout})
	if err != nil {
		return err
	}
	if err := errors.Join(db.Update(initialise), db.Sync(), db.Close()); err != nil {
		return err
	}
	if err := os.Link(made, s.path); err != nil && !os.IsExist(err) {
		// A file system without links: rename, unless somebody was first.
		if _, statErr := os.Lstat(s.path); statErr == nil {
			return nil
		}
		if err := os.Rename(made, s.path); err != nil {
			return err
		}
	}
	return durable.SyncDir(dir)
}
