package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/parelab/pare/internal/durable"
)

// parallel is how many files are fetched at once.
const parallel = 4

// unfinished is how huggingface_hub marks a blob of which not all is there. Either program goes on with what the other left.
const unfinished = ".incomplete"

// fetchAll brings the files that the cache lacks into blobs/.
func (p *puller) fetchAll(ctx context.Context, files []file) error {
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
	return group.Wait()
}

func (p *puller) blob(f file) string { return filepath.Join(p.root, "blobs", f.etag) }

// hasBlob tells whether a blob is in the cache with the right length.
func hasBlob(path string, size int64) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && (size < 0 || info.Size() == size)
}

// fetch brings one file into blobs/: beside its place first, and there once its content is checked and on the disk. What an earlier call
// left beside it is gone on with.
func (p *puller) fetch(ctx context.Context, f file) (err error) {
	release, err := p.lock(ctx, f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	blob := p.blob(f)
	if hasBlob(blob, f.size) { // another program brought it in the meantime
		p.progress.found(f.size)
		return nil
	}
	beside := blob + unfinished
	resumed, err := p.complete(ctx, f, beside)
	if errors.Is(err, ErrDamaged) && resumed > 0 { // what had been left was no part of this file
		_, err = p.complete(ctx, f, beside)
	}
	if err != nil {
		return err
	}
	return durable.Rename(beside, blob)
}

// complete fetches what is missing of a file, and checks the whole. What is there and not the file that was listed is removed. It
// returns how many bytes were there before.
func (p *puller) complete(ctx context.Context, f file, path string) (resumed int64, err error) {
	if info, err := os.Stat(path); err == nil {
		resumed = info.Size()
	}
	if f.hash == hashNone || resumed > f.size { // too long, or nobody could tell whether it is a part of the file
		resumed = 0
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return 0, err
		}
	}
	p.progress.found(resumed)
	if resumed == 0 || resumed < f.size {
		if err := p.download(ctx, f, path, resumed); err != nil {
			return resumed, err
		}
	}
	err = p.verify(ctx, f, path)
	if errors.Is(err, ErrDamaged) {
		err = errors.Join(err, os.Remove(path))
	}
	return resumed, err
}
