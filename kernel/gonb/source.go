package gonb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/mod/modfile"
)

// Module is the path of the module that cells compile against.
const Module = "github.com/parelab/pare"

// SourceEnv names the environment variable that says where the module's source is.
const SourceEnv = "PARE_SOURCE"

// FindSource returns the directory of the module's source: PARE_SOURCE; else the nearest directory at or above dir whose
// go.mod declares the module; else the directory that the running program was built from.
func FindSource(dir string) (string, error) {
	if env := os.Getenv(SourceEnv); env != "" {
		if err := isSource(env); err != nil {
			return "", fmt.Errorf("%s: %w", SourceEnv, err)
		}
		return filepath.Abs(env)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if isSource(at) == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	if built := builtFrom(); built != "" && isSource(built) == nil {
		return built, nil
	}
	return "", fmt.Errorf("no source of %s at or above %s: cells compile against it; run inside a clone of it, or set %s to one",
		Module, dir, SourceEnv)
}

// isSource says why dir is not the root of the module, or nil if it is.
func isSource(dir string) error {
	_, err := readModule(dir)
	return err
}

// readModule reads the go.mod of the module in dir.
func readModule(dir string) (*modfile.File, error) {
	path := filepath.Join(dir, "go.mod")
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s has no go.mod; expected the root of module %s", dir, Module)
	}
	if err != nil {
		return nil, err
	}
	mod, err := modfile.Parse(path, data, nil)
	if err != nil {
		return nil, err
	}
	if mod.Module == nil || mod.Module.Mod.Path != Module {
		return nil, fmt.Errorf("%s declares another module than %s", path, Module)
	}
	return mod, nil
}

// builtFrom returns the module's root as the compiler saw it, empty if the program was built with -trimpath.
func builtFrom() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return ""
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}
