package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestWriteFailsWhole: what was there stays, and nothing is left beside it, whether the writer or the disk fails.
func TestWriteFailsWhole(t *testing.T) {
	failures := map[string]func(io.Writer) error{
		"writer": func(w io.Writer) error {
			w.Write(make([]byte, 1<<20))
			return io.ErrUnexpectedEOF
		},
		"disk": func(w io.Writer) error {
			_, err := w.Write(make([]byte, 1<<22))
			return err
		},
	}
	for name, write := range failures {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "result")
			if err := WriteFile(path, []byte("before")); err != nil {
				t.Fatal(err)
			}
			limitFiles(t, 1<<21)
			if err := Write(path, write); err == nil {
				t.Fatal("no error")
			}
			if data, err := os.ReadFile(path); err != nil || string(data) != "before" {
				t.Errorf("found %q, %v; expected what was there before", data, err)
			}
			if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
				t.Errorf("found %v; expected the file alone", entries)
			}
		})
	}
}

// limitFiles makes longer files fail as on a full disk, until the test ends.
func limitFiles(t *testing.T, size uint64) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	limited := old
	limited.Cur = size
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limited); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
			t.Fatal(err)
		}
	})
}

// TestWriteFile: the content, in the place of another, and readable by others as the umask allows.
func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "result")
	defer syscall.Umask(syscall.Umask(0o027))
	for _, text := range []string{"one", "", "three"} {
		if err := WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != text {
			t.Errorf("found %q, %v; expected %q", data, err, text)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("mode %v, %v; expected 0640", info.Mode(), err)
	}
}

func TestRename(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if err := Rename(from, to); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v for a file that is not there", err)
	}
	if err := os.WriteFile(from, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Rename(from, to); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(to); err != nil {
		t.Error(err)
	}
}

func TestWriteFileOverDirectory(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.ipynb")
	if err := os.Mkdir(path, 0o755); err != nil { // a rename onto a directory fails
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("x")); err == nil {
		t.Error("wrote over a directory")
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// TestWriteDir checks that a directory appears whole in the place of what was there, and that after an error, what was there is all that is.
func TestWriteDir(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "out")
	fill := func(text string, err error) error {
		return WriteDir(dir, func(fresh string) error {
			return errors.Join(WriteFile(filepath.Join(fresh, "a"), []byte(text)), err)
		})
	}
	if err := fill("first", nil); err != nil {
		t.Fatal(err)
	}
	if err := fill("second", nil); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := fill("third", broken); !errors.Is(err, broken) {
		t.Errorf("error %v, expected that of the writer", err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(text) != "second" {
		t.Errorf("found %q, %v; expected the second text", text, err)
	}
	if all, err := os.ReadDir(parent); err != nil || len(all) != 1 {
		t.Errorf("%d entries beside and with the directory, %v; expected it alone", len(all), err)
	}
}

// A link to a directory stays a link, and what is written lies where it leads; one that leads nowhere is an error.
func TestWriteDirFollowsLinks(t *testing.T) {
	root := t.TempDir()
	real, link, lost := filepath.Join(root, "elsewhere", "real"), filepath.Join(root, "link"), filepath.Join(root, "lost")
	if err := errors.Join(os.MkdirAll(real, 0o755), os.Symlink(real, link), os.Symlink(filepath.Join(root, "nowhere"), lost)); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	write := func(fresh string) error { return WriteFile(filepath.Join(fresh, "a"), []byte("1")) }
	if err := WriteDir(link, write); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(link); err != nil || to != real {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if data, err := os.ReadFile(filepath.Join(real, "a")); err != nil || string(data) != "1" {
		t.Errorf("found %q, %v", data, err)
	}
	if err := WriteDir(lost, write); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a link that leads nowhere: %v", err)
	}
	if left, err := os.ReadDir(root); err != nil || len(left) != 3 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
