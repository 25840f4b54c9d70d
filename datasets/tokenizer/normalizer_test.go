package tokenizer

import (
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

func TestNormalizers(t *testing.T) {
	charsmap := buildCharsmap(map[string]string{"ﬁ": "fi", "\u00a0": " ", "e\u0301": "é", "①": "1", "A": "a", "\u200d": "", "AB": "x", "o": "0", "o\u0301": "ó"})
	kind := func(k string) object { return object{"type": k} }
	cases := []struct {
		n        any
		in, want string
	}{
		{nil, "Éa", "Éa"},
		{kind("NFC"), "e\u0301 한 ①", "é 한 ①"},
		{kind("NFD"), "é 한", "e\u0301 \u1112\u1161\u11ab"},
		{kind("NFKC"), "ﬁ ① e\u0301", "fi 1 é"},
		{kind("NFKD"), "ﬁ é", "fi e\u0301"},
		{kind("Lowercase"), "ÀİΣ ẞ", "ài\u0307σ ß"},
		{kind("StripAccents"), "e\u0301é\u0903x", "eéx"},
		{object{"type": "Strip", "strip_left": true, "strip_right": false}, "\u00a0 a ", "a "},
		{object{"type": "Strip", "strip_left": false, "strip_right": true}, " a\n\u3000", " a"},
		{object{"type": "Replace", "pattern": object{"String": " "}, "content": "▁"}, "a  b", "a▁▁b"},
		{object{"type": "Replace", "pattern": object{"Regex": " {2,}"}, "content": "$0-"}, "a   b c", "a$0-b c"},
		{object{"type": "Replace", "pattern": object{"Regex": `\s+$`}, "content": ""}, "a \u3000\u00a0", "a"},
		{object{"type": "Prepend", "prepend": "▁"}, "a", "▁a"},
		{object{"type": "Prepend", "prepend": "▁"}, "", ""},
		{object{"type": "Precompiled", "precompiled_charsmap": charsmap}, "ﬁ\u00a0A①B", "fi a1B"},
		{object{"type": "Precompiled", "precompiled_charsmap": charsmap}, "AB", "aB"},                                   // grapheme by grapheme
		{object{"type": "Precompiled", "precompiled_charsmap": charsmap}, "A\u0301b", "ab"},                             // replaced whole
		{object{"type": "Precompiled", "precompiled_charsmap": charsmap}, "A\u0301\u0302\u0303", "a\u0301\u0302\u0303"}, // six bytes and more: apart
		{object{"type": "Precompiled", "precompiled_charsmap": charsmap}, "o\u0301x", "0x"},                             // by the shortest entry
		{object{"type": "Precompiled", "precompiled_charsmap": ""}, "ﬁ", "ﬁ"},
		{object{"type": "Sequence", "normalizers": []any{kind("NFD"), object{"type": "Sequence", "normalizers": []any{kind("StripAccents"), kind("Lowercase")}}}}, "Éa", "ea"},
		{object{"type": "Sequence", "normalizers": []any{}}, "Éa", "Éa"},
	}
	for _, c := range cases {
		n, err := parseNormalizer(toJSON(t, c.n))
		if err != nil {
			t.Errorf("%v: %v", c.n, err)
			continue
		}
		got := c.in
		if n != nil {
			got = n.normalize(c.in, true)
		}
		if got != c.want {
			t.Errorf("%.20v: %q becomes %q, expected %q", c.n, c.in, got, c.want)
		}
	}
	if len(cases) < 20 {
		t.Fatal("the table is not whole")
	}
}

func TestNormalizersRefused(t *testing.T) {
	nested := any(object{"type": "NFC"})
	for range 20 {
		nested = object{"type": "Sequence", "normalizers": []any{nested}}
	}
	for want, n := range map[string]any{
		`found "BertNormalizer"`:              object{"type": "BertNormalizer"},
		`found "Nmt"`:                         object{"type": "Nmt"},
		"nested more than 16":                 nested,
		"pattern.String: expected a string":   object{"type": "Replace", "pattern": object{"String": ""}},
		`pattern: expected {"String"`:         object{"type": "Replace", "pattern": object{"Other": ""}},
		"pattern.Regex:":                      object{"type": "Replace", "pattern": object{"Regex": "(?<=a)b"}},
		"lookahead in a replacement":          object{"type": "Replace", "pattern": object{"Regex": "a" + givenBack}},
		"precompiled_charsmap: expected the":  object{"type": "Precompiled", "precompiled_charsmap": []byte{1}},
		"precompiled_charsmap: expected a tr": object{"type": "Precompiled", "precompiled_charsmap": []byte{255, 255, 255, 255, 0}},
	} {
		if _, err := parseNormalizer(toJSON(t, n)); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "normalizer") {
			t.Errorf("%.80v: error %v, expected one with %q", n, err, want)
		}
	}
}

// TestUnicodeForms compares our own decomposing and composing, which runs of combining characters need that
// golang.org/x/text would break up, with that package on text without such runs.
func TestUnicodeForms(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	alphabet := []rune("aeoqAÅéÜẛﬁ①한각ㄱ\u1100\u1161\u11a8\u0301\u0302\u0323\u0327\u0338\u1dce\u0344\u0958\u0e33\U0001d15e 1=")
	checked := 0
	for range 3000 {
		var b strings.Builder
		for range 1 + rng.IntN(12) {
			b.WriteRune(alphabet[rng.IntN(len(alphabet))])
		}
		for name, n := range unicodeForms {
			u := n.(unicodeForm)
			checked++
			if got, want := u.withoutJoiners(b.String()), u.form.String(b.String()); got != want {
				t.Fatalf("%s(%+q) = %+q, expected %+q", name, b.String(), got, want)
			}
		}
	}
	long := "e" + strings.Repeat("\u0301\u0323", 40) + "a\xff"
	got := unicodeForms["NFC"].normalize(long, true)
	if want := "\u1eb9" + strings.Repeat("\u0323", 39) + strings.Repeat("\u0301", 40) + "a\xff"; got != want {
		t.Errorf("NFC of a long run is %+q, expected %+q", got, want)
	}
	if !strings.Contains(norm.NFC.String(long), "\u034f") {
		t.Error("golang.org/x/text no longer breaks up long runs: withoutJoiners can go")
	}
	t.Logf("%d forms", checked)
}
