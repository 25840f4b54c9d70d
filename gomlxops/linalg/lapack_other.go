//go:build !(linux || darwin || freebsd)

package linalg

import (
	"fmt"
	"runtime"
)

// openLibrary refuses: no library has been tried on this system.
func openLibrary(name string) (solver, error) {
	return nil, fmt.Errorf("LAPACK library %s: not supported on %s", name, runtime.GOOS)
}
