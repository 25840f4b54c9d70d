package boltstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/parelab/pare/internal/durable"
	"github.com/parelab/pare/tracker"
)

// filesDir is where kept content lies: files/ab/cdef… for digest abcdef….
func (s *Store) filesDir() string { return filepath.Join(filepath.Dir(s.path), "files") }

func (s *Store) filePath(digest string) string {
	return filepath.Join(s.filesDir(), digest[:2], digest[2:])
}

// SaveFile implements [tracker.Store]. Content is written beside its place, synced and renamed.
func (s *Store) SaveFile(ctx context.Context, r io.Reader) (digest string, size int64, err error) {
	if err := os.MkdirAll(s.filesDir(), 0o700); err != nil {
		return "", 0, err
	}
	tmp, err := os.CreateTemp(s.filesDir(), ".new-*") // mode 0600
	if err != nil {
		return "", 0, err
	}
	defer os.Remove(tmp.Name()) // it is renamed when all went well
	sum := sha256.New()
	size, err = io.Copy(io.MultiWriter(tmp, sum), &contextReader{ctx, r})
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return "", 0, fmt.Errorf("keep a file in %s: %w", s.filesDir(), err)
	}
	digest = hex.EncodeToString(sum.Sum(nil))
	place := s.filePath(digest)
	if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
		return "", 0, err
	}
	if err := durable.Rename(tmp.Name(), place); err != nil {
		return "", 0, err
	}
	return digest, size, durable.SyncDir(s.filesDir())
}

// contextReader stops reading when its context is cancelled.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// OpenFile implements [tracker.Store].
func (s *Store) OpenFile(ctx context.Context, digest string) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	missing := fmt.Errorf("file with digest %q: %w", digest, tracker.ErrNotFound)
	if raw, err := hex.DecodeString(digest); err != nil || len(raw) != sha256.Size {
		return nil, missing // and so a digest is never a path
	}
	f, err := os.Open(s.filePath(digest))
	if os.IsNotExist(err) {
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	return &checkedFile{file: f, sum: sha256.New(), digest: digest}, nil
}

// checkedFile compares what was read with its digest when it comes to the end.
type checkedFile struct {
	file   *os.File // not embedded: its WriteTo would pass by the check
	sum    hash.Hash
	digest string
}

func (c *checkedFile) Close() error { return c.file.Close() }

func (c *checkedFile) Read(p []byte) (int, error) {
	n, err := c.file.Read(p)
	c.sum.Write(p[:n])
	if err == io.EOF {
		if got := hex.EncodeToString(c.sum.Sum(nil)); got != c.digest {
			return n, &tracker.DamagedError{File: c.file.Name(), Detail: "expected digest " + c.digest + ", found " + got}
		}
	}
	return n, err
}
