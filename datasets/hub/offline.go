package hub

import (
	"io/fs"
	"os"
	"path/filepath"
)

// pullOffline is [Pull] where the network is forbidden: what the cache holds, as with huggingface_hub, or nil where it lacks what is asked for.
func pullOffline(name string, opt PullOptions) *Pulled {
	dir, err := Resolve(opt.Kind, name)
	if err != nil {
		return nil
	}
	got := &Pulled{Name: name, Dir: dir, Commit: filepath.Base(dir), Offline: offline()}
	var files []string
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := os.Stat(path) // a link into blobs
		if err != nil {
			return err
		}
		inside, err := filepath.Rel(dir, path)
		files = append(files, filepath.ToSlash(inside))
		got.Files++
		got.Bytes += info.Size()
		return err
	})
	if err != nil || opt.Choose != nil && len(opt.Choose(files)) == 0 {
		return nil
	}
	return got
}
