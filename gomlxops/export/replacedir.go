package export

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/parelab/pare/internal/durable"
)

// replaceDir has write fill a directory beside dir and moves it to dir when all of it is on disk. A directory that is there already must be empty, or
// hold nothing but the files named where it may be overwritten.
func replaceDir(dir string, overwrite bool, names []string, write func(dir string) error) error {
	if err := mayReplaceDir(dir, overwrite, names); err != nil {
		return err
	}
	return durable.WriteDir(dir, write)
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
