package gomlxops

import (
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend" // registers the pure Go backend "go"
)

// goOnFewCores is the pure Go backend's setting for up to four cores: with more executors the idle ones hold the worker
// slots that one matrix product needs, and it runs at half speed.
const goOnFewCores = "go:num_executors=2,parallelism=8"

// Backend returns the process's only backend: tensors of one backend object cannot be used with another.
//
// PARE_BACKEND chooses it, else GOMLX_BACKEND, else the pure Go backend. A backend that cannot start is an error that says
// what is missing.
var Backend = sync.OnceValues(openBackend)

// BackendName returns the configuration that [Backend] uses or will use, such as "go:num_executors=2,parallelism=8".
func BackendName() string {
	for _, name := range []string{"PARE_BACKEND", "GOMLX_BACKEND"} {
		if v := os.Getenv(name); v != "" && v != "go" {
			return v
		}
	}
	return goOnFewCores
}

// IsGo says whether b is the pure Go backend, which wants hand-written backward passes; XLA fuses the plain forms itself.
func IsGo(b compute.Backend) bool { return b.String() == "go" }

func openBackend() (b compute.Backend, err error) {
	name := BackendName()
	kind, _, _ := strings.Cut(name, ":")
	if kind != "go" && !xlaBuiltIn {
		return nil, fmt.Errorf("backend %q: this program has only the pure Go backend; rebuild with `go build -tags xla`, or unset PARE_BACKEND and GOMLX_BACKEND", name)
	}
	// A plugin that cannot be loaded makes go-xla panic instead of returning an error.
	defer func() {
		if r := recover(); r != nil {
			b, err = nil, fmt.Errorf("backend %q did not start: %v; give the plugin's absolute path, as in PARE_BACKEND=xla:/path/to/plugin.so", name, r)
		}
	}()
	quiet, workers := cutParallelism(name)
	b, err = compute.NewWithConfig(quiet)
	if err == nil && workers != "" {
		err = setParallelism(b, workers)
	}
	if err != nil {
		return nil, fmt.Errorf("backend %q did not start: %w", name, err)
	}
	warnWithoutSIMD(kind)
	return b, nil
}

// cutParallelism takes the option "parallelism=N" out of a Go backend's configuration. The backend prints a line on standard
// output when it reads it, where only results belong.
func cutParallelism(name string) (rest, workers string) {
	kind, options, _ := strings.Cut(name, ":")
	if kind != "go" {
		return name, ""
	}
	var others []string
	for _, o := range strings.Split(options, ",") {
		if n, ok := strings.CutPrefix(o, "parallelism="); ok {
			workers = n
		} else if o != "" {
			others = append(others, o)
		}
	}
	return kind + ":" + strings.Join(others, ","), workers
}

// setParallelism does what the option would. The backend's type is internal to its module, its pool of workers is not.
func setParallelism(b compute.Backend, workers string) error {
	n, err := strconv.Atoi(workers)
	if err != nil || n < 1 {
		return fmt.Errorf("parallelism: expected a positive number, found %q", workers)
	}
	field := reflect.Indirect(reflect.ValueOf(b)).FieldByName("Workers")
	if !field.IsValid() {
		return fmt.Errorf("parallelism: %s has no pool of workers to set", b.Name())
	}
	pool, ok := field.Interface().(interface{ SetMaxParallelism(int) })
	if !ok {
		return fmt.Errorf("parallelism: %s has no pool of workers to set", b.Name())
	}
	pool.SetMaxParallelism(n)
	return nil
}
