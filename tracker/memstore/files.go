package memstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/parelab/pare/tracker"
)

// SaveFile implements [tracker.Store].
func (s *Store) SaveFile(ctx context.Context, r io.Reader) (string, int64, error) {
	if err := ctx.Err(); err != nil {
		return "", 0, err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return "", 0, err
	}
	sum := sha256.Sum256(data)
	name := hex.EncodeToString(sum[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[name] = data
	return name, int64(len(data)), nil
}

// OpenFile implements [tracker.Store].
func (s *Store) OpenFile(ctx context.Context, sha256 string) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.files[sha256]
	if !ok {
		return nil, fmt.Errorf("file with digest %q: %w", sha256, tracker.ErrNotFound)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}
