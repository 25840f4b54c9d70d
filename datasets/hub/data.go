package hub

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// cardName is the card of a data set: what it is, and its licence.
const cardName = "README.md"

// isDataName tells whether a file of a data set is fetched.
func isDataName(name string) bool {
	ext := strings.ToLower(path.Ext(strings.TrimSuffix(name, ".gz")))
	return name == cardName || ext == ".json" || ext == ".jsonl" || strings.HasSuffix(strings.ToLower(name), ".parquet")
}

// chooseData leaves the files of a data set that the caller asks for, and the card.
func (p *puller) chooseData(files []file, siblings []*sibling) ([]file, error) {
	var names, others []string
	for _, f := range files {
		if f.name != cardName {
			names = append(names, f.name)
		}
	}
	for _, s := range siblings {
		if !isDataName(s.Name) && !strings.HasPrefix(s.Name, ".") {
			others = append(others, s.Name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: expected files that end in .parquet, .jsonl, .json, .jsonl.gz or .json.gz, found %.120q; the hub keeps many data sets converted, at %s@refs/convert/parquet",
			ErrNoData, others[:min(len(others), 4)], p.repo)
	}
	chosen := names
	if p.choose != nil {
		chosen = p.choose(names)
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("%w: it has no such part; its files are %.300q", ErrNoData, names)
	}
	return slices.DeleteFunc(files, func(f file) bool { return f.name != cardName && !slices.Contains(chosen, f.name) }), nil
}
