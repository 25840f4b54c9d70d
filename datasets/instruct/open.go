package instruct

import (
	"errors"
	"fmt"
	"os"

	"github.com/parelab/pare/datasets"
	"github.com/parelab/pare/datasets/pocket"
	"github.com/parelab/pare/datasets/records"
)

// OpenOptions are the choices of [Open]. The zero value works.
type OpenOptions struct {
	Limit     int  // only the first so many examples; 0 is all
	SkipEmpty bool // leaves out rows without an answer, and counts them; otherwise they are an error
}

// Pocket is the name of the embedded world.
const Pocket = "pocket"

// Open reads a data set by name: "pocket", the path of a file or of a directory, or org/name[@revision] of a data set in the Hugging Face hub's
// cache. A part may follow after a colon: a split (train, validation, test), a file, a pattern of files, or a folder. Without one it is the
// training part where there are parts, and all files otherwise. Parquet needs the package datasets/records/parquet in the program.
func Open(name string, opt OpenOptions) (*Set, error) {
	if opt.Limit < 0 {
		return nil, fmt.Errorf("instruct: %s: expected a limit of at least 0, found %d", name, opt.Limit)
	}
	set, err := open(name, opt)
	if err != nil {
		return nil, fmt.Errorf("instruct: %w", err)
	}
	if opt.Limit > 0 {
		set.Examples = set.Examples[:min(opt.Limit, len(set.Examples))]
	}
	set.Name = name
	return set.finish(), nil
}

func open(name string, opt OpenOptions) (*Set, error) {
	if name == Pocket {
		return openPocket(), nil
	}
	place, part, err := datasets.Find(name)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(place)
	if err != nil {
		return nil, err
	}
	set := &Set{Files: []string{place}, Template: Templates[0].Name}
	if info.IsDir() {
		if set.Files, err = records.Files(place, part); err != nil {
			return nil, err
		}
	} else if part != "" {
		return nil, fmt.Errorf("%s is a file and has no part %q", place, part)
	}
	return set, set.read(opt)
}

// read reads the rows of all files, up to the limit.
func (s *Set) read(opt OpenOptions) error {
	for _, path := range s.Files {
		rows, err := records.Read(path)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if opt.Limit > 0 && len(s.Examples) == opt.Limit {
				return nil
			}
			e, err := Row(r)
			if errors.Is(err, ErrEmpty) && opt.SkipEmpty {
				s.Empty++
				continue
			}
			if err != nil {
				return err
			}
			s.Examples = append(s.Examples, e)
		}
	}
	if len(s.Examples) == 0 {
		return fmt.Errorf("%s: no row has an answer (%d are empty)", s.Files[0], s.Empty)
	}
	return nil
}

func openPocket() *Set {
	return &Set{Template: PocketTemplate, Examples: fromPocket(pocket.Train, pocketExamples), Held: fromPocket(pocket.Calibration, pocketHeld)}
}

// How many examples "pocket" has.
const (
	pocketExamples = 4000
	pocketHeld     = 400
)

func fromPocket(stream pocket.Stream, n int) []Example {
	var examples []Example
	for i, one := range pocket.Instructions(stream, n, pocket.DefaultSeed) {
		examples = append(examples, Example{Where: fmt.Sprintf("pocket %s %d", stream, i+1), Instruction: one.Instruction, Input: one.Input, Output: one.Output})
	}
	return examples
}
