package hub

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// unfinishedWeights is where a download of the weights stands.
func (h *fakeHub) unfinishedWeights(cache string) string {
	return filepath.Join(cache, "models--org--tiny", "blobs", digest(h.files["model.safetensors"])+unfinished)
}

// dir is where the snapshot belongs.
func (h *fakeHub) dir() string {
	dir, _ := CacheDir()
	return filepath.Join(dir, "models--org--tiny", "snapshots", h.commit)
}

// TestPullKilled is a program that pulls in [TestPullGoesOnAfterKill] and is killed there.
func TestPullKilled(t *testing.T) {
	if os.Getenv("PARE_TEST_KILLED") == "" {
		t.Skip("not asked to be the victim of TestPullGoesOnAfterKill")
	}
	fmt.Println("pulling")
	_, err := Pull(t.Context(), "org/tiny", PullOptions{})
	t.Fatalf("the pull ended: %v", err)
}

// TestPullGoesOnAfterKill kills a program, as kill -9 does, in the middle of a file, and counts what the server has to send for the rest.
func TestPullGoesOnAfterKill(t *testing.T) {
	h, cache := newFakeHub(t)
	sent := make(chan struct{})
	h.takeOver(half(h, func() { close(sent) }))
	victim := exec.Command(os.Args[0], "-test.run=^TestPullKilled$", "-test.v")
	victim.Env = append(os.Environ(), "PARE_TEST_KILLED=1")
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "pulling" {
	}
	<-sent
	path, least := h.unfinishedWeights(cache), int64(1_000_000-pieceBytes)
	waitUntil(t, func() bool { info, err := os.Stat(path); return err == nil && info.Size() >= least })
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait()
	info, err := os.Stat(path)
	if err != nil || info.Size() < least || info.Size() > 1_000_000 {
		t.Fatalf("the program left %v, %v; expected at least %d bytes", info, err, least)
	}
	h.takeOver(nil)
	before := h.sent.Load()
	got, err := Pull(t.Context(), "org/tiny", PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if missing := 2_100_000 - info.Size(); h.sent.Load()-before != missing || got.Resumed < info.Size() {
		t.Errorf("the server sent %d bytes more, expected the %d that were missing; %+v", h.sent.Load()-before, missing, got)
	}
	checkWeights(t, h)
}

func waitUntil(t *testing.T, ready func() bool) {
	t.Helper()
	for !ready() {
		if t.Context().Err() != nil {
			t.Fatal("it never came")
		}
	}
}

// checkWeights compares the weights in the cache with the hub's.
func checkWeights(t *testing.T, h *fakeHub) {
	t.Helper()
	dir, err := Resolve(Model, "org/tiny")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "model.safetensors")); err != nil || string(text) != h.files["model.safetensors"] {
		t.Errorf("the weights are %d bytes, %v; expected those of the hub", len(text), err)
	}
	if _, err := os.Stat(filepath.Join(dir, "..", "..", "blobs", digest(h.files["model.safetensors"])+unfinished)); err == nil {
		t.Error("the unfinished file is still there")
	}
}

// TestPullBroken has a line that breaks after every 300,000 bytes: one call takes it up again and again, and nothing is sent twice.
func TestPullBroken(t *testing.T) {
	h, _ := newFakeHub(t)
	broken := 0
	h.takeOver(func(w http.ResponseWriter, r *http.Request, name string) bool {
		if !strings.HasPrefix(r.URL.Path, "/blob/") {
			return false
		}
		broken++
		text, from := h.files[name], 0
		if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); n == 1 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(text)-1, len(text)))
			w.Header().Set("Content-Length", fmt.Sprint(len(text)-from))
			w.WriteHeader(http.StatusPartialContent)
		} else {
			w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		}
		_, _ = w.Write([]byte(text[from:min(from+300_000, len(text))]))
		if from+300_000 < len(text) {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		return true
	})
	got, err := Pull(t.Context(), "org/tiny", PullOptions{Retries: 1})
	if err != nil {
		t.Fatal(err)
	}
	if broken != 7 || h.sent.Load() != 2_100_000 || got.Fetched != got.Bytes-2 { // two files are the same "{}"
		t.Errorf("%d connections with %d bytes, %+v; expected 7 connections and no byte twice", broken, h.sent.Load(), got)
	}
	checkWeights(t, h)
}

// TestPullNoRanges goes on with half a file on a server that sends whole files only.
func TestPullNoRanges(t *testing.T) {
	h, cache := newFakeHub(t)
	write(t, h.unfinishedWeights(cache), h.files["model.safetensors"][:1_000_000])
	h.takeOver(func(w http.ResponseWriter, r *http.Request, name string) bool {
		if !strings.HasPrefix(r.URL.Path, "/blob/") {
			return false
		}
		_, _ = w.Write([]byte(h.files[name]))
		return true
	})
	if _, err := Pull(t.Context(), "org/tiny", PullOptions{}); err != nil {
		t.Fatal(err)
	}
	if h.sent.Load() != 2_100_000 {
		t.Errorf("the server sent %d bytes, expected the whole file once", h.sent.Load())
	}
	checkWeights(t, h)
}

// TestPullOverRubbish has something else where the first half of the file should be.
func TestPullOverRubbish(t *testing.T) {
	for about, text := range map[string]string{
		"half, another":     strings.Repeat("rubbish", 150_000),
		"whole, another":    strings.Repeat("rubbish", 300_000),
		"more than a whole": strings.Repeat("rubbish", 300_001),
		"all but one byte":  strings.Repeat("rubbish", 300_000)[1:],
	} {
		h, cache := newFakeHub(t)
		write(t, h.unfinishedWeights(cache), text)
		if _, err := Pull(t.Context(), "org/tiny", PullOptions{}); err != nil {
			t.Errorf("%s: %v", about, err)
			continue
		}
		checkWeights(t, h)
	}
}

// TestPullKeepsWhatItHas is about answers that are no part of the file: a page that asks for a password, a range that was not asked
// for. What is there already must not suffer.
func TestPullKeepsWhatItHas(t *testing.T) {
	for about, answer := range map[string]http.HandlerFunc{
		"a page":           func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>Please log in") },
		"a page, cut":      func(w http.ResponseWriter, _ *http.Request) { cut(w, "<html>Please log in") },
		"a page in pieces": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("<p>", 10_000)) },
		"another range": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 5-2099999/2100000")
			w.Header().Set("Content-Length", "2099995")
			w.WriteHeader(http.StatusPartialContent)
			fmt.Fprint(w, strings.Repeat("x", 2_099_995))
		},
		"status 503": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "busy", http.StatusServiceUnavailable) },
	} {
		h, cache := newFakeHub(t)
		have := h.files["model.safetensors"][:1_000_000]
		write(t, h.unfinishedWeights(cache), have)
		h.takeOver(func(w http.ResponseWriter, r *http.Request, _ string) bool {
			isBlob := strings.HasPrefix(r.URL.Path, "/blob/")
			if isBlob {
				answer(w, r)
			}
			return isBlob
		})
		if _, err := Pull(t.Context(), "org/tiny", PullOptions{}); err == nil {
			t.Errorf("%s: no error", about)
		}
		if text, err := os.ReadFile(h.unfinishedWeights(cache)); err != nil || string(text) != have {
			t.Errorf("%s: of %d bytes %d are left, %v", about, len(have), len(text), err)
		}
		checkNothing(t, cache)
	}
}

// TestPullDiskFull writes to the device that is always full.
func TestPullDiskFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here: what a full disk does is not checked")
	}
	h, cache := newFakeHub(t)
	path := h.unfinishedWeights(cache)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink("/dev/full", path)); err != nil {
		t.Fatal(err)
	}
	_, err := Pull(t.Context(), "org/tiny", PullOptions{})
	if !errors.Is(err, ErrDiskFull) || !strings.Contains(err.Error(), "make room for 3 MB more") || !strings.Contains(err.Error(), "model.safetensors") {
		t.Errorf("error %v, expected ErrDiskFull with the file, the room that is missing and what to do", err)
	}
	checkNothing(t, cache)
}

// TestPullMany has five pulls of the same at once, as from five notebooks: each byte comes once.
func TestPullMany(t *testing.T) {
	h, _ := newFakeHub(t)
	var wait sync.WaitGroup
	var errs [5]error
	for i := range errs {
		wait.Go(func() { _, errs[i] = Pull(t.Context(), "org/tiny", PullOptions{}) })
	}
	wait.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	if h.sent.Load() != 2_100_000 {
		t.Errorf("the server sent %d bytes to five, expected the file once", h.sent.Load())
	}
	checkWeights(t, h)
	t.Setenv("HF_HUB_OFFLINE", "1")
	got, err := Pull(t.Context(), "org/tiny", PullOptions{})
	if err != nil || got.Dir != h.dir() || got.Files != len(leftovers(t, h.dir())) || got.Bytes < 2_100_000 || got.Fetched != 0 || got.Offline != "HF_HUB_OFFLINE=1" {
		t.Errorf("offline: %+v, %v; expected what the cache holds, in %s", got, err, h.dir())
	}
	if _, err := Pull(t.Context(), "org/tiny@other", PullOptions{}); !errors.Is(err, ErrOffline) {
		t.Errorf("offline, another revision: error %v, expected ErrOffline", err)
	}
}
