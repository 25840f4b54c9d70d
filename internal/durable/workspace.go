package durable

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
)

// Workspace is a directory for what is needed for a while. It is locked until it is removed, so that those of killed processes can be told from those
// in use: the system takes a lock back when its process ends, however it ends.
type Workspace struct {
	Dir  string
	lock *flock.Flock
}

// NewWorkspace makes a directory in parent with a name of prefix and a number, and removes those of the same prefix that killed processes have left there.
// Where a file system knows no locks, they stay.
func NewWorkspace(parent, prefix string) (*Workspace, error) {
	sweep(parent, prefix)
	for {
		dir, err := os.MkdirTemp(parent, prefix)
		if err != nil {
			return nil, err
		}
		w := &Workspace{dir, lockOf(dir)}
		got, err := w.lock.TryLock()
		if _, at := os.Stat(dir); at == nil && (got || err != nil) {
			return w, nil
		}
		_ = w.lock.Close() // somebody's sweep came between making and locking it, and takes it away
	}
}

// Remove removes the directory and all that is in it; nothing, where it was given another name meanwhile.
func (w *Workspace) Remove() error { return errors.Join(os.RemoveAll(w.Dir), w.lock.Close()) }

// lockOf is the lock of a directory; it is never made by being locked.
func lockOf(dir string) *flock.Flock { return flock.New(dir, flock.SetFlag(os.O_RDONLY)) }

// sweep removes the workspaces that nobody holds. What cannot be removed is left to the next.
func sweep(parent, prefix string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, entry := range entries {
		number, ours := strings.CutPrefix(entry.Name(), prefix)
		if _, err := strconv.ParseUint(number, 10, 64); !ours || err != nil || !entry.IsDir() {
			continue
		}
		dir := filepath.Join(parent, entry.Name())
		lock := lockOf(dir)
		if got, err := lock.TryLock(); got && err == nil {
			_ = os.RemoveAll(dir)
		}
		_ = lock.Close()
	}
}
