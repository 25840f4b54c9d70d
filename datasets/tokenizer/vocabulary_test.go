package tokenizer

import (
	"slices"
	"strings"
	"testing"
)

// TestVocabulary lays small tokenizers of each kind out; the lab compares large ones with those of llama.cpp.
func TestVocabulary(t *testing.T) {
	tok, err := Train(slices.Values([]string{"aaab aab ab", "aab aab ba"}), TrainOptions{VocabSize: 262, SpecialTokens: []string{"<s>", "</s>"}, BOS: "<s>", EOS: "</s>", MinFrequency: 1})
	if err != nil {
		t.Fatal(err)
	}
	v, err := tok.Vocabulary()
	if err != nil {
		t.Fatal(err)
	}
	if !v.ByteLevel || v.Rule != "gpt-2" || len(v.Tokens) != 262 || len(v.Merges) != 4 || len(v.Scores) != 0 || v.AddBOS || v.AddSpace {
		t.Errorf("%+v", v)
	}
	if !slices.Equal(v.Kinds[:4], []TokenKind{ControlToken, ControlToken, NormalToken, NormalToken}) {
		t.Errorf("kinds %v", v.Kinds[:4])
	}
	for i, m := range v.Merges {
		if left, right, ok := strings.Cut(m, " "); !ok || tok.ids[left+right] != int32(258+i) {
			t.Errorf("merge %d is %q", i, m)
		}
	}
	pieces := append(somePieces(true), spmPiece{"q", 1.5, pieceNormal})
	v, err = openSPM(t, buildSPM(pieces, spmOptions{modelType: modelBPE, byteFallback: true}), nil).Vocabulary()
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range pieces {
		if v.Tokens[i] != p.text || v.Scores[i] != p.score || v.Kinds[i] != TokenKind(p.kind) {
			t.Errorf("%d: %q %v %v, want %+v", i, v.Tokens[i], v.Scores[i], v.Kinds[i], p)
		}
	}
	if v.ByteLevel || v.Rule != "default" || !v.AddBOS || v.AddEOS || !v.AddSpace || len(v.Merges) != 0 {
		t.Errorf("%v %q %v %v %v", v.ByteLevel, v.Rule, v.AddBOS, v.AddEOS, v.AddSpace)
	}
	unigram := openSPM(t, buildSPM(somePieces(false), spmOptions{modelType: modelUnigram}), nil)
	if _, err := unigram.Vocabulary(); err == nil || !strings.Contains(err.Error(), "expected BPE") {
		t.Errorf("Unigram: %v", err)
	}
}

// TestVocabularyRules names how text is cut.
func TestVocabularyRules(t *testing.T) {
	tok, err := Train(slices.Values([]string{"ab"}), TrainOptions{VocabSize: 256})
	if err != nil {
		t.Fatal(err)
	}
	const plain = `{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}`
	if strings.Count(string(tok.JSON()), plain) != 2 {
		t.Fatal("the trainer writes another file")
	}
	level := strings.Replace(plain, `"use_regex": true`, `"use_regex": false`, 1)
	words := func(n string) string {
		quoted := compact(wordsHead + `\p{N}` + n + wordsTail)
		return `{"type":"Sequence","pretokenizers":[{"type":"Split","behavior":"Isolated","pattern":{"Regex":` + string(quoted) + `}},` + level + `]}`
	}
	for cut, want := range map[string]string{
		plain:          "gpt-2",
		words(""):      "qwen2",
		words("{1,3}"): "llama-bpe",
		`{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},` + plain + `]}`:  "smollm",
		`{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":false},` + plain + `]}`: "",
		strings.Replace(plain, `"add_prefix_space": false`, `"add_prefix_space": true`, 1):                "",
	} {
		other, err := Parse([]byte(strings.Replace(string(tok.JSON()), plain, cut, 1)), nil)
		if err != nil {
			t.Fatalf("%s: %v", cut, err)
		}
		v, err := other.Vocabulary()
		if want == "" && (err == nil || !strings.Contains(err.Error(), "no name")) || want != "" && (err != nil || v.Rule != want) {
			t.Errorf("%s: %+v, %v, want %q", cut, v, err, want)
		}
	}
}
