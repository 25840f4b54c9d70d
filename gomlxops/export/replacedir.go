package export

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// replaceDir has write fill a directory beside dir and moves it to dir when all of it is on disk. A directory that is there already must be empty, or
// hold nothing but the files named where it may be overwritten.
func replaceDir(dir string, overwrite bool, names []string, write func(dir string) error) (err error) {
	dir = filepath.Clean(dir)
	if err := mayReplaceDir(dir, overwrite, names); err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(parent, "."+filepath.Base(dir)+".saving-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(fresh))
		}
	}()
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	if err := write(fresh); err != nil {
		return err
	}
	if err := syncDir(fresh); err != nil {
		return err
	}
	old := fresh + ".old"
	had := os.Rename(dir, old) == nil
	if err := os.Rename(fresh, dir); err != nil {
		if had {
			return errors.Join(err, os.Rename(old, dir))
		}
		return err
	}
	if had {
		err = os.RemoveAll(old)
	}
	return errors.Join(err, syncDir(parent))
}

func mayReplaceDir(dir string, overwrite bool, names []string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(entries) == 0:
		return nil
	case err != nil:
		return err
	case !overwrite:
		return fmt.Errorf("expected no such directory or an empty one, found %d entries; choose another name or ask for it to be overwritten", len(entries))
	}
	for _, e := range entries {
		if !slices.Contains(names, e.Name()) {
			return fmt.Errorf("expected nothing but %q to overwrite, found %s; choose another name", names, e.Name())
		}
	}
	return nil
}

func writeSynced(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Sync(), file.Close())
}

// syncDir has the system put a directory's entries on disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
