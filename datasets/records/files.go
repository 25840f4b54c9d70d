package records

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

// splits are the names of parts and the words in file names that tell of them (as in
// https://huggingface.co/docs/hub/datasets-file-names-and-splits).
var splits = map[string][]string{
	"train":      {"train", "training"},
	"validation": {"validation", "valid", "val", "dev"},
	"test":       {"test", "testing", "eval", "evaluation"},
}

// notData are files beside data that end as data do.
var notData = []string{"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}

// Files lists the data files of a part of a directory. A part is a split, a file, a pattern of files or a folder, by its path in the directory; ""
// is the training part, where there are parts, and everything otherwise.
func Files(dir, part string) ([]string, error) {
	all, err := dataFiles(dir)
	if err != nil {
		return nil, err
	}
	chosen := Choose(all, part)
	if len(chosen) == 0 {
		return nil, noPart(dir, part, all)
	}
	return oneFolder(dir, part, chosen)
}

// Splits lists the data files of a part of a directory by the split that their names tell of: train, validation, test, or "" for none of these. A folder
// as the part means all that is in it.
func Splits(dir, part string) (map[string][]string, error) {
	all, err := dataFiles(dir)
	if err != nil {
		return nil, err
	}
	chosen := Within(all, part)
	if len(chosen) == 0 {
		return nil, noPart(dir, part, all)
	}
	of := map[string][]string{}
	for _, name := range chosen {
		split := splitOf(name)
		of[split] = append(of[split], name)
	}
	for split, names := range of {
		if of[split], err = oneFolder(dir, part, names); err != nil {
			return nil, err
		}
	}
	return of, nil
}

func dataFiles(dir string) ([]string, error) {
	all, others, err := listFiles(dir)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s: expected files that end in %s, found none among %d others %.100q", dir, endings, len(others), others[:min(len(others), 5)])
	}
	return all, err
}

func noPart(dir, part string, all []string) error {
	return fmt.Errorf("%s: expected files of the part %q, a split, a file, a pattern or a folder, found %.200q", dir, part, all)
}

// oneFolder makes paths of names, which must lie in one folder unless a pattern has chosen them.
func oneFolder(dir, part string, chosen []string) ([]string, error) {
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
		if IsData(name) {
			data = append(data, filepath.ToSlash(name))
		} else {
			others = append(others, filepath.ToSlash(name))
		}
		return nil
	})
	slices.Sort(data)
	return data, others, err
}

// IsData says whether a file's name ends as those do that [Read] reads. What lies beside data and describes it is none.
func IsData(name string) bool {
	_, known := endingOf(name)
	return known && !slices.Contains(notData, filepath.Base(name))
}

// Choose returns the files that a part means, of the paths of a data set's files. A part is as in [Files].
func Choose(all []string, part string) []string {
	found := Within(all, part)
	if part != "" && !slices.ContainsFunc(all, func(name string) bool { return strings.HasPrefix(name, part+"/") }) {
		return found
	}
	var train, unnamed []string
	for _, name := range found {
		switch splitOf(strings.TrimPrefix(name, part)) {
		case "train":
			train = append(train, name)
		case "":
			unnamed = append(unnamed, name)
		}
	}
	if len(train) > 0 {
		return train
	}
	return unnamed
}

// Within is Choose but for folders, "" among them, of which it returns all files: what is fetched of a data set, whatever is read of it then.
func Within(all []string, part string) []string {
	filter := func(keep func(name string) bool) (kept []string) {
		for _, name := range all {
			if keep(name) {
				kept = append(kept, name)
			}
		}
		return kept
	}
	found := filter(func(name string) bool {
		ok, _ := path.Match(part, name)
		return ok || part == "" || name == part || strings.HasPrefix(name, part+"/")
	})
	if len(found) > 0 {
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
