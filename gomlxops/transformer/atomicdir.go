package transformer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/parelab/pare/internal/durable"
)

// replaceDir has write fill a directory beside dir and moves it to dir when all of it is on disk, so that dir is never half-written.
//
// A directory that is there already is an error, unless it is empty, or overwrite is set and it holds a config.json.
func replaceDir(dir string, overwrite bool, write func(dir string) error) (err error) {
	dir = filepath.Clean(dir)
	if err := mayReplace(dir, overwrite); err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("cannot save the model: %w", err)
	}
	fresh, err := os.MkdirTemp(parent, "."+filepath.Base(dir)+".saving-")
	if err != nil {
		return fmt.Errorf("cannot save the model: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("cannot save the model in %s: %w", dir, err), os.RemoveAll(fresh))
		}
	}()
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	if err := write(fresh); err != nil {
		return err
	}
	if err := durable.SyncDir(fresh); err != nil {
		return err
	}
	return swapIn(fresh, dir)
}

// mayReplace says why dir must not be written to.
func mayReplace(dir string, overwrite bool) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(entries) == 0:
		return nil
	case err != nil:
		return fmt.Errorf("cannot save the model in %s: %w", dir, err)
	case !overwrite:
		return fmt.Errorf("cannot save the model in %s: expected no such directory or an empty one, found %d entries; choose another name or ask for it to be overwritten", dir, len(entries))
	}
	if _, err := os.Stat(filepath.Join(dir, "config.json")); err != nil {
		return fmt.Errorf("cannot overwrite %s: expected a model directory with a config.json, found none; choose another name", dir)
	}
	return nil
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
	if err := durable.SyncDir(filepath.Dir(dir)); err != nil || !had {
		return err
	}
	return os.RemoveAll(old)
}

// writeFile writes a new file and has the system put it on disk.
func writeFile(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Sync(), file.Close())
}
