package tracker

import (
	"errors"
	"fmt"
)

// Errors of a request that a Store cannot satisfy.
var (
	ErrNotFound = errors.New("not found")         // a study, trial or file that is not there
	ErrConflict = errors.New("conflict")          // another direction, metric or hyperparameter than the recorded one
	ErrEnded    = errors.New("trial has ended")   // metrics, parameters or another state for a finished trial
	ErrInvalid  = errors.New("not a valid value") // an empty name, an unknown direction or state, an unsupported type
)

// Errors of a Store's file.
var (
	ErrBusy       = errors.New("tracker file is locked by another process")   // after waiting for the store's timeout
	ErrDamaged    = errors.New("tracker file is damaged")                     // see [DamagedError]
	ErrNotTracker = errors.New("not a tracker file")                          // some other kind of file lies there
	ErrNewer      = errors.New("tracker file was written by a newer version") // update pare to read it
)

// DamagedError tells which record of which file does not hold what was written. It matches [ErrDamaged].
type DamagedError struct {
	File   string // path of the database
	Key    string // bucket and key of the record; empty when the file as a whole cannot be read
	Detail string // what was expected and found
}

func (e *DamagedError) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("tracker file %s is damaged: %s; restore it from a backup, or move it away to start a new one", e.File, e.Detail)
	}
	return fmt.Sprintf("tracker file %s is damaged at record %s: %s; restore the file from a backup", e.File, e.Key, e.Detail)
}

// Is reports whether target is [ErrDamaged].
func (e *DamagedError) Is(target error) bool { return target == ErrDamaged }
