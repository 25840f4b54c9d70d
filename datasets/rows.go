package datasets

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/parelab/pare/datasets/records"
)

// textFields are the names that the text of a row has: that of most data sets, Penn Treebank's, and others'.
var textFields = []string{"text", "sentence", "content"}

// readRows reads a file of rows as one document: their texts with [Joiner] between them, an empty one too, as perplexities on WikiText are measured.
func readRows(path string) (Document, error) {
	rows, err := records.Read(path)
	if err != nil {
		return Document{}, err
	}
	field := textFields[0]
	if i := slices.IndexFunc(textFields, func(name string) bool { _, ok := rows[0].Values[name]; return ok }); i >= 0 {
		field = textFields[i]
	}
	texts := make([]string, len(rows))
	for i, r := range rows {
		if texts[i], err = r.Text(field); err != nil {
			return Document{}, err
		}
	}
	return Document{Name: path, Text: strings.Join(texts, Joiner)}, nil
}

// OpenSplit is [Open] for one split of a data set, one of those of [Splits].
func OpenSplit(name, split string) (*Corpus, error) {
	files, err := Splits(name)
	if err != nil {
		return nil, err
	}
	if len(files[split]) == 0 {
		return nil, fmt.Errorf("datasets: %s: expected files of the split %q, found none", name, split)
	}
	return readFiles(name+":"+split, files[split])
}

// Splits lists the files of a data set by split: train, validation, test, or "" for those whose names tell of none. A text, a directory of texts, and pocket
// have none.
func Splits(name string) (map[string][]string, error) {
	if isPocket(name) {
		return nil, nil
	}
	place, part, err := Find(name)
	if err != nil {
		return nil, fmt.Errorf("datasets: %w", err)
	}
	info, err := os.Stat(place)
	if err != nil || !info.IsDir() {
		return nil, err
	}
	if texts, err := textFiles(place); err != nil || len(texts) > 0 && part == "" {
		return nil, err
	}
	files, err := records.Splits(place, part)
	if err != nil {
		return nil, fmt.Errorf("datasets: %w", err)
	}
	return files, nil
}

func isPocket(name string) bool { return name == "pocket" || strings.HasPrefix(name, "pocket:") }
