package hub

import (
	"context"
	"crypto/sha1" // #nosec: git's digest, which the hub lists
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
)

// verify compares length and digest of what was fetched with what was listed, and puts it on the disk for good.
func (p *puller) verify(ctx context.Context, f file, path string) (err error) {
	content, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer content.Close()
	info, err := content.Stat()
	if err != nil {
		return err
	}
	if f.size >= 0 && info.Size() != f.size {
		return fmt.Errorf("%w: expected %d bytes, found %d; try again", ErrDamaged, f.size, info.Size())
	}
	if sum := newHash(f.hash, info.Size()); sum != nil {
		if _, err := io.Copy(sum, &countedReader{ctx, content, p.progress}); err != nil {
			return err
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != f.etag {
			return fmt.Errorf("%w: expected the digest %s, found %s; try again", ErrDamaged, f.etag, got)
		}
	}
	return content.Sync()
}

// newHash returns the hash of a kind for content of a length, nil for none.
func newHash(kind hashKind, size int64) hash.Hash {
	switch kind {
	case hashSHA256:
		return sha256.New()
	case hashGit:
		sum := sha1.New()
		fmt.Fprintf(sum, "blob %d\x00", size)
		return sum
	}
	return nil
}

// countedReader ends with its context and reports what is read.
type countedReader struct {
	ctx context.Context
	r   io.Reader
	to  *progress
}

func (c *countedReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(b)
	c.to.verified(int64(n))
	return n, err
}
