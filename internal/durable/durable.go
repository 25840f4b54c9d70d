// Package durable puts files and directories on disk so that no reader, crash or power failure ever meets half of one: written beside
// their place, synced, renamed, and the directory that names them synced too.
//
// Any room may use it. It adds to renameio that the directory is synced, without which a power failure may take the
// rename back.
package durable

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// WriteFile puts data at path, in the place of what is there: all of it or, after an error, what was there before.
// A new file may be read by everybody, as far as the umask allows.
func WriteFile(path string, data []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Write is [WriteFile] of what write writes, which is buffered.
func Write(path string, write func(io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(dir), renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Cleanup()) }() // which does nothing once the file has its name
	b := bufio.NewWriterSize(f, 1<<16)
	if err := write(b); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return err
	}
	return SyncDir(dir)
}

// Rename gives what is at from, synced already, the name to, in the place of a file that had it.
func Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(to))
}

// WriteDir has write fill a directory beside dir, and gives it dir's name when all of it is on disk, in the place of what is there: whether that may go is the
// caller's to say. Where dir is a symbolic link, the directory that it leads to is meant. The files that write leaves must be synced. After an error what was
// there before still is.
func WriteDir(dir string, write func(fresh string) error) (err error) {
	if dir, err = followed(filepath.Clean(dir)); err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	fresh, err := NewWorkspace(parent, "."+filepath.Base(dir)+".saving-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fresh.Remove()) }()
	if err := os.Chmod(fresh.Dir, 0o755); err != nil {
		return err
	}
	if err := write(fresh.Dir); err != nil {
		return err
	}
	if err := SyncDir(fresh.Dir); err != nil {
		return err
	}
	return swapIn(fresh.Dir, dir)
}

// followed is what dir leads to where it is a symbolic link; one that leads nowhere is an error.
func followed(dir string) (string, error) {
	if at, err := os.Lstat(dir); err != nil || at.Mode()&fs.ModeSymlink == 0 {
		return dir, nil
	}
	return filepath.EvalSymlinks(dir)
}

// swapIn moves fresh to dir; what was at dir is moved aside first and removed last.
func swapIn(fresh, dir string) error {
	old := fresh + ".old"
	err := os.Rename(dir, old)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	had := err == nil
	if err := os.Rename(fresh, dir); err != nil {
		if had {
			return errors.Join(err, os.Rename(old, dir))
		}
		return err
	}
	if err := SyncDir(filepath.Dir(dir)); err != nil || !had {
		return err
	}
	return os.RemoveAll(old)
}

// SyncDir has the system put a directory's entries on disk.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
