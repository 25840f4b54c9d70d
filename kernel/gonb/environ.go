package gonb

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Preamble returns the code that a fresh kernel should run silently before the first cell: no `go get` (modules come from
// the module cache); binaries without debug information, which halves the time of linking a cell (panics still name lines);
// and the temporary directory of this process instead of the kernel's private one, which goes away with it.
func Preamble() string {
	return fmt.Sprintf("%%noautoget\n%%goflags -ldflags=\"-s -w\"\n%%env TMPDIR %s", Quote(os.TempDir()))
}

// Quote writes s as one word of a GoNB command such as %env.
func Quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(s) + `"`
}

// Environ returns the environment in which cells compile and run: that of this process with the Go settings that the module
// needs, the tools first on PATH, and then extra ("NAME=value"), of which the last counts.
//
// Settings inherited from a shell or from `go env -w` are overruled where they break cells: -mod=mod in GOFLAGS refuses a
// go.work file, GOWORK names another workspace, and cgo would ask for a C compiler. GOFLAGS gets a harmless flag, since the
// go command takes an empty one for none and reads its own file.
func Environ(tools Tools, extra []string) []string {
	overruled := map[string]string{
		"GOTOOLCHAIN":  "auto",
		"GOEXPERIMENT": "simd",
		"GOFLAGS":      "-buildvcs=false",
		"GOWORK":       "",
		"GO111MODULE":  "",
		"CGO_ENABLED":  "0",
		"GOROOT":       "",
		"GOOS":         "",
		"GOARCH":       "",
		SourceEnv:      tools.Source,
		"PATH": strings.Join([]string{tools.Bin, filepath.Join(tools.GoRoot, "bin"), os.Getenv("PATH")},
			string(os.PathListSeparator)),
	}
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if _, ok := overruled[name]; !ok {
			env = append(env, kv)
		}
	}
	for name, value := range overruled {
		if value != "" {
			env = append(env, name+"="+value)
		}
	}
	return append(env, extra...)
}
