package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const modulePath = "github.com/parelab/pare"

// everyones is what every room needs and none owns: how a file is put on disk.
const everyones = "internal/durable"

// mayImport says, for each room, which of our rooms it may lean on; a room reaches its own subfolders and internal/durable
// always. A folder takes the entry with the longest matching name. "*" is the whole house.
var mayImport = map[string][]string{
	"":                         {"*"},
	"internal/durable":         {},
	"notebooks":                {"*"},
	"kernel/lab":               {"*"},
	"kernel/wire":              {},
	"kernel/show":              {},
	"kernel/gonb":              {"kernel/wire"},
	"kernel/notebook":          {"kernel/wire", "kernel/gonb"},
	"tracker":                  {},
	"tracker/boltstore":        {"tracker"},
	"tracker/memstore":         {"tracker"},
	"tracker/storetest":        {"tracker"},
	"datasets":                 {},
	"datasets/hub":             {},
	"datasets/instruct":        {"datasets", "datasets/hub", "datasets/pocket", "datasets/records", "datasets/tokenizer"},
	"datasets/pocket":          {"datasets/tokenizer"},
	"datasets/records":         {},
	"datasets/records/parquet": {"datasets/records"},
	"datasets/tasks":           {"datasets/pocket", "datasets/records"},
	"datasets/tokenizer":       {},
	"gomlxops":                 {},
	"gomlxops/internal":        {"gomlxops"},
	"gomlxops/linalg":          {"gomlxops", "gomlxops/internal"},
	"gomlxops/transformer":     {"gomlxops", "gomlxops/internal"},
	"gomlxops/covariance":      {"gomlxops", "gomlxops/internal", "gomlxops/transformer", "gomlxops/linalg"},
	"gomlxops/importance":      {"gomlxops", "gomlxops/internal", "gomlxops/transformer", "gomlxops/covariance"},
	"gomlxops/prune":           {"gomlxops", "gomlxops/internal", "gomlxops/transformer", "gomlxops/covariance", "gomlxops/importance"},
	"gomlxops/lowrank":         {"gomlxops", "gomlxops/internal", "gomlxops/transformer", "gomlxops/linalg", "gomlxops/covariance", "gomlxops/importance"},
	"gomlxops/evaluate":        {"gomlxops", "gomlxops/internal", "gomlxops/transformer"},
	"gomlxops/bayesopt":        {"gomlxops", "gomlxops/internal"},
	"gomlxops/export":          {"gomlxops", "gomlxops/internal", "gomlxops/transformer", "gomlxops/linalg"},
	"gomlxops/recovery":        {"gomlxops", "gomlxops/internal", "gomlxops/transformer", "gomlxops/lowrank"},
}

// testsMayImport adds what only a room's tests lean on.
var testsMayImport = map[string][]string{
	"datasets/instruct": {"datasets/records/parquet"},
	"datasets/tasks":    {"datasets/records/parquet"},
	"tracker":           {"tracker/memstore", "tracker/storetest"},
	"tracker/boltstore": {"tracker/storetest", "tracker/memstore"},
	"tracker/memstore":  {"tracker/storetest"},
}

// TestImports keeps the rooms apart, as drawn in CONTRIBUTING.md.
func TestImports(t *testing.T) {
	files, arrows := 0, 0
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		files++
		arrows += checkImports(t, filepath.ToSlash(name))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 || arrows == 0 {
		t.Fatalf("checked %d arrows in %d files: there must be some", arrows, files)
	}
	t.Logf("checked %d arrows in %d files", arrows, files)
}

// checkImports reports the forbidden imports of one file and returns how many of our own packages it imports.
func checkImports(t *testing.T, file string) (arrows int) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return 0
	}
	from := path.Dir(file)
	if from == "." {
		from = ""
	}
	if needsEntry(from) {
		t.Errorf("folder %s has no entry in mayImport: say which rooms it may lean on", from)
	}
	for _, spec := range parsed.Imports {
		target, _ := strconv.Unquote(spec.Path.Value)
		if from == "tracker" && strings.Contains(strings.Split(target, "/")[0], ".") && !strings.HasPrefix(target, modulePath) {
			t.Errorf("%s imports %s: the root of tracker uses the standard library only", file, target)
		}
		to, ours := strings.CutPrefix(target, modulePath+"/")
		if !ours {
			continue
		}
		arrows++
		if !allowed(from, to, strings.HasSuffix(file, "_test.go")) {
			t.Errorf("%s imports %s: room %q may lean on %v only", file, target, room(from), mayImport[room(from)])
		}
	}
	return arrows
}

func allowed(from, to string, inTest bool) bool {
	home := room(from)
	lean := slices.Clone(mayImport[home])
	if inTest {
		lean = append(lean, testsMayImport[home]...)
	}
	return slices.ContainsFunc(lean, func(r string) bool { return r == "*" || room(to) == r }) || within(to, home) || to == everyones
}

// room returns the entry of mayImport that dir belongs to.
func room(dir string) string {
	for ; dir != "."; dir = path.Dir(dir) {
		if _, ok := mayImport[dir]; ok {
			return dir
		}
	}
	return ""
}

// needsEntry says whether dir is a room that mayImport forgot: only rooms without rooms of their own have free subfolders.
func needsEntry(dir string) bool {
	home := room(dir)
	return dir != home && slices.Contains([]string{"", "gomlxops", "tracker", "datasets"}, home)
}

func within(dir, home string) bool { return dir == home || strings.HasPrefix(dir, home+"/") }
