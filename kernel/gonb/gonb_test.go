package gonb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// childEnv makes this test's binary start a kernel, say so, and wait to be killed.
const childEnv = "PARE_TEST_KERNEL_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	tools, err := Build(context.Background(), BuildOptions{Log: os.Stderr})
	if err != nil {
		panic(err)
	}
	k, err := Start(context.Background(), Options{Tools: tools})
	if err != nil {
		panic(err)
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{"pid": k.PID(), "dir": k.dir})
	select {}
}

func TestFindSource(t *testing.T) {
	root, err := FindSource(".")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "kernel", "gonb", "source.go")); err != nil {
		t.Errorf("found %s, which is not this module", root)
	}
	if far, err := FindSource(t.TempDir()); err != nil || far != root {
		t.Errorf("from elsewhere: got %q, %v; want %q, where this test was built", far, err, root)
	}
	other := t.TempDir()
	t.Setenv(SourceEnv, other)
	if _, err := FindSource("."); err == nil || !strings.Contains(err.Error(), SourceEnv) || !strings.Contains(err.Error(), "go.mod") {
		t.Errorf("%s without go.mod: got %v", SourceEnv, err)
	}
	os.WriteFile(filepath.Join(other, "go.mod"), []byte("module example.com/x\n"), 0o644)
	if _, err := FindSource("."); err == nil || !strings.Contains(err.Error(), "another module") {
		t.Errorf("%s with another module: got %v", SourceEnv, err)
	}
}

// Two builds at once into an empty cache: one builds, both get the same complete programs, nothing else is left.
func TestBuildOnceThenFast(t *testing.T) {
	if testing.Short() {
		t.Skip("builds GoNB, about 10 seconds with an empty build cache; runs without -short")
	}
	cache := t.TempDir()
	var log bytes.Buffer
	logs := &tail{max: 1 << 16}
	var wg sync.WaitGroup
	var got [2]Tools
	for i := range got {
		wg.Go(func() {
			var err error
			if got[i], err = Build(t.Context(), BuildOptions{Cache: cache, Log: logs}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := strings.Count(logs.String(), "built the kernel"); n != 1 {
		t.Errorf("built %d times; the log says:\n%s", n, logs)
	}
	if got[0].Bin != got[1].Bin || complete(got[0].Bin) != nil {
		t.Errorf("got %+v and %+v: %v", got[0], got[1], complete(got[0].Bin))
	}
	entries, _ := os.ReadDir(cache)
	if len(entries) != 2 {
		t.Errorf("the cache holds %v; expected the programs and the lock", entries)
	}
	start := time.Now()
	again, err := Build(t.Context(), BuildOptions{Cache: cache, Log: &log})
	if err != nil || again.Built || log.Len() > 0 {
		t.Errorf("second time: %+v, %v, log %q", again, err, log.String())
	}
	t.Logf("a warm Build took %v", time.Since(start))
}

func TestBuildIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cache := t.TempDir()
	if _, err := Build(ctx, BuildOptions{Cache: cache}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "gonb-*", "bin")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLockWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	unlock, err := lock(t.Context(), path, func() { t.Error("the first lock waited") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*lockPoll)
	defer cancel()
	waited := 0
	if _, err := lock(ctx, path, func() { waited++ }); !errors.Is(err, context.DeadlineExceeded) || waited != 1 {
		t.Errorf("the second lock: %v, told %d times", err, waited)
	}
	unlock()
	if unlock, err = lock(t.Context(), path, func() {}); err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestReadConnectionRejects(t *testing.T) {
	good, err := newConnection("")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kernel-1.json")
	if err := good.write(path); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("the connection file's mode is %v; others could read the key", info.Mode())
	}
	if back, err := ReadConnection(path); err != nil || back != good {
		t.Fatalf("got %+v, %v; want %+v", back, err, good)
	}
	for want, change := range map[string]func(*Connection){
		"transport":        func(c *Connection) { c.Transport = "ipc" },
		"signature_scheme": func(c *Connection) { c.SignatureScheme = "md5" },
		"hb_port":          func(c *Connection) { c.HBPort = 0 },
		"shell_port":       func(c *Connection) { c.ShellPort = 65536 },
	} {
		bad := good
		change(&bad)
		bad.write(path)
		if _, err := ReadConnection(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

func TestStartThenStopLeavesNothing(t *testing.T) {
	tools, err := Build(t.Context(), BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	k, err := Start(t.Context(), Options{Tools: tools, WorkDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the kernel listened after %v", time.Since(start))
	sockets, err := k.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sockets.Close()
	k.Stop()
	k.Stop()
	if syscall.Kill(-k.PID(), 0) == nil {
		t.Error("the kernel's process group still has a process")
	}
	if _, err := os.Stat(k.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the kernel's directory is still there: %v", err)
	}
	if k.Err() == nil {
		t.Error("an ended kernel says that it runs")
	}
}

// A program that is killed without a chance to clean up takes its kernel with it.
func TestKernelDiesWithItsParent(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self)
	child.Env = append(os.Environ(), childEnv+"=1")
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var said struct {
		PID int
		Dir string
	}
	if err := json.NewDecoder(out).Decode(&said); err != nil {
		t.Fatal(err)
	}
	if syscall.Kill(-said.PID, 0) != nil {
		t.Fatal("the child's kernel does not run")
	}
	child.Process.Kill()
	child.Wait()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		_, err := os.Stat(said.Dir)
		if syscall.Kill(-said.PID, 0) != nil && err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("ten seconds after its parent, the kernel %d or its directory %s is still there", said.PID, said.Dir)
}
