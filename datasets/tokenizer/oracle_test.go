package tokenizer

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The oracle's files stay outside the project: real tokenizers with the ids that other implementations gave.
const oracle = "../../../shared/oracle/tokenizers"

func oraclePath(t testing.TB, name string) string {
	path := filepath.Join(oracle, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("SKIPPED, NOTHING CHECKED: the tokenizer oracle is absent here: %v", err)
	}
	return path
}

// oracleSet is one tokenizer of the oracle: the files that make it, taken from a folder of their own, and its cases.
type oracleSet struct {
	name   string
	files  []string // within folder; one ending in .gz is unpacked
	cases  string
	agreed int // cases that must match, the long ones included
	kind   string
}

var oracleSets = []oracleSet{
	{"llama2", []string{"tokenizer.model"}, "cases.json", 203, "SentencePiece BPE with byte fallback"},
	{"llama2", []string{"tokenizer.json"}, "cases_tokenizer_json.json", 203, "BPE with byte fallback"},
	{"mistral-7b-v0.3", []string{"tokenizer.json", "tokenizer_config.json"}, "cases.json", 203, "BPE with byte fallback"},
	{"mistral-7b-v0.3", []string{"tokenizer.model"}, "cases_tokenizer_model.json", 179, "SentencePiece BPE with byte fallback"},
	{"gpt2", []string{"tokenizer.json"}, "cases.json", 202, "byte-level BPE"},
	{"gpt2", []string{"vocab.json", "merges.txt"}, "cases.json", 202, "byte-level BPE"},
	{"qwen2", []string{"tokenizer.json.gz"}, "cases.json", 203, "byte-level BPE"},
	{"llama3", []string{"tokenizer.json.gz"}, "cases.json", 203, "byte-level BPE"},
	{"albert", []string{"tokenizer.json", "tokenizer_config.json"}, "cases.json", 200, "Unigram"},
	{"envit5", []string{"tokenizer.json.gz", "tokenizer_config.json"}, "cases.json", 198, "BPE"},
	{"spm-unigram-en", []string{"tokenizer.model"}, "cases.json", 179, "SentencePiece Unigram"},
}

// opened reads each set once for all tests.
var opened = map[string]*Tokenizer{}

func (s oracleSet) open(t testing.TB) *Tokenizer {
	key := s.name + "/" + s.files[0]
	if opened[key] != nil {
		return opened[key]
	}
	dir := t.TempDir()
	for _, name := range s.files {
		raw, err := os.ReadFile(oraclePath(t, filepath.Join(s.name, name)))
		if err == nil && strings.HasSuffix(name, ".gz") {
			raw, err = unpack(raw)
			name = strings.TrimSuffix(name, ".gz")
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), raw, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	tok, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	opened[key] = tok
	return tok
}

func unpack(raw []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// oracleTokenizer opens the set whose first file is file, "" for the first of that name.
func oracleTokenizer(t testing.TB, name, file string) *Tokenizer {
	for _, s := range oracleSets {
		if s.name == name && (file == "" || s.files[0] == file) {
			return s.open(t)
		}
	}
	t.Fatalf("no oracle set %s/%s", name, file)
	return nil
}

// oracleCase is a short case or, with File, a long one.
type oracleCase struct {
	ID, Status, Text string
	IDs              []int32 `json:"ids"`
	Plain            []int32 `json:"ids_no_special"`
	Tokens           []string
	Decoded          string
	Kept             *string `json:"decoded_no_special_kept"`

	File        string `json:"text_file"`
	TextHash    string `json:"text_sha256"`
	Count       int
	PlainCount  int    `json:"count_no_special"`
	IDHash      string `json:"ids_sha256"`
	PlainHash   string `json:"ids_no_special_sha256"`
	DecodedHash string `json:"decoded_sha256"`
}

func readCases(t *testing.T, path string) []oracleCase {
	raw, err := os.ReadFile(oraclePath(t, path))
	if err != nil {
		t.Fatal(err)
	}
	var c struct{ Cases, Long []oracleCase }
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Cases) != 197 || len(c.Long) != 6 {
		t.Fatalf("%s: %d short and %d long cases, expected 197 and 6", path, len(c.Cases), len(c.Long))
	}
	for i := range c.Long {
		l := &c.Long[i]
		text, err := os.ReadFile(oraclePath(t, filepath.Join(filepath.Dir(path), l.File)))
		if err != nil {
			t.Fatal(err)
		}
		if l.Text = string(text); hash(l.Text) != l.TextHash {
			t.Fatalf("%s: %s is not the text that was hashed", l.ID, l.File)
		}
	}
	return append(c.Cases, c.Long...)
}

// TestOracle holds every tokenizer against its reference. Cases that the references agree on must match. Of the others, which
// the oracle calls single or disputed, the test says how many match: they are the reference implementation's own ids, and
// differ where that implementation is alone in what it does.
func TestOracle(t *testing.T) {
	for _, s := range oracleSets {
		t.Run(s.name+"/"+s.files[0], func(t *testing.T) {
			tok := s.open(t)
			if tok.Kind() != s.kind {
				t.Errorf("kind %q, expected %q", tok.Kind(), s.kind)
			}
			agreed, others, matched := 0, 0, 0
			var differ []string
			for _, c := range readCases(t, filepath.Join(s.name, s.cases)) {
				faults := c.check(tok)
				if c.Status == "agreed" {
					agreed++
					for _, fault := range faults {
						t.Errorf("%s: %s", c.ID, fault)
					}
					continue
				}
				others++
				if len(faults) == 0 {
					matched++
				} else {
					differ = append(differ, c.ID+" ("+c.Status+")")
				}
			}
			if agreed != s.agreed {
				t.Errorf("checked %d agreed cases, expected %d", agreed, s.agreed)
			}
			t.Logf("%d agreed; of %d others %d match too, not %s", agreed, others, matched, strings.Join(differ, " "))
		})
	}
}

// check returns what differs.
func (c *oracleCase) check(tok *Tokenizer) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	plain, ids := tok.Encode(c.Text), tok.EncodeSpecial(c.Text)
	if c.File != "" {
		if len(plain) != c.PlainCount || hashIDs(plain) != c.PlainHash {
			fault("Encode gives %d ids, expected %d with another hash", len(plain), c.PlainCount)
		}
		if len(ids) != c.Count || hashIDs(ids) != c.IDHash {
			fault("EncodeSpecial gives %d ids, expected %d with another hash", len(ids), c.Count)
		}
		if got := tok.DecodePlain(ids); hash(got) != c.DecodedHash {
			fault("the decoded text has another hash: %.60q", got)
		}
		return faults
	}
	if !slices.Equal(plain, c.Plain) {
		fault("Encode(%q) = %v, expected %v", c.Text, plain, c.Plain)
	}
	if !slices.Equal(ids, c.IDs) {
		fault("EncodeSpecial(%q) = %v, expected %v", c.Text, ids, c.IDs)
	}
	if got := tok.DecodePlain(c.IDs); got != c.Decoded {
		fault("DecodePlain(%v) = %q, expected %q", c.IDs, got, c.Decoded)
	}
	if c.Kept != nil {
		if got := tok.Decode(c.Plain); got != *c.Kept {
			fault("Decode(%v) = %q, expected %q", c.Plain, got, *c.Kept)
		}
	}
	for i, id := range c.Plain {
		if got, _ := tok.Token(id); got != c.Tokens[i] && id != tok.Unknown() { // there it is the text that is unknown
			fault("Token(%d) = %q, expected %q", id, got, c.Tokens[i])
		}
	}
	return faults
}

// TestOraclePairs: the texts and ids that llama.cpp tests itself with, for the five vocabularies of which the oracle has a
// tokenizer.
func TestOraclePairs(t *testing.T) {
	for _, p := range []struct{ pair, set, file string }{
		{"gpt-2", "gpt2", "tokenizer.json"}, {"llama-bpe", "llama3", ""}, {"qwen2", "qwen2", ""},
		{"llama-spm", "llama2", "tokenizer.json"}, {"phi-3", "llama2", "tokenizer.json"},
	} {
		t.Run(p.pair, func(t *testing.T) {
			tok := oracleTokenizer(t, p.set, p.file)
			texts, lines := readPair(t, p.pair)
			for i := range texts {
				var want []int32
				for _, f := range strings.Fields(lines[i]) {
					id, err := strconv.Atoi(f)
					if err != nil {
						t.Fatal(err)
					}
					want = append(want, int32(id))
				}
				if got := tok.Encode(texts[i]); !slices.Equal(got, want) {
					t.Errorf("pair %d: Encode(%q) = %v, expected %v", i, texts[i], got, want)
				}
			}
		})
	}
}

// readPair returns the 47 texts of a pair and the lines of ids.
func readPair(t *testing.T, name string) (texts, lines []string) {
	base := "llamacpp-pairs/ggml-vocab-" + name + ".gguf"
	in, err := os.ReadFile(oraclePath(t, base+".inp"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.ReadFile(oraclePath(t, base+".out"))
	if err != nil {
		t.Fatal(err)
	}
	texts = strings.Split(string(in), "\n__ggml_vocab_test__\n")
	lines = strings.Split(string(out), "\n") // the last text is empty, and so is its line
	if len(texts) != 47 || len(lines) != 47 {
		t.Fatalf("%s: found %d texts and %d lines of ids, expected 47 of each", name, len(texts), len(lines))
	}
	return texts, lines
}

// TestOracleStream feeds the oracle's ids to streams.
func TestOracleStream(t *testing.T) {
	checked := 0
	for _, s := range oracleSets {
		tok := s.open(t)
		for _, c := range readCases(t, filepath.Join(s.name, s.cases)) {
			if c.File == "" {
				checkStream(t, tok, c.IDs)
				checked++
			}
		}
	}
	t.Logf("%d sequences", checked)
}

func hash(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func hashIDs(ids []int32) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = strconv.Itoa(int(id))
	}
	return hash(strings.Join(parts, ","))
}
