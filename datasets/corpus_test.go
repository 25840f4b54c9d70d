package datasets

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/datasets/pocket"
	"github.com/parelab/pare/datasets/tokenizer"
)

// Compile-time proof that the tokenizer is what Tokenize takes.
var _ Encoder = (*tokenizer.Tokenizer)(nil)

func put(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadDirectory(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "b.txt"), "\uFEFFtwo\r\nlines")
	put(t, filepath.Join(dir, "a.txt"), "one")
	put(t, filepath.Join(dir, "notes.md"), "not this")
	c, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Documents) != 2 || c.Documents[0].Text != "one" || c.Documents[1].Text != "two\nlines" {
		t.Errorf("read %+v, expected a.txt and b.txt", c.Documents)
	}
	again, err := Read(dir)
	if err != nil || again.Digest != c.Digest || len(c.Digest) != 64 {
		t.Errorf("digest %q, then %q, %v", c.Digest, again.Digest, err)
	}
	put(t, filepath.Join(dir, "a.txt"), "onE")
	changed, err := Read(dir)
	if err != nil || changed.Digest == c.Digest {
		t.Errorf("a changed text has the same digest %s, %v", changed.Digest, err)
	}
}

func TestReadErrors(t *testing.T) {
	dir := t.TempDir()
	blank := put(t, filepath.Join(dir, "blank.text"), " \n\n")
	binary := put(t, filepath.Join(dir, "latin1.text"), "caf\xe9 au lait")
	cases := map[string]string{
		filepath.Join(dir, "absent.txt"): "no such file",
		dir:                              "expected files that end in .parquet, .jsonl, .json, .jsonl.gz or .json.gz, found none among 2",
		blank:                            "expected text, found 3 bytes of white space",
		binary:                           "byte 0xe9 at offset 3",
	}
	for path, want := range cases {
		_, err := Read(path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("Read(%s): error %v, expected one with the path and %q", path, err, want)
		}
	}
}

func TestSplit(t *testing.T) {
	paragraphs := func(sep string, n int) string {
		return strings.Repeat("A sentence of the text."+sep, n-1) + "The end."
	}
	c, err := New("c", []Document{{"a", paragraphs("\n\n", 100)}, {"b", paragraphs("\n", 100)}})
	if err != nil {
		t.Fatal(err)
	}
	head, tail, err := c.Split(0.9)
	if err != nil {
		t.Fatal(err)
	}
	for i, sep := range []string{"\n\n", "\n"} {
		joined := head.Documents[i].Text + sep + tail.Documents[i].Text
		if joined != c.Documents[i].Text {
			t.Errorf("document %d: the parts with %q between them are not the whole", i, sep)
		}
		share := float64(len(head.Documents[i].Text)) / float64(len(joined))
		if share < 0.89 || share > 0.91 {
			t.Errorf("document %d: head has %.3f of the text, expected 0.9", i, share)
		}
	}
	if head.Digest == tail.Digest || head.Digest == c.Digest {
		t.Error("the parts have the digest of something else")
	}
	for _, f := range []float64{0, 1, -1, 2} {
		if _, _, err := c.Split(f); err == nil {
			t.Errorf("Split(%g): expected an error", f)
		}
	}
	one, err := New("one", []Document{{"line.txt", "just one line\n"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := one.Split(0.5); err == nil || !strings.Contains(err.Error(), "line.txt") {
		t.Errorf("one line: error %v, expected one that names the document", err)
	}
}

// letters encodes each byte as an id.
type letters struct{}

func (letters) Encode(text string) []int32 {
	var ids []int32
	for i := range len(text) {
		ids = append(ids, int32(text[i]))
	}
	return ids
}

func TestTokenizeAndBlocks(t *testing.T) {
	c, err := New("c", []Document{{"a", "abc"}, {"b", "defg"}})
	if err != nil {
		t.Fatal(err)
	}
	ids := Tokenize(c, letters{})
	if want := (letters{}).Encode("abc\n\ndefg"); !slices.Equal(ids, want) {
		t.Errorf("Tokenize = %v, expected %v", ids, want)
	}
	blocks := Blocks(ids, 4)
	if len(blocks) != 2 || !slices.Equal(blocks[1], ids[4:8]) || cap(blocks[0]) != 4 {
		t.Errorf("Blocks = %v, expected two of four", blocks)
	}
	if len(Blocks(ids, 10)) != 0 || len(Blocks(ids, 0)) != 0 {
		t.Error("blocks longer than the text, or of no length: expected none")
	}
	if _, err := BlocksOf(c, letters{}, 10); err == nil || !strings.Contains(err.Error(), "at least 10 tokens for one block, found 9") {
		t.Errorf("too short: error %v", err)
	}
}

func TestSample(t *testing.T) {
	ids := make([]int32, 1000)
	for i := range ids {
		ids[i] = int32(i)
	}
	windows, err := Sample(ids, 50, 10, 13)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Sample(ids, 50, 10, 13)
	if err != nil {
		t.Fatal(err)
	}
	other, err := Sample(ids, 50, 10, 14)
	if err != nil {
		t.Fatal(err)
	}
	starts := map[int32]bool{}
	same := 0
	for i, w := range windows {
		if len(w) != 10 || w[9] != w[0]+9 || !slices.Equal(w, again[i]) {
			t.Errorf("window %d is %v, then %v", i, w, again[i])
		}
		if w[0] == other[i][0] {
			same++
		}
		starts[w[0]] = true
	}
	if len(starts) != 50 || same > 5 {
		t.Errorf("%d places for 50 windows, %d equal under another seed", len(starts), same)
	}
	if all, err := Sample(ids[:12], 8, 10, 1); err != nil || len(all) != 8 {
		t.Errorf("more windows than places: %d, %v; expected 8", len(all), err)
	}
	for _, bad := range []struct{ n, length int }{{0, 10}, {1, 1001}, {1, 0}, {99_999_999, 10}} {
		if _, err := Sample(ids, bad.n, bad.length, 1); err == nil {
			t.Errorf("Sample(%+v): expected an error", bad)
		}
	}
}

func TestOpenPocket(t *testing.T) {
	c, err := Open("pocket:test:20000")
	if err != nil {
		t.Fatal(err)
	}
	if c.Documents[0].Text != pocket.Text(pocket.Test, 20000, pocket.DefaultSeed) {
		t.Error("pocket:test:20000 is not the Test stream")
	}
	head, tail, err := c.Split(0.9)
	if err != nil || len(head.Documents[0].Text) < 8*len(tail.Documents[0].Text) {
		t.Errorf("Split: %v", err)
	}
	for _, bad := range []string{"pocket:", "pocket:valid", "pocket:test:0", "pocket:test:many", "pocket:test:-5"} {
		if _, err := Open(bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("Open(%q): error %v, expected one that names it", bad, err)
		}
	}
	if _, err := Open("./absent"); err == nil {
		t.Error("a missing path: expected an error")
	}
}

// TestSharedText reads real books and articles, which stay outside the project.
func TestSharedText(t *testing.T) {
	if _, err := os.Stat("../../shared/data"); err != nil {
		t.Skipf("SKIPPED, NOTHING CHECKED: the shared texts are absent here: %v", err)
	}
	novels, err := Read("../../shared/data/novels")
	if err != nil {
		t.Fatal(err)
	}
	if len(novels.Documents) != 8 {
		t.Errorf("read %d novels, expected 8", len(novels.Documents))
	}
	head, tail, err := novels.Split(0.95)
	if err != nil {
		t.Fatal(err)
	}
	for i := range head.Documents {
		h, w := len(head.Documents[i].Text), len(novels.Documents[i].Text)
		if share := float64(h) / float64(w); share < 0.945 || share > 0.955 {
			t.Errorf("%s: head has %.4f of the text, expected 0.95", head.Documents[i].Name, share)
		}
		if tail.Documents[i].Text == "" {
			t.Errorf("%s: nothing held out", tail.Documents[i].Name)
		}
	}
	wiki, err := Read("../../shared/data/wikitext2/test.txt")
	if err != nil {
		t.Fatal(err)
	}
	tok, err := pocket.Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	ids := Tokenize(wiki, tok)
	if got := tok.Decode(ids); got != wiki.Documents[0].Text {
		t.Error("decoding the encoded articles does not give them again")
	}
	t.Logf("wikitext2 test: %d bytes, %d tokens of the pocket tokenizer, digest %.16s", len(wiki.Documents[0].Text), len(ids), wiki.Digest)
}
