package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// checkNothing fails unless a pull that failed left no snapshot and no reference. Blobs may stay, and parts of them that are marked so.
func checkNothing(t *testing.T, cache string) {
	t.Helper()
	if dir, err := Resolve(Model, "org/tiny"); err == nil {
		t.Errorf("after a failure Resolve finds %s", dir)
	}
	if dir, err := Resolve(Model, "org/tiny@"+commit); err == nil {
		t.Errorf("after a failure Resolve finds the commit: %s", dir)
	}
	if _, err := os.Stat(cache); err != nil {
		return
	}
	for _, path := range leftovers(t, cache) {
		in, name := filepath.Split(strings.TrimSuffix(path, unfinished))
		if strings.HasSuffix(path, "/") || strings.HasPrefix(path, ".locks/models--org--tiny/") {
			continue
		}
		if in != "models--org--tiny/blobs/" || !isSHA256.MatchString(name) && !isCommit.MatchString(name) {
			t.Errorf("a failure left %s", path)
		}
	}
}

func TestPullRefused(t *testing.T) {
	for _, test := range []struct {
		about string
		name  string
		set   func(h *fakeHub)
		want  error
		says  string
	}{
		{"no such repository", "org/none", nil, ErrNotOnHub, "spelling"},
		{"no such revision", "org/tiny@v9", nil, ErrNotOnHub, `no revision "v9"`},
		{"private, no token", "org/tiny", func(h *fakeHub) { h.token = "hf_right" }, ErrDenied, "without a token"},
		{"private, wrong token", "org/tiny", func(h *fakeHub) { h.token = "hf_right"; t.Setenv("HF_TOKEN", "hf_wrong") }, ErrDenied, "ask for access at http"},
		{"gated, no token", "org/tiny", func(h *fakeHub) { h.token, h.gated = "hf_right", true; t.Setenv("HF_TOKEN", "") }, ErrDenied, "gated"},
		{"server in trouble", "org/tiny", func(h *fakeHub) { h.takeOver(status(503)) }, ErrUnreachable, "status 503"},
		{"too many requests", "org/tiny", func(h *fakeHub) { h.takeOver(status(429)) }, ErrUnreachable, "status 429"},
	} {
		h, cache := newFakeHub(t)
		if test.set != nil {
			test.set(h)
		}
		_, err := Pull(t.Context(), test.name, PullOptions{})
		if !errors.Is(err, test.want) || !strings.Contains(fmt.Sprint(err), test.says) || strings.Contains(fmt.Sprint(err), "hf_") {
			t.Errorf("%s: error %v, expected %v with %q and no token", test.about, err, test.want, test.says)
		}
		checkNothing(t, cache)
		if _, err := os.Stat(cache); test.want == ErrDenied && err == nil {
			if found := leftovers(t, cache); slices.ContainsFunc(found, func(path string) bool {
				return !strings.HasPrefix(path, ".locks/") && !strings.HasSuffix(path, ".lock")
			}) {
				t.Errorf("%s: the cache holds %v, expected nothing but locks", test.about, found)
			}
		}
	}
}

func status(code int) answerer {
	return func(w http.ResponseWriter, _ *http.Request, _ string) bool { http.Error(w, "no", code); return true }
}

func TestPullToken(t *testing.T) {
	for where, set := range map[string]func(home string){
		"HF_TOKEN":      func(string) { t.Setenv("HF_TOKEN", " hf_right\n") },
		"HF_HOME/token": func(home string) { write(t, filepath.Join(home, "token"), "hf_right\n") },
		"HF_TOKEN_PATH": func(home string) {
			write(t, filepath.Join(home, "mine"), "hf_right")
			t.Setenv("HF_TOKEN_PATH", filepath.Join(home, "mine"))
		},
	} {
		h, cache := newFakeHub(t)
		h.token = "hf_right"
		set(filepath.Dir(cache))
		if _, err := Pull(t.Context(), "org/tiny", PullOptions{}); err != nil { // the fake fails the test where the token goes elsewhere
			t.Errorf("token in %s: %v", where, err)
		}
		if !strings.Contains(h.seen(), "GET /blob/model.safetensors") {
			t.Errorf("token in %s: no request went to the other server", where)
		}
	}
	newFakeHub(t)
	t.Setenv("HF_TOKEN", "hf_a\nX-Evil: b")
	if _, err := Pull(t.Context(), "org/tiny", PullOptions{}); err == nil || !strings.Contains(err.Error(), "HF_TOKEN") || strings.Contains(err.Error(), "hf_a") {
		t.Errorf("a token of two lines: error %v, expected one that names HF_TOKEN and not the token", err)
	}
}

func TestPullOffline(t *testing.T) {
	for name, value := range map[string]string{"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "true"} {
		h, cache := newFakeHub(t)
		t.Setenv(name, value)
		_, err := Pull(t.Context(), "org/tiny", PullOptions{})
		if !errors.Is(err, ErrOffline) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "give its path") {
			t.Errorf("%s=%s: error %v, expected ErrOffline, the variable and what to do", name, value, err)
		}
		if requests := h.seen(); requests != "" {
			t.Errorf("%s=%s: asked for\n%s", name, value, requests)
		}
		checkNothing(t, cache)
	}
}

func TestPullNoNetwork(t *testing.T) {
	h, _ := newFakeHub(t)
	if _, err := Pull(t.Context(), "org/tiny", PullOptions{}); err != nil {
		t.Fatal(err)
	}
	h.seen()
	t.Setenv("HF_ENDPOINT", "http://127.0.0.1:1") // nothing listens there
	for name, says := range map[string]string{"org/tiny": "the cache has it already", "org/other": "give its path"} {
		_, err := Pull(t.Context(), name, PullOptions{})
		if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "http://127.0.0.1:1") {
			t.Errorf("%s: error %v, expected ErrUnreachable, the address and %q", name, err, says)
		}
	}
	for _, endpoint := range []string{"huggingface.co", "file:///etc", "https://", "https://user:secret@host"} {
		t.Setenv("HF_ENDPOINT", endpoint)
		if _, err := Pull(t.Context(), "org/tiny", PullOptions{}); err == nil || !strings.Contains(err.Error(), "HF_ENDPOINT") || strings.Contains(err.Error(), "secret") {
			t.Errorf("HF_ENDPOINT=%s: error %v, expected one that names it", endpoint, err)
		}
	}
}

func TestPullNames(t *testing.T) {
	h, cache := newFakeHub(t)
	for _, name := range []string{"", "ti--ny", "../tiny", "org/..", "org/tiny@", "org/tiny@../../x", "a/b/c", "/org/tiny", "org/tiny?x", "org/ti ny", "org/a--b", "org/tiny@a%2fb"} {
		if _, err := Pull(t.Context(), name, PullOptions{}); !errors.Is(err, ErrName) {
			t.Errorf("Pull(%q): error %v, expected ErrName", name, err)
		}
	}
	if requests := h.seen(); requests != "" {
		t.Errorf("asked for\n%s", requests)
	}
	checkNothing(t, cache)
}

// TestPullCut has a server that breaks off half way: the first call fails and shows nothing, the second goes on with what is missing.
func TestPullCut(t *testing.T) {
	h, cache := newFakeHub(t)
	whole := make(chan struct{})
	h.takeOver(func(w http.ResponseWriter, r *http.Request, name string) bool {
		if name != "model.safetensors" || !strings.HasPrefix(r.URL.Path, "/blob/") {
			return false
		}
		<-whole
		cut(w, h.files[name])
		return true
	})
	go func() { // the small files come first
		for ; len(h.small(cache)) < 2; time.Sleep(time.Millisecond) {
			if t.Context().Err() != nil {
				break
			}
		}
		close(whole)
	}()
	_, err := Pull(t.Context(), "org/tiny", PullOptions{})
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "model.safetensors") {
		t.Errorf("error %v, expected ErrUnreachable that names the file", err)
	}
	checkNothing(t, cache)
	h.seen()
	h.takeOver(nil)
	got, err := Pull(t.Context(), "org/tiny", PullOptions{})
	if err != nil || got.Resumed != 1_050_000 || got.Fetched != 1_050_000 {
		t.Errorf("the second call: %+v, %v; expected the second half of the weights fetched and no more", got, err)
	}
	if requests := h.seen(); strings.Contains(requests, "config.json") {
		t.Errorf("the second call fetched a file anew:\n%s", requests)
	}
}

// cut sends half of a text that it says is whole, and hangs up.
func cut(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Length", fmt.Sprint(len(text)))
	_, _ = w.Write([]byte(text[:len(text)/2]))
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// small returns the blobs of small files that are in the cache.
func (h *fakeHub) small(cache string) (found []string) {
	for _, name := range []string{"config.json", "tokenizer.json"} {
		if hasBlob(filepath.Join(cache, "models--org--tiny", "blobs", gitDigest(h.files[name])), -1) {
			found = append(found, name)
		}
	}
	return found
}

func TestPullInterrupted(t *testing.T) {
	h, cache := newFakeHub(t)
	ctx, interrupt := context.WithCancel(t.Context())
	h.takeOver(half(h, interrupt))
	began := time.Now()
	_, err := Pull(ctx, "org/tiny", PullOptions{})
	if !errors.Is(err, context.Canceled) || time.Since(began) > 5*time.Second {
		t.Errorf("error %v after %v, expected context.Canceled at once", err, time.Since(began))
	}
	checkNothing(t, cache)
}

// half sends half of the weights, calls then, and keeps the line open.
func half(h *fakeHub, then func()) answerer {
	return func(w http.ResponseWriter, r *http.Request, name string) bool {
		if !strings.HasPrefix(r.URL.Path, "/blob/") {
			return false
		}
		_, _ = w.Write([]byte(h.files[name][:1_000_000]))
		_ = http.NewResponseController(w).Flush()
		then()
		<-r.Context().Done()
		return true
	}
}

func TestPullStalls(t *testing.T) {
	for about, set := range map[string]func(h *fakeHub){
		"half of a file":            func(h *fakeHub) { h.takeOver(half(h, func() {})) },
		"a listing that never ends": func(h *fakeHub) { h.list = func([]any) any { time.Sleep(time.Second); return nil } },
	} {
		h, cache := newFakeHub(t)
		set(h)
		_, err := Pull(t.Context(), "org/tiny", PullOptions{Stall: 300 * time.Millisecond, Retries: 1})
		if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), errStalled.Error()) {
			t.Errorf("%s: error %v, expected ErrUnreachable because nothing arrives", about, err)
		}
		checkNothing(t, cache)
	}
}

func TestPullCircle(t *testing.T) {
	h, cache := newFakeHub(t)
	h.takeOver(func(w http.ResponseWriter, r *http.Request, _ string) bool {
		http.Redirect(w, r, r.URL.Path+"?signature=a%2Fb", http.StatusFound)
		return true
	})
	if _, err := Pull(t.Context(), "org/tiny", PullOptions{}); !errors.Is(err, ErrUnsafe) || !strings.Contains(err.Error(), "redirects in a row") {
		t.Errorf("error %v, expected ErrUnsafe for redirects in a circle", err)
	}
	checkNothing(t, cache)
}

// TestPullDamaged has a server that sends other bytes than it lists.
func TestPullDamaged(t *testing.T) {
	for about, change := range map[string]func(text string) string{
		"another byte":   func(text string) string { return "X" + text[1:] },
		"a byte more":    func(text string) string { return text + "X" },
		"a byte less":    func(text string) string { return text[1:] },
		"far too much":   func(text string) string { return strings.Repeat(text, 2+20_000_000/len(text)) },
		"nothing at all": func(string) string { return "" },
	} {
		for _, name := range []string{"config.json", "model.safetensors"} {
			h, cache := newFakeHub(t)
			h.takeOver(func(w http.ResponseWriter, r *http.Request, asked string) bool {
				if asked == name && (name == "config.json" || strings.HasPrefix(r.URL.Path, "/blob/")) {
					_, _ = w.Write([]byte(change(h.files[name])))
					return true
				}
				return false
			})
			_, err := Pull(t.Context(), "org/tiny", PullOptions{})
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s in %s: error %v, expected ErrDamaged that names it", about, name, err)
			}
			checkNothing(t, cache)
			for _, bad := range leftovers(t, cache) {
				if sum := filepath.Base(bad); sum == digest(h.files[name]) || sum == gitDigest(h.files[name]) {
					t.Errorf("%s in %s: kept %s", about, name, bad)
				}
			}
			h.takeOver(nil)
			if _, err := Pull(t.Context(), "org/tiny", PullOptions{}); err != nil {
				t.Errorf("%s in %s: the second call: %v", about, name, err)
			}
		}
	}
}

// TestPullEndless has a server that lists a small file and sends without end: the disk is not filled.
func TestPullEndless(t *testing.T) {
	h, cache := newFakeHub(t)
	var sent atomic.Int64
	h.takeOver(func(w http.ResponseWriter, r *http.Request, name string) bool {
		if name != "config.json" {
			return false
		}
		for block := make([]byte, 1<<16); sent.Load() < 100_000_000 && r.Context().Err() == nil; sent.Add(int64(len(block))) {
			_, _ = w.Write(block)
		}
		return true
	})
	if _, err := Pull(t.Context(), "org/tiny", PullOptions{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("error %v, expected ErrDamaged", err)
	}
	if n := sent.Load(); n == 0 || n >= 100_000_000 {
		t.Errorf("the server could send %d bytes of a file of %d", n, len(h.files["config.json"]))
	}
	checkNothing(t, cache)
}

// TestPullShort has a server without digests whose file is shorter than its head said.
func TestPullShort(t *testing.T) {
	h, cache := newFakeHub(t)
	h.bare = true
	h.takeOver(func(w http.ResponseWriter, r *http.Request, name string) bool {
		if r.Method != http.MethodGet || name != "config.json" {
			return false
		}
		_, _ = w.Write([]byte("{}"))
		return true
	})
	if _, err := Pull(t.Context(), "org/tiny", PullOptions{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("error %v, expected ErrDamaged", err)
	}
	if dir, err := Resolve(Model, "org/tiny"); err == nil {
		t.Errorf("after a failure Resolve finds %s", dir)
	}
	if _, err := os.Stat(filepath.Join(cache, "models--org--tiny", "blobs", gitDigest(h.files["config.json"]))); err == nil {
		t.Error("the short file is among the blobs")
	}
}
