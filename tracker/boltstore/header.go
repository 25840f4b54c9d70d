package boltstore

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/parelab/pare/tracker"
)

// bbolt begins a file with two meta pages. Each has a 16-byte page header, then this number, little- or big-endian as the machine is
// (go.etcd.io/bbolt/internal/common/meta.go and types.go).
const (
	boltMagic      = 0xED0CDAED
	boltPageHeader = 16
)

// checkHeader returns [tracker.ErrNotTracker] if the file at path does not begin like a bbolt database. Either of the two meta pages
// will do, since bbolt can live with one; the second one's place depends on the page size.
func checkHeader(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return notTracker(path, "found a "+kindOf(info))
	}
	start := make([]byte, boltPageHeader+4)
	if n, _ := f.ReadAt(start, 0); hasMagic(start[:n], 0) { // the usual case, before every transaction
		return nil
	}
	start = make([]byte, 64<<10+boltPageHeader+4)
	n, err := io.ReadFull(f, start)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return fmt.Errorf("tracker file %s: %w", path, err)
	}
	start = start[:n]
	for size := 1024; size <= 64<<10; size *= 2 {
		if hasMagic(start, size) {
			return nil
		}
	}
	if n == 0 {
		return notTracker(path, "found an empty file")
	}
	return notTracker(path, fmt.Sprintf("found %d bytes that begin with %q", info.Size(), start[:min(n, 16)]))
}

func hasMagic(start []byte, page int) bool {
	at := page + boltPageHeader
	return len(start) >= at+4 && binary.NativeEndian.Uint32(start[at:]) == boltMagic
}

func kindOf(info os.FileInfo) string {
	if info.IsDir() {
		return "directory"
	}
	return "special file (" + info.Mode().String() + ")"
}

func notTracker(path, found string) error {
	return fmt.Errorf("%s is %w: expected a bbolt database made by pare, %s; move it away, or name another file with --db or another directory with PARE_HOME", path, tracker.ErrNotTracker, found)
}
