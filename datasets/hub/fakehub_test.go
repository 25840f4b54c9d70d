package hub

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fakeHub answers as huggingface.co does, on 127.0.0.1: the listing and the small files itself, the large ones by sending the
// client to a second server at another port, which net/http by itself would show the token to, and a signed address.
type fakeHub struct {
	t      *testing.T
	commit string
	data   bool              // it is a data set's
	files  map[string]string // by name; those that end in .safetensors and .parquet are large
	token  string            // needed for everything, if set
	gated  bool              // the listing is open and the files want the token
	bare   bool              // the listing has names only, as that of some mirrors
	list   func(siblings []any) any

	sent atomic.Int64 // bytes of large files

	mu       sync.Mutex
	requests []string // METHOD name
	serve    answerer // takes an answer over, if set
	store    *httptest.Server
}

// answerer answers a request for a file, or returns false.
type answerer func(w http.ResponseWriter, r *http.Request, name string) bool

const otherCommit = "fedcba9876543210fedcba9876543210fedcba98"

// newFakeHub starts a hub with one model and points the environment to it and to an empty cache, which it returns.
func newFakeHub(t *testing.T) (*fakeHub, string) {
	firstPause = time.Millisecond
	for _, name := range []string{"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_IMPLICIT_TOKEN"} {
		t.Setenv(name, "")
	}
	h := &fakeHub{t: t, commit: commit, files: map[string]string{
		"config.json": `{"model_type": "llama"}`, "tokenizer.json": "{}", "generation_config.json": "{}",
		"model.safetensors": strings.Repeat("weights", 300_000),
		"README.md":         "# tiny", "modeling_tiny.py": "import os", "tokenizer_tiny.py": "import os",
		"onnx/model.safetensors": "elsewhere", "consolidated.safetensors": "the same again",
	}}
	main := httptest.NewServer(http.HandlerFunc(h.answer))
	h.store = httptest.NewServer(http.HandlerFunc(h.answerStore))
	t.Cleanup(func() { main.CloseClientConnections(); main.Close() })
	t.Cleanup(func() { h.store.CloseClientConnections(); h.store.Close() })
	t.Setenv("HF_ENDPOINT", main.URL+"/")
	home := t.TempDir()
	t.Setenv("HF_HOME", home)
	return h, filepath.Join(home, "hub")
}

func (h *fakeHub) note(r *http.Request, what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests = append(h.requests, r.Method+" "+what)
}

// seen returns the requests since it was last asked.
func (h *fakeHub) seen() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := strings.Join(h.requests, "\n")
	h.requests = nil
	return s
}

// takeOver has f answer from now on, or nobody.
func (h *fakeHub) takeOver(f answerer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.serve = f
}

func (h *fakeHub) taken(w http.ResponseWriter, r *http.Request, name string) bool {
	h.mu.Lock()
	f := h.serve
	h.mu.Unlock()
	return f != nil && f(w, r, name)
}

func (h *fakeHub) answer(w http.ResponseWriter, r *http.Request) {
	api, at := "/api/models", ""
	if h.data {
		api, at = "/api/datasets", "/datasets"
	}
	revision, isListing := strings.CutPrefix(r.URL.EscapedPath(), api+"/org/tiny/revision/")
	name, isFile := strings.CutPrefix(r.URL.Path, at+"/org/tiny/resolve/"+h.commit+"/")
	h.note(r, r.URL.EscapedPath())
	if h.token != "" && r.Header.Get("Authorization") != "Bearer "+h.token && !(h.gated && isListing) {
		http.Error(w, `{"error":"Invalid username or password."}`, http.StatusUnauthorized)
		return
	}
	switch {
	case isListing && (revision == "main" || revision == "refs%2Fpr%2F1" || revision == h.commit):
		h.answerListing(w)
	case isListing:
		w.Header().Set("X-Error-Code", "RevisionNotFound")
		http.Error(w, `{"error":"Invalid rev id"}`, http.StatusNotFound)
	case isFile && h.taken(w, r, name):
	case isFile && h.files[name] != "":
		h.answerFile(w, r, name)
	default:
		http.Error(w, `{"error":"Repository not found"}`, http.StatusNotFound)
	}
}

func isLarge(name string) bool {
	return strings.HasSuffix(name, ".safetensors") || strings.HasSuffix(name, ".parquet")
}

func (h *fakeHub) answerListing(w http.ResponseWriter) {
	var siblings []any
	for name, text := range h.files {
		one := map[string]any{"rfilename": name}
		if !h.bare {
			one["size"], one["blobId"] = len(text), gitDigest(text)
			if isLarge(name) {
				one["lfs"] = map[string]any{"sha256": digest(text), "size": len(text), "pointerSize": 134}
			}
		}
		siblings = append(siblings, one)
	}
	var answer any = map[string]any{"id": "org/tiny", "sha": h.commit, "siblings": siblings}
	if h.list != nil {
		answer = h.list(siblings)
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		h.t.Error(err)
	}
}

func (h *fakeHub) answerFile(w http.ResponseWriter, r *http.Request, name string) {
	text := h.files[name]
	w.Header().Set("X-Repo-Commit", h.commit)
	if !isLarge(name) {
		w.Header().Set("ETag", `"`+gitDigest(text)+`"`)
		http.ServeContent(w, r, "", epoch, strings.NewReader(text))
		return
	}
	w.Header().Set("X-Linked-Etag", `"`+digest(text)+`"`)
	w.Header().Set("X-Linked-Size", fmt.Sprint(len(text)))
	http.Redirect(w, r, h.store.URL+"/blob/"+name+"?signature=a%2Fb", http.StatusFound)
}

// answerStore serves the large files, to anyone with the signature, and to nobody who shows the token of the hub.
func (h *fakeHub) answerStore(w http.ResponseWriter, r *http.Request) {
	h.note(r, r.URL.Path)
	name := strings.TrimPrefix(r.URL.Path, "/blob/")
	if r.Header.Get("Authorization") != "" {
		h.t.Errorf("the token was sent to %s", r.Host)
	}
	if r.URL.Query().Get("signature") != "a/b" {
		http.Error(w, "bad signature", http.StatusForbidden)
		return
	}
	w.Header().Set("ETag", `"`+digest(h.files[name])[:32]+`-1"`) // such as stores make of parts
	counted := &countingWriter{w, &h.sent}
	if !h.taken(counted, r, name) {
		http.ServeContent(counted, r, "", epoch, strings.NewReader(h.files[name]))
	}
}

// countingWriter counts the bytes of a body.
type countingWriter struct {
	http.ResponseWriter
	sent *atomic.Int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.sent.Add(int64(n))
	return n, err
}

func (c *countingWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func gitDigest(text string) string {
	sum := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(text), text))
	return hex.EncodeToString(sum[:])
}

// leftovers returns the paths under dir, those of directories with a slash at the end.
func leftovers(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		path, _ = filepath.Rel(dir, path)
		if d.IsDir() {
			path += "/"
		}
		found = append(found, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
