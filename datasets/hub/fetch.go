package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// parallel is how many files are fetched at once.
const parallel = 4

// patience is how long a download that was told to stop may take to remove what it has, before it is left to itself.
const patience = 2 * time.Second

// fetchAll brings the files that the cache lacks into blobs/, and returns their bytes.
func (p *puller) fetchAll(ctx context.Context, files []file) (int64, error) {
	var missing []file
	seen := map[string]bool{} // two files with the same content are one blob
	for _, f := range files {
		if !seen[f.etag] && !hasBlob(p.blob(f), f.size) {
			missing = append(missing, f)
		}
		seen[f.etag] = true
	}
	p.progress.begin(total(missing))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, f := range missing {
		group.Go(func() error {
			if err := p.fetch(ctx, f); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			return nil
		})
	}
	err := group.Wait()
	return total(missing), err
}

func (p *puller) blob(f file) string { return filepath.Join(p.root, "blobs", f.etag) }

// hasBlob tells whether a blob is in the cache with the right length.
func hasBlob(path string, size int64) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && (size < 0 || info.Size() == size)
}

// fetch brings one file into blobs/: beside its place first, and there once its content is checked and on the disk.
func (p *puller) fetch(ctx context.Context, f file) error {
	blob := p.blob(f)
	beside := blob + ".pare" // one name for all attempts, so that a killed one leaves nothing that the next does not take over
	if err := p.download(ctx, f, beside); err != nil {
		return err
	}
	if err := p.verify(ctx, f, beside); err != nil {
		if errors.Is(err, os.ErrNotExist) && hasBlob(blob, f.size) { // another process had the same thought and was faster
			return nil
		}
		if errors.Is(err, ErrDamaged) {
			err = errors.Join(err, os.Remove(beside))
		}
		return err
	}
	if err := os.Rename(beside, blob); err != nil && !hasBlob(blob, f.size) {
		return err
	}
	return syncDir(filepath.Dir(blob))
}

// download has go-huggingface fetch the file to path. It breaks off when ctx ends, when nothing arrives for a while, and when
// more arrives than was listed.
func (p *puller) download(ctx context.Context, f file, path string) error {
	address, err := p.lib.FileURL(f.name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(p.stall, func() { cancel(errStalled) })
	defer idle.Stop()
	last := int64(0)
	note := func(done, _ int64) {
		idle.Reset(p.stall)
		if f.size >= 0 && done > f.size {
			cancel(fmt.Errorf("%w: expected %d bytes, found more", ErrDamaged, f.size))
		}
		p.progress.fetched(done - last)
		last = done
	}
	ended := make(chan error, 1)
	go func() { ended <- p.lib.GetDownloadManager().LockedDownload(ctx, address, path, false, note) }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		select { // it waits for other processes' locks without looking at ctx
		case <-ended:
		case <-time.After(patience):
		}
		err = ctx.Err()
	}
	if err == nil {
		p.progress.fetched(max(f.size-last, 0)) // the last bytes are not reported
	}
	return p.explain(ctx, err)
}
