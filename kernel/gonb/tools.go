package gonb

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
)

// programs are what a kernel needs on its PATH besides the go command, by the package that they are built from.
var programs = []struct{ name, path string }{
	{"gonb", "github.com/janpfeifer/gonb"},
	{"goimports", "golang.org/x/tools/cmd/goimports"},
}

// Tools says where the parts of a kernel are.
type Tools struct {
	Source string // root of the module that cells compile against
	Bin    string // directory of gonb and goimports
	GoRoot string // the Go tree that go.mod asks for
	Go     string // its version, as "go1.27.4"
	GoNB   string // GoNB's version, as "v0.11.5"
	Built  bool   // whether this call built them
}

// BuildOptions tells [Build] where to look and where to put. The zero value works.
type BuildOptions struct {
	Source string    // root of the module; found by [FindSource] from the working directory if empty
	Cache  string    // directory for the programs; the user's cache directory + /pare/tools if empty
	Log    io.Writer // told when something is built, which takes about 10 seconds; nil is silent
}

// Build returns the programs of a kernel, and builds those that go.mod pins if they are not there yet. Processes that
// build at the same time wait for one another; what was built appears all at once or not at all.
func Build(ctx context.Context, opt BuildOptions) (Tools, error) {
	var err error
	if opt.Source == "" {
		if opt.Source, err = FindSource("."); err != nil {
			return Tools{}, err
		}
	}
	if opt.Cache == "" {
		if opt.Cache, err = os.UserCacheDir(); err != nil {
			return Tools{}, fmt.Errorf("no place for the kernel's programs: %w; set XDG_CACHE_HOME or HOME", err)
		}
		opt.Cache = filepath.Join(opt.Cache, "pare", "tools")
	}
	if opt.Log == nil {
		opt.Log = io.Discard
	}
	mod, err := readModule(opt.Source)
	if err != nil {
		return Tools{}, err
	}
	tools := Tools{Source: opt.Source, GoNB: required(mod, programs[0].path)}
	if tools.GoNB == "" {
		return Tools{}, fmt.Errorf("%s/go.mod requires no %s", opt.Source, programs[0].path)
	}
	if tools.Go, tools.GoRoot, err = toolchain(ctx, opt.Source); err != nil {
		return Tools{}, err
	}
	dir := filepath.Join(opt.Cache, key(mod, tools.Go))
	tools.Bin = filepath.Join(dir, "bin")
	if complete(tools.Bin) == nil {
		return tools, nil
	}
	tools.Built = true
	return tools, buildOnce(ctx, tools, dir, opt.Log)
}

// buildOnce builds under the lock of dir, unless another process did so meanwhile.
func buildOnce(ctx context.Context, tools Tools, dir string, log io.Writer) error {
	cache := filepath.Dir(dir)
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	unlock, err := lock(ctx, dir+".lock", func() {
		fmt.Fprintln(log, "pare: waiting for another process that builds the kernel")
	})
	if err != nil {
		return err
	}
	defer unlock()
	if complete(tools.Bin) == nil {
		return nil
	}
	work, err := os.MkdirTemp(cache, ".building-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)

	start := time.Now()
	fmt.Fprintf(log, "pare: building the kernel (GoNB %s with %s), once ...\n", tools.GoNB, tools.Go)
	if err := compile(ctx, tools, filepath.Join(work, "bin")); err != nil {
		return err
	}
	if err := publish(work, dir); err != nil {
		return err
	}
	fmt.Fprintf(log, "pare: built the kernel in %.1f s\n", time.Since(start).Seconds())
	return nil
}

// compile builds the programs into bin.
func compile(ctx context.Context, tools Tools, bin string) error {
	args := []string{"build", "-ldflags=-s -w", "-o", bin + string(filepath.Separator)}
	for _, p := range programs {
		args = append(args, p.path)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(tools.GoRoot, "bin", "go"), args...)
	cmd.Dir = tools.Source
	cmd.Env = append(Environ(tools, nil), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("building the kernel in %s: %w\n%s", tools.Source, err, strings.TrimSpace(string(out)))
	}
	return complete(bin)
}

// publish moves the finished directory work to dir, over what a broken one may have left.
func publish(work, dir string) error {
	for _, p := range programs {
		if err := syncPath(filepath.Join(work, "bin", p.name)); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.Chmod(work, 0o755); err != nil {
		return err
	}
	if err := os.Rename(work, dir); err != nil {
		return err
	}
	return syncPath(filepath.Dir(dir))
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// complete says which program is missing in bin, or nil.
func complete(bin string) error {
	for _, p := range programs {
		info, err := os.Stat(filepath.Join(bin, p.name))
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 || info.Size() == 0 {
			return fmt.Errorf("%s is not a program", filepath.Join(bin, p.name))
		}
	}
	return nil
}

// key names a directory for what go.mod pins: every version in it may be part of a program.
func key(mod *modfile.File, goVersion string) string {
	lines := []string{goVersion, runtime.GOOS, runtime.GOARCH, "1"}
	for _, r := range mod.Require {
		lines = append(lines, r.Mod.String())
	}
	for _, r := range mod.Replace {
		lines = append(lines, r.Old.String()+"=>"+r.New.String())
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return fmt.Sprintf("gonb-%s-%x", required(mod, programs[0].path), sum[:6])
}

func required(mod *modfile.File, path string) string {
	for _, r := range mod.Require {
		if r.Mod.Path == path {
			return r.Mod.Version
		}
	}
	return ""
}

// toolchain asks the go command on PATH which Go the module in source is built with: its version and its tree.
func toolchain(ctx context.Context, source string) (version, root string, err error) {
	cmd := exec.CommandContext(ctx, "go", "env", "GOVERSION", "GOROOT")
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=auto", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=")
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", "", errors.New("no go command on PATH: cells are compiled by it; install Go from https://go.dev/dl")
	}
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = errors.New(strings.TrimSpace(string(exit.Stderr)))
		}
		return "", "", fmt.Errorf("asking go for its version in %s: %w", source, err)
	}
	version, root, ok := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if !ok {
		return "", "", fmt.Errorf("go env in %s: expected a version and a directory, found %q", source, out)
	}
	if _, err := os.Stat(filepath.Join(root, "bin")); errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("go env in %s: GOROOT %s has no bin directory", source, root)
	}
	return version, root, nil
}
