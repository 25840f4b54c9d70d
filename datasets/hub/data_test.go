package hub

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// newFakeData is a hub with a data set in folders, beside files that are not fetched.
func newFakeData(t *testing.T) (*fakeHub, string) {
	h, cache := newFakeHub(t)
	h.data = true
	h.files = map[string]string{
		"README.md": "# tiny", ".gitattributes": "*", "tiny.py": "import os", "notes.csv": "a,b", "easy/train-00000-of-00001.parquet": strings.Repeat("columns", 300_000),
		"easy/test-00000-of-00001.parquet": "PAR1", "hard/lang=en/test.jsonl": "{}\n", "answers.json": "[]",
	}
	return h, cache
}

func TestPullData(t *testing.T) {
	h, cache := newFakeData(t)
	h.token = "hf_secret"
	t.Setenv("HF_TOKEN", "hf_secret")
	if _, err := Resolve(Dataset, "org/tiny"); !errors.Is(err, ErrNotCached) || !strings.Contains(err.Error(), "'pare data pull org/tiny'") {
		t.Errorf("before: %v, expected what would fetch it", err)
	}
	got, err := Pull(t.Context(), "org/tiny", PullOptions{Kind: Dataset})
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(cache, "datasets--org--tiny", "snapshots", commit); got.Dir != want || got.Files != 5 {
		t.Errorf("pulled %+v, expected 5 files in %s", got, want)
	}
	for _, name := range []string{"README.md", "answers.json", "easy/test-00000-of-00001.parquet", "easy/train-00000-of-00001.parquet", "hard/lang=en/test.jsonl"} {
		if text, err := os.ReadFile(filepath.Join(got.Dir, name)); err != nil || string(text) != h.files[name] {
			t.Errorf("%s: %d bytes, %v; expected the %d bytes of the hub", name, len(text), err, len(h.files[name]))
		}
	}
	if link, err := os.Readlink(filepath.Join(got.Dir, "hard/lang=en/test.jsonl")); err != nil || link != "../../../../blobs/"+gitDigest("{}\n") {
		t.Errorf("a file in two folders is a link to %s, %v; expected a relative one into blobs", link, err)
	}
	if found := leftovers(t, got.Dir); slices.ContainsFunc(found, func(f string) bool { return strings.HasSuffix(f, ".py") || strings.HasSuffix(f, ".csv") }) {
		t.Errorf("found %v, expected neither code nor what is not read", found)
	}
	if dir, err := Resolve(Dataset, "org/tiny"); err != nil || dir != got.Dir {
		t.Errorf("Resolve: %s, %v; expected what was pulled, %s", dir, err, got.Dir)
	}
	if _, err := Resolve(Model, "org/tiny"); !errors.Is(err, ErrNotCached) {
		t.Errorf("the data set asked for as a model: error %v, expected ErrNotCached", err)
	}
	t.Setenv("HF_HUB_OFFLINE", "1")
	held, err := Pull(t.Context(), "org/tiny", PullOptions{Kind: Dataset})
	if err != nil || held.Dir != got.Dir || held.Files != got.Files || held.Bytes != got.Bytes || held.Commit != got.Commit {
		t.Errorf("offline: %+v, %v; expected what was pulled, %+v", held, err, got)
	}
	nothing := func([]string) []string { return nil }
	if _, err := Pull(t.Context(), "org/tiny", PullOptions{Kind: Dataset, Choose: nothing}); !errors.Is(err, ErrOffline) {
		t.Errorf("offline, a part that is not there: error %v, expected ErrOffline", err)
	}
}

// TestPullDataPart pulls one part and then the other, which is added.
func TestPullDataPart(t *testing.T) {
	h, _ := newFakeData(t)
	only := func(word string) PullOptions {
		return PullOptions{Kind: Dataset, Choose: func(files []string) []string {
			return slices.DeleteFunc(slices.Clone(files), func(f string) bool { return !strings.Contains(f, word) })
		}}
	}
	got, err := Pull(t.Context(), "org/tiny", only("easy/test"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(got.Dir, "easy/train-00000-of-00001.parquet")); got.Files != 2 || err == nil {
		t.Errorf("pulled %+v, expected the part and the card, and not the rest", got)
	}
	if got, err = Pull(t.Context(), "org/tiny", only("easy")); err != nil || got.Files != 3 || got.Fetched != int64(len(h.files["easy/train-00000-of-00001.parquet"])) {
		t.Errorf("pulled the rest: %+v, %v; expected one file fetched", got, err)
	}
	if _, err := Pull(t.Context(), "org/tiny", only("nothing")); !errors.Is(err, ErrNoData) || !strings.Contains(err.Error(), "answers.json") {
		t.Errorf("no such part: error %v, expected ErrNoData and the files", err)
	}
}

// TestPullDataGoesOn breaks off in the middle of a file and counts what the server has to send for the rest.
func TestPullDataGoesOn(t *testing.T) {
	h, cache := newFakeData(t)
	name := "easy/train-00000-of-00001.parquet"
	path := filepath.Join(cache, "datasets--org--tiny", "blobs", digest(h.files[name])+unfinished)
	write(t, path, h.files[name][:1_000_000]) // what a killed program leaves
	got, err := Pull(t.Context(), "org/tiny", PullOptions{Kind: Dataset})
	if err != nil {
		t.Fatal(err)
	}
	if missing := int64(len(h.files[name])-1_000_000) + int64(len(h.files["easy/test-00000-of-00001.parquet"])); h.sent.Load() != missing || got.Resumed != 1_000_000 {
		t.Errorf("the server sent %d bytes, expected the %d that were missing; %+v", h.sent.Load(), missing, got)
	}
}

// TestPullDataHostile has names that lead elsewhere, in folders too, and data sets of which nothing can be read.
func TestPullDataHostile(t *testing.T) {
	for _, name := range []string{"../../x.json", "a/../../x.jsonl", "/x.parquet", "a/.git/x.json", "a/%2e%2e/x.json", "a b/x.json", "a//x.json", "a/x?y.json", `a\x.json`, "a/x#y.json"} {
		h, cache := newFakeData(t)
		h.list = with(listed(name))
		if _, err := Pull(t.Context(), "org/tiny", PullOptions{Kind: Dataset}); !errors.Is(err, ErrUnsafe) || !strings.Contains(err.Error(), fmt.Sprintf("%q", name)) {
			t.Errorf("%q: error %v, expected ErrUnsafe with the name", name, err)
		}
		checkEmpty(t, name, filepath.Dir(cache))
	}
	h, cache := newFakeData(t)
	h.files = map[string]string{"README.md": "#", "data.csv": "a"}
	if _, err := Pull(t.Context(), "org/tiny", PullOptions{Kind: Dataset}); !errors.Is(err, ErrNoData) || !strings.Contains(err.Error(), "data.csv") || !strings.Contains(err.Error(), "refs/convert/parquet") {
		t.Errorf("error %v, expected ErrNoData, what there is, and what to try", err)
	}
	checkEmpty(t, "no data", filepath.Dir(cache))
}
