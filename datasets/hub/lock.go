package hub

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// lockEvery is the time between two tries to get a lock.
const lockEvery = 100 * time.Millisecond

// lock keeps other programs from fetching the same blob at the same time, Python's huggingface_hub too: the file
// .locks/REPOSITORY/ETAG.lock is its. It waits for as long as another one holds it. The file stays; removing it would let two in.
//
// Where a file system knows no locks two programs may write one file in turns. What comes of that fails the check of its digest.
func (p *puller) lock(ctx context.Context, f file) (release func() error, err error) {
	path := filepath.Join(p.env.cache, ".locks", filepath.Base(p.root), f.etag+".lock")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	lock := flock.New(path, flock.SetPermissions(0o644))
	got, err := lock.TryLock()
	if errors.Is(err, errors.ErrUnsupported) {
		return func() error { return nil }, nil
	}
	if err == nil && !got {
		p.progress.waiting()
		_, err = lock.TryLockContext(ctx, lockEvery)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}
	return lock.Close, err
}
