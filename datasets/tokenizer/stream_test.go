package tokenizer

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkStream feeds ids one by one: the pieces together are what Decode gives, and none ends inside a character that is whole
// in the text.
func checkStream(t *testing.T, tok *Tokenizer, ids []int32) {
	t.Helper()
	for _, keep := range []bool{true, false} {
		s := tok.Stream(keep)
		var b strings.Builder
		var cuts []int
		for _, id := range ids {
			b.WriteString(s.Next(id))
			cuts = append(cuts, b.Len())
		}
		b.WriteString(s.Flush())
		want := tok.decode(ids, keep)
		if b.String() != want {
			t.Errorf("stream of %v gives %q, Decode %q", ids, b.String(), want)
			continue
		}
		for _, at := range cuts {
			if at < len(want) && !utf8.RuneStart(want[at]) && utf8.ValidString(want) {
				t.Errorf("stream of %v cuts %q at byte %d, inside a character", ids, want, at)
			}
		}
	}
}

// TestStreamRandom streams random ids, unknown ones too, through tokenizers of every kind of decoder.
func TestStreamRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 1))
	withFallback := charFile(object{"byte_fallback": true, "vocab": withBytes(), "merges": []string{}})
	chain := []any{
		object{"type": "Replace", "pattern": object{"String": "▁"}, "content": " "}, object{"type": "ByteFallback"}, object{"type": "Fuse"},
		object{"type": "Strip", "content": " ", "start": 1, "stop": 0}}
	withFallback["decoder"] = object{"type": "Sequence", "decoders": chain}
	withFallback["added_tokens"] = []any{object{"id": 0, "content": "<unk>", "special": true}}
	fallback, err := Parse(toJSON(t, withFallback), nil)
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, tok := range []*Tokenizer{
		trained(t, someText(7, 1500), 320), fallback,
		openSPM(t, buildSPM(somePieces(true), spmOptions{modelType: modelBPE, byteFallback: true, keepSpaces: true}), nil),
		openSPM(t, buildSPM(somePieces(true), spmOptions{modelType: modelUnigram, byteFallback: true}), nil),
	} {
		for range 300 {
			ids := make([]int32, rng.IntN(12))
			for i := range ids {
				ids[i] = int32(rng.IntN(tok.VocabSize()+4) - 2)
			}
			checkStream(t, tok, ids)
			checked++
		}
	}
	t.Logf("%d sequences", checked)
}

// TestStreamHoldsBack: a character whose bytes come one by one comes out whole, and only then.
func TestStreamHoldsBack(t *testing.T) {
	tok := trained(t, someText(7, 1500), 258)
	s := tok.Stream(true)
	var pieces []string
	for _, b := range []byte("a🌧\xf0\x9f!\xc3") {
		id, _ := tok.ID(byteAlphabet[b])
		pieces = append(pieces, s.Next(id))
	}
	pieces = append(pieces, s.Flush())
	if got, want := strings.Join(pieces, "|"), "a||||🌧|||\xf0\x9f!||\xc3"; got != want {
		t.Errorf("streamed %q, expected %q", got, want)
	}
}
