package instruct

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// Splits are the names of parts and the words in file names that tell of them (as in
// https://huggingface.co/docs/hub/datasets-file-names-and-splits).
var splits = map[string][]string{
	"train":      {"train", "training"},
	"validation": {"validation", "valid", "val", "dev"},
	"test":       {"test", "testing", "eval", "evaluation"},
}

// notData are files beside data that end as data do.
var notData = []string{"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}

// dataFiles lists the files of a part of a directory. A part is a split, a file, a pattern of files or a folder, by its path in the directory; ""
// is the training part, where there are parts, and everything otherwise.
func dataFiles(dir, part string) ([]string, error) {
	all, others, err := listFiles(dir)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: expected files that end in .parquet, .jsonl or .json, found none among %d others %.100q", dir, len(others), others[:min(len(others), 5)])
	}
	chosen := Choose(all, part)
	if len(chosen) == 0 {
		return nil, fmt.Errorf("%s: expected files of the part %q, a split, a file, a pattern or a folder, found %.200q", dir, part, all)
	}
	var folders []string
	for _, name := range chosen {
		folders = append(folders, path.Dir(name))
	}
	slices.Sort(folders)
	if folders = slices.Compact(folders); len(folders) > 1 && !strings.ContainsAny(part, "*?[") {
		return nil, fmt.Errorf("%s: expected data in one folder, found them in %.200q: name one of these as the part, or a pattern such as %q", dir, folders, folders[0]+"/*")
	}
	paths := make([]string, len(chosen))
	for i, name := range chosen {
		paths[i] = filepath.Join(dir, filepath.FromSlash(name))
	}
	return paths, nil
}

// listFiles lists the data and the other files below dir, by their paths from there, in order. Hidden ones are left out.
func listFiles(dir string) (data, others []string, err error) {
	err = filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasPrefix(entry.Name(), ".") && file != dir {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		info, err := os.Stat(file) // through the links of the hub's cache
		if err != nil || info.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		if isData(name) {
			data = append(data, filepath.ToSlash(name))
		} else {
			others = append(others, filepath.ToSlash(name))
		}
		return nil
	})
	slices.Sort(data)
	return data, others, err
}

func isData(name string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	return (ext == ".json" || ext == ".jsonl" || ext == ".parquet") && !slices.Contains(notData, filepath.Base(name))
}

// Choose returns the files that a part means, of the paths of a data set's files. A part is as in [Open].
func Choose(all []string, part string) []string {
	filter := func(keep func(name string) bool) (kept []string) {
		for _, name := range all {
			if keep(name) {
				kept = append(kept, name)
			}
		}
		return kept
	}
	if part == "" {
		if train := filter(func(name string) bool { return splitOf(name) == "train" }); len(train) > 0 {
			return train
		}
		return filter(func(name string) bool { return splitOf(name) == "" })
	}
	if found := filter(func(name string) bool {
		ok, _ := path.Match(part, name)
		return ok || name == part || strings.HasPrefix(name, part+"/") && splitOf(strings.TrimPrefix(name, part)) != "test" && splitOf(strings.TrimPrefix(name, part)) != "validation"
	}); len(found) > 0 {
		return found
	}
	for split, words := range splits {
		if slices.Contains(words, part) {
			return filter(func(name string) bool { return splitOf(name) == split })
		}
	}
	return nil
}

// splitOf tells which split a file belongs to by the last word in its path that names one; "" where none does.
func splitOf(name string) (split string) {
	for _, word := range strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) }) {
		for s, words := range splits {
			if slices.Contains(words, word) {
				split = s
			}
		}
	}
	return split
}
