//go:build !unix

package boltstore

import "os"

// release lets go of bbolt's lock on a file that bbolt can no longer close.
func release(f *os.File) { _ = f.Close() }
