package gomlxops

import (
	"fmt"
	"os"
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
	b, err = compute.NewWithConfig(name)
	if err != nil {
		return nil, fmt.Errorf("backend %q did not start: %w", name, err)
	}
	warnWithoutSIMD(kind)
	return b, nil
}
