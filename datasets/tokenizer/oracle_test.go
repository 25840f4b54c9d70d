package tokenizer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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

func gpt2(t testing.TB) *Tokenizer {
	tok, err := Open(oraclePath(t, "gpt2"))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

type oracleCases struct {
	Cases []struct {
		ID, Status, Text string
		IDs              []int32 `json:"ids"`
		Plain            []int32 `json:"ids_no_special"`
		Tokens           []string
		Decoded          string
		Kept             string `json:"decoded_no_special_kept"`
		File             string `json:"text_file"`
		TextHash         string `json:"text_sha256"`
		Count            int    `json:"count_no_special"`
		IDHash           string `json:"ids_no_special_sha256"`
		DecodedHash      string `json:"decoded_sha256"`
	}
	Long []struct{ ID string }
}

func readCases(t *testing.T, name string) oracleCases {
	raw, err := os.ReadFile(oraclePath(t, name))
	if err != nil {
		t.Fatal(err)
	}
	var c oracleCases
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	var long struct{ Long json.RawMessage }
	if err := json.Unmarshal(raw, &long); err != nil {
		t.Fatal(err)
	}
	short := len(c.Cases)
	var rest oracleCases
	if err := json.Unmarshal([]byte(`{"cases":`+string(long.Long)+`}`), &rest); err != nil {
		t.Fatal(err)
	}
	c.Cases = append(c.Cases, rest.Cases...)
	if short == 0 || len(rest.Cases) == 0 {
		t.Fatalf("%s: %d short and %d long cases, expected some of both", name, short, len(rest.Cases))
	}
	return c
}

func TestOracleGPT2(t *testing.T) {
	tok := gpt2(t)
	checked := 0
	for _, c := range readCases(t, "gpt2/cases.json").Cases {
		if c.Status != "agreed" || c.File != "" {
			continue
		}
		checked++
		plain := tok.Encode(c.Text)
		if !slices.Equal(plain, c.Plain) {
			t.Errorf("%s: Encode(%q) = %v, expected %v", c.ID, c.Text, plain, c.Plain)
		}
		if got := tok.EncodeSpecial(c.Text); !slices.Equal(got, c.IDs) {
			t.Errorf("%s: EncodeSpecial(%q) = %v, expected %v", c.ID, c.Text, got, c.IDs)
		}
		if got := tok.DecodePlain(c.IDs); got != c.Decoded {
			t.Errorf("%s: DecodePlain = %q, expected %q", c.ID, got, c.Decoded)
		}
		if got := tok.Decode(c.Plain); got != c.Kept {
			t.Errorf("%s: Decode = %q, expected %q", c.ID, got, c.Kept)
		}
		for i, id := range c.Plain {
			if got, _ := tok.Token(id); got != c.Tokens[i] {
				t.Errorf("%s: Token(%d) = %q, expected %q", c.ID, id, got, c.Tokens[i])
			}
		}
	}
	if checked < 196 {
		t.Errorf("checked %d cases, expected the 196 short ones that are agreed", checked)
	}
	t.Logf("%d cases", checked)
}

func TestOracleLong(t *testing.T) {
	tok := gpt2(t)
	checked := 0
	for _, c := range readCases(t, "gpt2/cases.json").Cases {
		if c.Status != "agreed" || c.File == "" {
			continue
		}
		checked++
		text, err := os.ReadFile(oraclePath(t, filepath.Join("gpt2", c.File)))
		if err != nil {
			t.Fatal(err)
		}
		if hash(string(text)) != c.TextHash {
			t.Fatalf("%s: %s is not the text that was hashed", c.ID, c.File)
		}
		ids := tok.Encode(string(text))
		if len(ids) != c.Count || hashIDs(ids) != c.IDHash {
			t.Errorf("%s: %d ids with hash %s, expected %d with %s", c.ID, len(ids), hashIDs(ids), c.Count, c.IDHash)
		}
		if got := hash(tok.DecodePlain(ids)); got != c.DecodedHash {
			t.Errorf("%s: decoded text has hash %s, expected %s", c.ID, got, c.DecodedHash)
		}
	}
	if checked != 6 {
		t.Errorf("checked %d long texts, expected 6", checked)
	}
}

func TestOraclePairs(t *testing.T) {
	tok := gpt2(t)
	in, err := os.ReadFile(oraclePath(t, "llamacpp-pairs/ggml-vocab-gpt-2.gguf.inp"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.ReadFile(oraclePath(t, "llamacpp-pairs/ggml-vocab-gpt-2.gguf.out"))
	if err != nil {
		t.Fatal(err)
	}
	texts := strings.Split(string(in), "\n__ggml_vocab_test__\n")
	lines := strings.Split(string(out), "\n") // the last text is empty, and so is its line
	if len(texts) != 47 || len(lines) != 47 {
		t.Fatalf("found %d texts and %d lines of ids, expected 47 of each", len(texts), len(lines))
	}
	for i := range 47 {
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
}

// TestOracleUnsupported: the oracle's files of other kinds are refused by the field that makes them other.
func TestOracleUnsupported(t *testing.T) {
	for name, field := range map[string]string{
		"llama2": "normalizer: ", "mistral-7b-v0.3": "model.byte_fallback: ", "albert": "normalizer: ",
	} {
		_, err := Open(oraclePath(t, name))
		if err == nil || !strings.Contains(err.Error(), field) || !strings.Contains(err.Error(), name) {
			t.Errorf("Open(%s): %v, expected an error naming the file and %q", name, err, field)
		}
	}
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
