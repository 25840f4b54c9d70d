package hub

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var epoch time.Time // no Last-Modified

type recorded struct {
	stages map[string][2]int
}

func (r *recorded) Progress(stage string, done, total int) { r.stages[stage] = [2]int{done, total} }

func (r *recorded) Metric(string, int, float64) {}

func TestPull(t *testing.T) {
	h, cache := newFakeHub(t)
	watch := &recorded{map[string][2]int{}}
	got, err := Pull(t.Context(), "org/tiny", PullOptions{Recorder: watch})
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(cache, "models--org--tiny")
	if want := filepath.Join(root, "snapshots", commit); got.Dir != want || got.Commit != commit || got.Files != 4 || got.Bytes != got.Fetched+int64(len(`{}`)) || got.Bytes < 2_100_000 {
		t.Errorf("pulled %+v, expected 4 files in %s, all fetched, the two that are equal once", got, want)
	}
	want := []string{ // the layout that huggingface_hub documents, and no Python, no folder, no second copy of the weights
		"blobs/", "blobs/" + digest(h.files["model.safetensors"]), "blobs/" + gitDigest("{}"), "blobs/" + gitDigest(h.files["config.json"]), "refs/", "refs/main", "snapshots/",
		"snapshots/" + commit + "/", "snapshots/" + commit + "/config.json", "snapshots/" + commit + "/generation_config.json", "snapshots/" + commit + "/model.safetensors", "snapshots/" + commit + "/tokenizer.json",
	}
	slices.Sort(want)
	found := leftovers(t, root)
	slices.Sort(found)
	if !slices.Equal(found, want) {
		t.Errorf("the cache holds\n%s\nexpected\n%s", strings.Join(found, "\n"), strings.Join(want, "\n"))
	}
	for _, name := range []string{"config.json", "generation_config.json", "model.safetensors", "tokenizer.json"} {
		if text, err := os.ReadFile(filepath.Join(got.Dir, name)); err != nil || string(text) != h.files[name] {
			t.Errorf("%s: %d bytes, %v; expected the %d bytes of the hub", name, len(text), err, len(h.files[name]))
		}
	}
	if link, err := os.Readlink(filepath.Join(got.Dir, "config.json")); err != nil || link != "../../blobs/"+gitDigest(h.files["config.json"]) {
		t.Errorf("config.json is a link to %s, %v; expected a relative one into blobs", link, err)
	}
	if dir, err := Resolve(Model, "org/tiny"); err != nil || dir != got.Dir {
		t.Errorf("Resolve: %s, %v; expected what was pulled, %s", dir, err, got.Dir)
	}
	for _, stage := range []string{stageFetch, stageCheck} {
		if watch.stages[stage] != [2]int{3, 3} {
			t.Errorf("stage %q ended at %v, expected 3 of 3", stage, watch.stages[stage])
		}
	}
}

// TestPullAgain pulls what is there: only the listing is asked for. Then the branch moves, with one file changed.
func TestPullAgain(t *testing.T) {
	h, _ := newFakeHub(t)
	first, err := Pull(t.Context(), "org/tiny", PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h.seen()
	again, err := Pull(t.Context(), "org/tiny", PullOptions{})
	if err != nil || again.Dir != first.Dir || again.Fetched != 0 {
		t.Errorf("pulled again: %+v, %v; expected the same and nothing fetched", again, err)
	}
	if got := h.seen(); got != "GET /api/models/org/tiny/revision/main" {
		t.Errorf("pulled again with the requests\n%s\nexpected the listing only", got)
	}
	h.commit, h.files["config.json"] = otherCommit, `{"model_type": "mistral"}`
	moved, err := Pull(t.Context(), "org/tiny", PullOptions{})
	if err != nil || moved.Commit != otherCommit || moved.Fetched != int64(len(h.files["config.json"])) {
		t.Errorf("pulled after a commit: %+v, %v; expected %s and one file fetched", moved, err, otherCommit)
	}
	for name, want := range map[string]string{"org/tiny": otherCommit, "org/tiny@" + commit: commit} {
		if dir, err := Resolve(Model, name); err != nil || filepath.Base(dir) != want {
			t.Errorf("Resolve(%s) = %s, %v; expected the snapshot %s", name, dir, err, want)
		}
	}
}

func TestPullRevisions(t *testing.T) {
	for _, revision := range []string{"refs/pr/1", commit} {
		_, cache := newFakeHub(t)
		if _, err := Pull(t.Context(), "org/tiny@"+revision, PullOptions{}); err != nil {
			t.Errorf("%s: %v", revision, err)
		}
		if dir, err := Resolve(Model, "org/tiny@"+revision); err != nil {
			t.Errorf("Resolve @%s: %s, %v", revision, dir, err)
		}
		if _, err := os.Stat(filepath.Join(cache, "models--org--tiny", "refs", revision)); (err == nil) != (revision != commit) {
			t.Errorf("refs/%s: %v; expected a reference for a branch and none for a commit", revision, err)
		}
	}
}

// TestPullBareListing has a server that lists names only, so that the digests come from the heads.
func TestPullBareListing(t *testing.T) {
	h, cache := newFakeHub(t)
	h.bare, h.token = true, "hf_secret"
	t.Setenv("HF_TOKEN", "hf_secret")
	got, err := Pull(t.Context(), "org/tiny", PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(got.Dir, "model.safetensors")); err != nil {
		t.Error(err)
	}
	if heads := strings.Count(h.seen(), "HEAD "); heads != 4 {
		t.Errorf("%d requests for heads, expected one for each of 4 files and none of the store", heads)
	}
	if _, err := os.Stat(filepath.Join(cache, "models--org--tiny", "blobs", digest(h.files["model.safetensors"]))); err != nil {
		t.Errorf("expected the blob by the digest that the hub tells: %v", err)
	}
}

// TestPullOverPartial completes a snapshot of which another program fetched one file.
func TestPullOverPartial(t *testing.T) {
	h, cache := newFakeHub(t)
	root := filepath.Join(cache, "models--org--tiny")
	write(t, filepath.Join(root, "snapshots", commit, "README.md"), "# tiny")
	write(t, filepath.Join(root, "snapshots", commit, "config.json"), "an older one")
	write(t, filepath.Join(root, "blobs", gitDigest("{}")), "{")                                                 // cut
	write(t, filepath.Join(root, "blobs", gitDigest(h.files["config.json"])+unfinished), h.files["config.json"]) // whole, not yet checked
	write(t, filepath.Join(root, "blobs", digest(h.files["model.safetensors"])+unfinished), "rubbish")           // of something else
	got, err := Pull(t.Context(), "org/tiny", PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README.md", "config.json", "tokenizer.json", "model.safetensors"} {
		if text, err := os.ReadFile(filepath.Join(got.Dir, name)); err != nil || string(text) != h.files[name] {
			t.Errorf("%s: %.20q, %v; expected %.20q", name, text, err, h.files[name])
		}
	}
}

// A repository with its weights in one file and in shards gives the file, as it gives to Hugging Face transformers.
func TestPullOneFileBeforeShards(t *testing.T) {
	h, _ := newFakeHub(t)
	h.files["model-00001-of-00001.safetensors"], h.files[indexName] = "the same again", `{"weight_map":{}}`
	got, err := Pull(t.Context(), "org/tiny", PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if found := leftovers(t, got.Dir); !slices.Contains(found, weightsName) || len(found) != 4 {
		t.Errorf("pulled %v", found)
	}
	delete(h.files, weightsName)
	h.commit = otherCommit
	if got, err = Pull(t.Context(), "org/tiny", PullOptions{}); err != nil {
		t.Fatal(err)
	}
	if found := leftovers(t, got.Dir); slices.Contains(found, weightsName) || len(found) != 5 {
		t.Errorf("pulled %v where there are only shards", found)
	}
}
