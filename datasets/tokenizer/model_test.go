package tokenizer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// charFile is a tokenizer.json of BPE over characters.
func charFile(changes object) object {
	vocab := object{}
	for i, token := range []string{"<unk>", "▁", "a", "b", "c", "ab", "▁a", "▁ab", "bc"} {
		vocab[token] = i
	}
	model := object{"type": "BPE", "vocab": vocab, "merges": []string{"a b", "▁ ab", "b c", "▁ a"}, "unk_token": "<unk>"}
	for k, v := range changes {
		model[k] = v
	}
	return object{"model": model, "pre_tokenizer": object{"type": "Metaspace"}, "decoder": object{"type": "Metaspace"}}
}

func withBytes() object {
	vocab := object{"<unk>": 0, "▁": 1, "a": 2}
	for b := range 256 {
		vocab[byteSpelling(b)] = 3 + b
	}
	return vocab
}

func TestCharBPE(t *testing.T) {
	for _, c := range []struct {
		changes object
		text    string
		want    []int32
		kind    string
	}{
		{nil, "abc ab", []int32{7, 4, 7}, "BPE"},
		{nil, "xyab", []int32{1, 0, 0, 5}, "BPE"},
		{object{"fuse_unk": true}, "xyab xy", []int32{1, 0, 5, 1, 0}, "BPE"},
		{object{"unk_token": nil}, "xa", []int32{6}, "BPE"}, // what is unknown is dropped
		{object{"ignore_merges": true, "merges": []string{}}, "ab b", []int32{7, 1, 3}, "BPE"},
		{object{"byte_fallback": true}, "xa", []int32{1, 0, 2}, "BPE"}, // no byte tokens: unknown
		{object{"byte_fallback": true, "vocab": withBytes(), "merges": []string{}}, "aé", []int32{1, 2, 3 + 0xc3, 3 + 0xa9}, "BPE with byte fallback"},
		{object{"byte_fallback": true, "vocab": withBytes(), "merges": []string{}}, "a\xff", []int32{1, 2, 3 + 0xff}, "BPE with byte fallback"},
	} {
		if c.kind == "BPE" && c.changes["byte_fallback"] == true {
			c.kind = "BPE with byte fallback"
		}
		tok, err := Parse(toJSON(t, charFile(c.changes)), nil)
		if err != nil {
			t.Errorf("%v: %v", c.changes, err)
			continue
		}
		if got := tok.Encode(c.text); !slices.Equal(got, c.want) || tok.Kind() != c.kind {
			t.Errorf("%.60v: Encode(%q) = %v (%s), expected %v (%s)", c.changes, c.text, got, tok.Kind(), c.want, c.kind)
		}
	}
	for want, changes := range map[string]object{
		`model.unk_token: "<x>"`: {"unk_token": "<x>"}, "model.dropout": {"dropout": 0.5},
		`model.vocab: "`: {"vocab": object{"a": 0, "b": 0}}, "model.vocab: json": {"vocab": []int{1}},
	} {
		if _, err := Parse(toJSON(t, charFile(changes)), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, expected one with %q", changes, err, want)
		}
	}
}

// TestMetaspaceFirst: only the piece that begins the text gets a symbol before it.
func TestMetaspaceFirst(t *testing.T) {
	file := charFile(nil)
	file["pre_tokenizer"] = object{"type": "Metaspace", "prepend_scheme": "first"}
	file["added_tokens"] = []any{object{"id": 20, "content": "<x>"}}
	tok, err := Parse(toJSON(t, file), nil)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]int32{"ab<x>ab": {7, 20, 5}, "<x>ab": {20, 5}, "ab": {7}} {
		if got := tok.Encode(text); !slices.Equal(got, want) {
			t.Errorf("Encode(%q) = %v, expected %v", text, got, want)
		}
	}
}

func TestMergeTable(t *testing.T) {
	table := newMergeTable(0)
	rng := rand.New(rand.NewPCG(2, 1))
	want := make(map[pair]merge)
	for i := range int32(5000) {
		p := pairOf(rng.Int32N(60), rng.Int32N(60))
		table.set(p, merge{i, i})
		want[p] = merge{i, i}
	}
	for left := range int32(61) {
		for right := range int32(61) {
			p := pairOf(left, right)
			found, ok := table.find(p)
			if m, known := want[p]; ok != known || found != m && ok {
				t.Fatalf("pair %d %d: %v, %v; expected %v, %v", left, right, found, ok, m, known)
			}
		}
	}
	if table.count != len(want) || 2*table.count > len(table.keys) {
		t.Errorf("%d pairs in %d places, expected %d in at least twice as many", table.count, len(table.keys), len(want))
	}
}

// slowSPM is SentencePiece's BPE as it is described: of all neighbours that together are a piece, those of the highest score
// are joined, the leftmost first, until there are none.
func slowSPM(pieces []spmPiece, text string) (out []string) {
	scores := make(map[string]float32)
	for _, p := range pieces {
		if p.kind == pieceNormal {
			scores[p.text] = p.score
		}
	}
	var symbols []string
	for _, r := range text {
		symbols = append(symbols, string(r))
	}
	for {
		at, best := -1, float32(0)
		for i := 1; i < len(symbols); i++ {
			if s, ok := scores[symbols[i-1]+symbols[i]]; ok && (at < 0 || s > best) {
				at, best = i-1, s
			}
		}
		if at < 0 {
			return symbols
		}
		symbols = slices.Replace(symbols, at, at+2, symbols[at]+symbols[at+1])
	}
}

// randomPieces returns pieces over a few letters, some of which are no pieces themselves, with scores that tie often.
func randomPieces(rng *rand.Rand) []spmPiece {
	pieces := basePieces(false)
	seen := map[string]bool{}
	for len(pieces) < 60 {
		var b strings.Builder
		for range 1 + rng.IntN(4) {
			b.WriteString([]string{"a", "b", "é", "▁", "x"}[rng.IntN(5)])
		}
		if s := b.String(); !seen[s] && s != "x" {
			seen[s] = true
			pieces = append(pieces, spmPiece{s, -float32(rng.IntN(12)), pieceNormal})
		}
	}
	return pieces
}

func TestSPMMatchesSlow(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 1))
	checked := 0
	for range 60 {
		pieces := randomPieces(rng)
		tok := openSPM(t, buildSPM(pieces, spmOptions{modelType: modelBPE, keepSpaces: true, noPrefix: true}), nil)
		for range 40 {
			var b strings.Builder
			for range 1 + rng.IntN(12) {
				b.WriteString([]string{"a", "b", "é", " ", "x", "z"}[rng.IntN(6)])
			}
			var want []int32
			for _, s := range slowSPM(pieces, strings.ReplaceAll(b.String(), " ", spaceSymbol)) {
				id, ok := tok.ID(s)
				if !ok && len(want) > 0 && want[len(want)-1] == 0 {
					continue // unknowns in a row are one
				}
				want = append(want, id) // 0 is <unk>
			}
			checked++
			if got := tok.Encode(b.String()); !slices.Equal(got, want) {
				t.Fatalf("pieces %v: Encode(%q) = %v, expected %v", pieces, b.String(), got, want)
			}
		}
	}
	t.Logf("%d texts", checked)
}

// bestScore tries every way to cut text.
func bestScore(scores map[string]float64, unknown float64, text string) float64 {
	if text == "" {
		return 0
	}
	best := math.Inf(-1)
	for i := 1; i <= len(text); i++ {
		if s, ok := scores[text[:i]]; ok {
			best = max(best, s+bestScore(scores, unknown, text[i:]))
		}
	}
	_, n := utf8.DecodeRuneInString(text)
	if _, ok := scores[text[:n]]; !ok {
		best = max(best, unknown+bestScore(scores, unknown, text[n:]))
	}
	return best
}

func TestUnigramMatchesSlow(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 1))
	checked := 0
	for range 40 {
		pieces := randomPieces(rng)
		var vocab []any
		scores, lowest := make(map[string]float64), 0.0
		for _, p := range pieces {
			vocab = append(vocab, []any{p.text, p.score})
			scores[p.text] = float64(p.score)
			lowest = min(lowest, float64(p.score))
		}
		tok, err := Parse(toJSON(t, object{"model": object{"type": "Unigram", "unk_id": 0, "vocab": vocab}}), nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 30 {
			var b strings.Builder
			for range 1 + rng.IntN(9) {
				b.WriteString([]string{"a", "b", "é", "▁", "x", "z"}[rng.IntN(6)])
			}
			var p path
			p.walk(tok.model.(*unigram), b.String())
			got := p.ends[b.Len()].score
			checked++
			if want := bestScore(scores, lowest-unkPenalty, b.String()); math.Abs(got-want) > 1e-9 {
				t.Fatalf("%q: ids %v score %g, the best way %g", b.String(), tok.Encode(b.String()), got, want)
			}
		}
	}
	t.Logf("%d texts", checked)
}

func TestUnigramRefused(t *testing.T) {
	for want, model := range map[string]object{
		"model.unk_id: expected an id for":  {"vocab": []any{[]any{"a", 0}}},
		"model.unk_id: expected an id bel":  {"vocab": []any{[]any{"a", 0}}, "unk_id": 7},
		"model.vocab: expected 1":           {"vocab": []any{}, "unk_id": 0},
		"model.vocab[0]":                    {"vocab": []any{[]any{0, "a"}}, "unk_id": 0},
		"model.byte_fallback: expected 256": {"vocab": []any{[]any{"a", 0}}, "unk_id": 0, "byte_fallback": true},
	} {
		model["type"] = "Unigram"
		if _, err := Parse(toJSON(t, object{"model": model}), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, expected one with %q", model, err, want)
		}
	}
}

// TestWorkIsLinear counts what encoding does, at n and at 2n characters without a break: comparisons in the heap for BPE, visits
// of the trie for Unigram. The heap's grow as n log n, by a factor of about 2.1; rescanning would give 4.
func TestWorkIsLinear(t *testing.T) {
	level := trained(t, someText(7, 1500), 320).model.(*bpe)
	pieces := randomPieces(rand.New(rand.NewPCG(1, 1)))
	chars := openSPM(t, buildSPM(pieces, spmOptions{modelType: modelBPE}), nil).model.(*bpe)
	uni := openSPM(t, buildSPM(pieces, spmOptions{modelType: modelUnigram}), nil).model.(*unigram)
	merge := func(m *bpe) func(string) int {
		return func(text string) int {
			var w word
			w.load(m, text)
			w.mergeAll(m)
			return w.steps
		}
	}
	for name, work := range map[string]func(string) int{
		"byte-level BPE": merge(level), "BPE": merge(chars),
		"Unigram": func(text string) int { var p path; p.walk(uni, text); return p.steps },
	} {
		most := 0
		for _, unit := range []string{"a", "walkedtheapples", "ab▁éx"} {
			n, twice := work(strings.Repeat(unit, 30_000/len(unit))), work(strings.Repeat(unit, 60_000/len(unit)))
			most = max(most, n)
			if float64(twice) > 2.3*float64(n)+100 {
				t.Errorf("%s of %q: %d steps for n, %d for 2n", name, unit, n, twice)
			}
		}
		if most < 10_000 {
			t.Errorf("%s: only %d steps were counted", name, most)
		}
	}
}

// TestLongPieces: a text of one piece gives the same ids at any length, and none is lost.
func TestLongPieces(t *testing.T) {
	tok := openSPM(t, buildSPM(randomPieces(rand.New(rand.NewPCG(1, 1))), spmOptions{modelType: modelUnigram, noPrefix: true}), nil)
	for _, text := range []string{strings.Repeat("ab", 50_000), strings.Repeat("z", 100_000), strings.Repeat("a ", 30_000)} {
		ids := tok.Encode(text)
		if len(ids) == 0 || len(ids) > len(text) {
			t.Errorf("%.10q…: %d ids of %d characters", text, len(ids), len(text))
		}
	}
	if got := fmt.Sprint(tok.Encode(strings.Repeat("z", 100_000))); got != "[0]" {
		t.Errorf("unknown characters in a row give %s, expected one id", got)
	}
}
