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
func replaceDir(dir string, overwrite bool, write func(dir string) error) error {
	dir = filepath.Clean(dir)
	if err := mayReplace(dir, overwrite); err != nil {
		return err
	}
	if err := durable.WriteDir(dir, write); err != nil {
		return fmt.Errorf("cannot save the model in %s: %w", dir, err)
	}
	return nil
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
