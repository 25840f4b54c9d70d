package hub

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parelab/pare/internal/durable"
)

// publish makes the snapshot of the commit, and then the reference by which the revision finds it.
func (p *puller) publish(files []file) error {
	snapshot := filepath.Join(p.root, "snapshots", p.commit)
	if err := os.MkdirAll(filepath.Dir(snapshot), 0o755); err != nil {
		return err
	}
	if _, err := os.Lstat(snapshot); errors.Is(err, os.ErrNotExist) {
		if err := newSnapshot(snapshot, files); err != nil {
			return err
		}
	}
	if err := linkAll(snapshot, files); err != nil {
		return err
	}
	if p.revision == p.commit { // huggingface_hub writes no reference for a commit either
		return nil
	}
	return writeRef(filepath.Join(p.root, "refs", filepath.FromSlash(p.revision)), p.commit)
}

// newSnapshot makes a snapshot beside its place and moves it there as a whole. Where another process was faster it leaves that one's.
func newSnapshot(snapshot string, files []file) error {
	beside, err := os.MkdirTemp(filepath.Dir(snapshot), ".pare-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(beside)
	if err := errors.Join(os.Chmod(beside, 0o755), linkAll(beside, files)); err != nil {
		return err
	}
	if err := os.Rename(beside, snapshot); err != nil {
		if _, there := os.Stat(snapshot); there != nil {
			return err
		}
	}
	return durable.SyncDir(filepath.Dir(snapshot))
}

// linkAll links the files of a snapshot to their blobs, the configuration last: a directory without it is no model.
func linkAll(snapshot string, files []file) error {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b file) int {
		if (a.name == configName) != (b.name == configName) {
			return map[bool]int{true: 1, false: -1}[a.name == configName]
		}
		return strings.Compare(a.name, b.name)
	})
	folders := map[string]bool{snapshot: true}
	for _, f := range files {
		up := strings.Repeat("../", 2+strings.Count(f.name, "/"))
		path := filepath.Join(snapshot, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := link(filepath.FromSlash(up+"blobs/"+f.etag), path); err != nil {
			return err
		}
		for folder := filepath.Dir(path); !folders[folder]; folder = filepath.Dir(folder) {
			folders[folder] = true
		}
	}
	for folder := range folders {
		if err := durable.SyncDir(folder); err != nil {
			return err
		}
	}
	return nil
}

// link makes path a link to target, in one step if there is something else.
func link(target, path string) error {
	if found, err := os.Readlink(path); err == nil && found == target {
		return nil
	}
	beside := path + ".pare"
	if err := os.Remove(beside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Symlink(target, beside); err != nil {
		return err
	}
	return os.Rename(beside, path)
}

// writeRef writes a commit into a file of refs/, at once.
func writeRef(path, commit string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return durable.WriteFile(path, []byte(commit))
}
