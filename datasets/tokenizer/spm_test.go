package tokenizer

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
)

// somePieces are a small model with letters, a few words and what is special.
func somePieces(bytes bool) []spmPiece {
	pieces := basePieces(bytes)
	for _, s := range []string{"▁", "a", "b", "c", "f", "i", "▁a", "ab", "▁ab", "fi", "▁▁"} {
		score := float32(-5)
		if len([]rune(s)) > 1 {
			score = -2 - float32(len(pieces)%7)/8
		}
		pieces = append(pieces, spmPiece{s, score, pieceNormal})
	}
	return append(pieces, spmPiece{"[X]", 0, pieceUserDefined}, spmPiece{"ABC", 0, pieceUserDefined})
}

func TestSPMNormalizer(t *testing.T) {
	charsmap := buildCharsmap(map[string]string{"ﬁ": "fi", "\u00a0": " ", "A": "a", "AB": "b", "\t": " ", "\u200d": ""})
	for _, c := range []struct {
		name     string
		o        spmOptions
		in, want string
	}{
		{"defaults", spmOptions{}, "  a  b ", "▁a▁b"},
		{"nothing but spaces", spmOptions{}, "   ", ""},
		{"empty", spmOptions{}, "", ""},
		{"spaces kept", spmOptions{keepSpaces: true}, " a  b ", "▁▁a▁▁b▁"},
		{"no prefix", spmOptions{noPrefix: true}, " a  b ", "a▁b"},
		{"space at the end", spmOptions{spaceAtEnd: true}, "a b", "a▁b▁"},
		{"longest entry", spmOptions{charsmap: charsmap}, "AABﬁ", "▁abfi"},
		{"spaces of the map", spmOptions{charsmap: charsmap}, "\t\u00a0a\t \u00a0b\u00a0", "▁a▁b"},
		{"empty replacement", spmOptions{charsmap: charsmap}, "a\u200db", "▁ab"},
		{"user-defined is left alone", spmOptions{charsmap: charsmap}, "AABCA[X]", "▁aABCa[X]"},
		{"not UTF-8", spmOptions{}, "a\xff\xc3", "▁a\ufffd\ufffd"},
	} {
		f, err := parseSPM(buildSPM(somePieces(false), c.o))
		if err != nil {
			t.Fatal(err)
		}
		n, err := f.normalizer()
		if err != nil {
			t.Fatal(err)
		}
		if got := n.normalize(c.in, true); got != c.want {
			t.Errorf("%s: %q becomes %q, expected %q", c.name, c.in, got, c.want)
		}
	}
}

func TestSPMEncodeDecode(t *testing.T) {
	for _, c := range []struct {
		name    string
		o       spmOptions
		text    string
		tokens  string // with | between
		decoded string
	}{
		{"bytes", spmOptions{modelType: modelBPE, byteFallback: true, keepSpaces: true}, "aé🌧", "▁a|<0xC3>|<0xA9>|<0xF0>|<0x9F>|<0x8C>|<0xA7>", "aé🌧"},
		{"unknowns are one", spmOptions{modelType: modelBPE, keepSpaces: true}, "azzb", "▁a|<unk>|b", "a \u2047 b"},
		{"user-defined", spmOptions{modelType: modelBPE, keepSpaces: true}, "a[X]bABC", "▁a|[X]|b|ABC", "a[X]bABC"},
		{"control is text", spmOptions{modelType: modelBPE, byteFallback: true, keepSpaces: true}, "<s>", "▁|<0x3C>|<0x73>|<0x3E>", "<s>"},
		{"leading spaces", spmOptions{modelType: modelBPE, keepSpaces: true}, "  a", "▁▁|▁a", "  a"},
		{"Unigram", spmOptions{modelType: modelUnigram}, " ab  fi ", "▁ab|▁|fi", "ab fi"},
		{"Unigram with bytes", spmOptions{modelType: modelUnigram, byteFallback: true}, "aé[X]", "▁a|<0xC3>|<0xA9>|[X]", "aé[X]"},
		{"Unigram unknown", spmOptions{modelType: modelUnigram}, "azé", "▁a|<unk>", "a \u2047 "},
	} {
		tok := openSPM(t, buildSPM(somePieces(c.o.byteFallback), c.o), nil)
		ids := tok.Encode(c.text)
		var tokens []string
		for _, id := range ids {
			token, _ := tok.Token(id)
			tokens = append(tokens, token)
		}
		if got := strings.Join(tokens, "|"); got != c.tokens {
			t.Errorf("%s: %q gives %s, expected %s", c.name, c.text, got, c.tokens)
		}
		if got := tok.DecodePlain(tok.EncodeSpecial(c.text)); c.name != "leading spaces" && got != c.decoded {
			t.Errorf("%s: decoded %q, expected %q", c.name, got, c.decoded)
		}
		if got := tok.EncodeSpecial(c.text); !slices.Equal(got, append([]int32{1}, ids...)) {
			t.Errorf("%s: EncodeSpecial = %v, expected the beginning token before %v", c.name, got, ids)
		}
		checkStream(t, tok, ids)
	}
}

// TestSPMBytesOneByOne: bytes that are no character become U+FFFD each, the others characters as soon as they are whole.
func TestSPMBytesOneByOne(t *testing.T) {
	tok := openSPM(t, buildSPM(somePieces(true), spmOptions{modelType: modelBPE, byteFallback: true, keepSpaces: true}), nil)
	var ids []int32
	for _, b := range []byte("\xe6\x97\xa5\xff\xc3a\xc3\xa9\xe6") {
		id, _ := tok.ID(byteSpelling(int(b)))
		ids = append(ids, id)
	}
	if got, want := tok.Decode(ids), "日\ufffd\ufffdaé\ufffd"; got != want {
		t.Errorf("decoded %q, expected %q", got, want)
	}
	s := tok.Stream(true)
	var pieces []string
	for _, id := range ids {
		pieces = append(pieces, s.Next(id))
	}
	if got, want := strings.Join(pieces, "|"), "||日|\ufffd||\ufffda||é|"; got != want {
		t.Errorf("streamed %q, expected %q", got, want)
	}
	checkStream(t, tok, ids)
}

func TestSPMRefused(t *testing.T) {
	good := buildSPM(somePieces(false), spmOptions{modelType: modelBPE})
	with := func(p ...spmPiece) []byte {
		return buildSPM(append(somePieces(false), p...), spmOptions{modelType: modelBPE})
	}
	for _, c := range []struct {
		want string
		raw  []byte
	}{
		{"found no pieces", nil},
		{"not a SentencePiece model", []byte("<html>")},
		{"not a SentencePiece model", good[:len(good)/2+1]},
		{"model_type: found 3", buildSPM(somePieces(false), spmOptions{modelType: 3})},
		{`"ab" is pieces[`, with(spmPiece{"ab", 0, pieceNormal})},
		{"expected UTF-8", with(spmPiece{"\xff", 0, pieceNormal})},
		{"expected UTF-8", with(spmPiece{"", 0, pieceNormal})},
		{"expected UTF-8", with(spmPiece{strings.Repeat("a", 2000), 0, pieceNormal})},
		{"expected a finite number", with(spmPiece{"q", float32(math.NaN()), pieceNormal})},
		{"type: expected 1 to 6", with(spmPiece{"q", 0, 9})},
		{"type: found 5", with(spmPiece{"q", 0, pieceUnused})},
		{"for unknown characters", buildSPM([]spmPiece{{"a", 0, pieceNormal}}, spmOptions{modelType: modelBPE})},
		{"byte piece <0x00>", buildSPM(somePieces(false), spmOptions{modelType: modelBPE, byteFallback: true})},
		{"precompiled_charsmap", buildSPM(somePieces(false), spmOptions{modelType: modelBPE, charsmap: []byte{9, 9, 9, 9, 9}})},
	} {
		dir := t.TempDir()
		writeTest(t, dir, modelFileName, append([]byte{}, c.raw...))
		_, err := Open(dir)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), modelFileName) {
			t.Errorf("error %v, expected one with %q", err, c.want)
		}
	}
}

func TestSPMSave(t *testing.T) {
	raw := buildSPM(somePieces(true), spmOptions{modelType: modelBPE, byteFallback: true})
	tok := openSPM(t, raw, object{ConfigFileName: object{"add_eos_token": true, "chat_template": "x"}})
	dir := t.TempDir()
	if err := tok.Save(dir); err != nil {
		t.Fatal(err)
	}
	again := reopen(t, dir)
	if !bytes.Equal(again.files[modelFileName], raw) || !slices.Equal(again.EncodeSpecial("ab"), tok.EncodeSpecial("ab")) || len(again.ChatTemplates()) != 1 {
		t.Error("what was saved reads back as something else")
	}
	if tok.JSON() != nil {
		t.Error("JSON: expected none of a .model file")
	}
}

// FuzzSPM: no .model file makes the reader panic, or what it reads.
func FuzzSPM(f *testing.F) {
	charsmap := buildCharsmap(map[string]string{"A": "a", "AB": "b"})[:400]
	charsmap[0], charsmap[1] = 0x40, 1
	for _, o := range []spmOptions{{modelType: modelBPE}, {modelType: modelUnigram, charsmap: charsmap}, {modelType: modelBPE, keepSpaces: true, spaceAtEnd: true}} {
		f.Add(buildSPM(somePieces(false), o), "a ABé[X]  fi")
	}
	f.Add(buildSPM(somePieces(true), spmOptions{modelType: modelUnigram, byteFallback: true}), "é\xff")
	f.Fuzz(func(t *testing.T, raw []byte, text string) {
		tok := newTokenizer()
		if tok.readSPM(raw) != nil || tok.configure(nil) != nil {
			return
		}
		ids := tok.EncodeSpecial(text)
		checkStream(t, tok, ids)
		for _, id := range ids {
			if _, ok := tok.Token(id); !ok {
				t.Fatalf("Encode(%q) gives %d, which names no token", text, id)
			}
		}
	})
}
