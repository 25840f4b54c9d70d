//go:build unix

package boltstore

import (
	"os"
	"syscall"
)

// release lets go of bbolt's lock on a file that bbolt can no longer close. Closing alone would not: the mapping, which stays, keeps the open file.
func release(f *os.File) {
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
	_ = f.Close()
}
