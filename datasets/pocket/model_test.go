package pocket

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write model/tokenizer.json and model/tokenizer_config.json anew")

// TestTokenizerIsReproducible trains the tokenizer again: the files in model/ must come out byte for byte.
func TestTokenizerIsReproducible(t *testing.T) {
	tok, err := TrainTokenizer()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := tok.Save("model"); err != nil {
			t.Fatal(err)
		}
		t.Skip("SKIPPED: files written, test again without -update")
	}
	if !bytes.Equal(tok.JSON(), TokenizerJSON()) || !bytes.Equal(tok.ConfigJSON(), embedded("tokenizer_config.json")) {
		t.Error("model/tokenizer*.json differ from what TrainTokenizer gives; if the world was meant to change, run\n" +
			"go test ./datasets/pocket -run Reproducible -update\nand train the model again")
	}
}

// TestModelFilesAgree holds config.json against the tokenizer.
func TestModelFilesAgree(t *testing.T) {
	var c struct {
		VocabSize    int   `json:"vocab_size"`
		MaxPositions int   `json:"max_position_embeddings"`
		BOS          int32 `json:"bos_token_id"`
		EOS          int32 `json:"eos_token_id"`
		Hidden       int   `json:"hidden_size"`
		Heads        int   `json:"num_attention_heads"`
		HeadDim      int   `json:"head_dim"`
	}
	if err := json.Unmarshal(ConfigJSON(), &c); err != nil {
		t.Fatal(err)
	}
	tok, err := Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	if c.VocabSize != VocabSize || tok.VocabSize() != VocabSize {
		t.Errorf("config.json has %d tokens, the tokenizer %d; expected %d", c.VocabSize, tok.VocabSize(), VocabSize)
	}
	if c.BOS != tok.BOS() || c.EOS != tok.EOS() || c.BOS != 0 || c.EOS != 1 {
		t.Errorf("config.json has bos %d and eos %d, the tokenizer %d and %d; expected 0 and 1", c.BOS, c.EOS, tok.BOS(), tok.EOS())
	}
	if c.MaxPositions != MaxPositions || c.Heads*c.HeadDim != c.Hidden {
		t.Errorf("config.json: %d positions, %d heads of %d for a width of %d", c.MaxPositions, c.Heads, c.HeadDim, c.Hidden)
	}
}

func TestTokenizerRoundTrip(t *testing.T) {
	tok, err := Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	text := Text(Test, 1<<16, 3)
	ids := tok.Encode(text)
	if tok.Decode(ids) != text {
		t.Error("decoding the encoded stories does not give them again")
	}
	// Nearly all words are one token and so is most punctuation: more than 1.4 tokens per word would mean merges are missing.
	if perWord := float64(len(ids)) / float64(len(strings.Fields(text))); perWord > 1.4 || perWord < 1 {
		t.Errorf("%.3f tokens per word, expected 1 to 1.4", perWord)
	}
}

func TestUnpackRepairs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "model")
	check := func(what string) {
		t.Helper()
		if err := Unpack(dir); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for _, name := range fileNames() {
			if found, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(found, embedded(name)) {
				t.Errorf("%s: %s is not what is embedded: %v", what, name, err)
			}
		}
	}
	if len(fileNames()) < 3 {
		t.Fatalf("embedded files %v, expected at least three", fileNames())
	}
	check("empty")
	if err := os.Truncate(filepath.Join(dir, "tokenizer.json"), 100); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "config.json")); err != nil {
		t.Fatal(err)
	}
	check("truncated and missing")
	var group sync.WaitGroup
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		group.Go(func() { check("at the same time") })
	}
	group.Wait()
}

func TestDir(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir, err := Dir()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config.json", "tokenizer.json", weightsFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}
