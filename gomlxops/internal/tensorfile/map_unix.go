//go:build unix && !s390x && !ppc64 && !mips && !mips64

package tensorfile

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mappable says whether arrays can lie in mapped files: numbers have the file's byte order here.
const mappable = true

// mapFile maps size bytes of a file.
func mapFile(f *os.File, size int64, write bool) ([]byte, error) {
	if size != int64(int(size)) {
		return nil, fmt.Errorf("%d bytes are more than this machine can address", size)
	}
	protection := unix.PROT_READ
	if write {
		protection |= unix.PROT_WRITE
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(size), protection, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mmap: %w", err)
	}
	return data, nil
}

func unmap(data []byte) error { return unix.Munmap(data) }

// flush has the system write what was changed.
func flush(data []byte) error { return unix.Msync(data, unix.MS_SYNC) }

// view returns bytes of a mapped file as numbers of 8 bytes. They begin at a multiple of 8, as the header is padded and the mapping aligned.
func view[T float64 | int64](b []byte) []T {
	if len(b) == 0 {
		return []T{}
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), len(b)/8)
}
