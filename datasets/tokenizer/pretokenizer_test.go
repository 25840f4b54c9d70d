package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func regexSplit(pattern, behavior string, invert bool) object {
	return object{"type": "Split", "pattern": object{"Regex": pattern}, "behavior": behavior, "invert": invert}
}

// qwenRule and llamaRule are the rules as the files spell them.
const (
	qwenRule  = wordsHead + `\p{N}` + wordsTail
	llamaRule = wordsHead + `\p{N}{1,3}` + wordsTail
)

func TestPreTokenizers(t *testing.T) {
	split := func(s, behavior string) object {
		return object{"type": "Split", "pattern": object{"String": s}, "behavior": behavior, "invert": false}
	}
	sequence := func(list ...any) object { return object{"type": "Sequence", "pretokenizers": list} }
	for _, c := range []struct {
		p    object
		text string
		want string // pieces with | between
	}{
		{object{"type": "WhitespaceSplit"}, " a\u3000b  c", "a|b|c"},
		{object{"type": "Whitespace"}, "it's 5€ né_Ⓐ", "it|'|s|5|€|né_Ⓐ"},
		{object{"type": "Punctuation"}, "a,b$—c", "a|,|b|$|—|c"},
		{object{"type": "Punctuation", "behavior": "Contiguous"}, "a,.b", "a|,.|b"},
		{object{"type": "Digits", "individual_digits": true}, "a12½", "a|1|2|½"},
		{object{"type": "Digits"}, "a12½b3", "a|12½|b|3"},
		{object{"type": "CharDelimiterSplit", "delimiter": "-"}, "a-b--c", "a|b|c"},
		{object{"type": "Metaspace"}, "a  b", "▁a|▁|▁b"},
		{object{"type": "Metaspace", "add_prefix_space": false}, "a b", "a|▁b"},
		{object{"type": "Metaspace", "prepend_scheme": "never", "split": false}, "a b", "a▁b"},
		{object{"type": "Metaspace", "prepend_scheme": "first"}, " a", "▁a"},
		{sequence(object{"type": "WhitespaceSplit"}, object{"type": "Metaspace", "prepend_scheme": "first"}), "a b", "▁a|b"},
		{sequence(object{"type": "WhitespaceSplit"}, object{"type": "Metaspace", "replacement": "_"}), "a b", "_a|_b"},
		{split("-", "Isolated"), "--a-b", "-|-|a|-|b"},
		{split("-", "Removed"), "--a-b", "a|b"},
		{split("-", "MergedWithPrevious"), "--a-b", "-|-|a-|b"},
		{split("-", "MergedWithNext"), "--a-b", "-|-a|-b"},
		{split("-", "Contiguous"), "--a-b", "--|a|-|b"},
		{regexSplit(`\d+`, "Removed", true), "a12b3", "12|3"},
		{regexSplit(`[0-9][0-9][0-9]`, "Isolated", false), "12345", "123|45"},
		{regexSplit(`\s?\w+|x*`, "Isolated", false), "né à-b", "né| à|-|b"},
		{regexSplit(qwenRule, "Isolated", false), "I'LL pay 123€!\n\n  ok\tso  \n x", "I|'LL| pay| |1|2|3|€!\n\n| | ok|\tso|  \n| x"},
		{regexSplit(llamaRule, "Removed", true), "'ſ 12345\r\n\n  x  ", "'ſ| |123|45|\r\n\n| | x|  "},
		{regexSplit(gpt2Rule, "Isolated", false), "a  b12", "a| | b|12"},
		{object{"type": "ByteLevel", "add_prefix_space": false}, "a é", "a| é"},
		{object{"type": "ByteLevel", "use_regex": false}, "a é", " a é"},
	} {
		p, err := parsePreTokenizer(toJSON(t, c.p))
		if err != nil {
			t.Errorf("%v: %v", c.p, err)
			continue
		}
		var got []string
		p.split(c.text, true, func(piece string, first bool) {
			if first != (len(got) == 0 && !strings.HasPrefix(c.text, " a\u3000")) && c.text != "a-b--c" && c.want != "12|3" && c.want != "a|b" {
				t.Errorf("%v: piece %d %q of %q: first is %v", c.p, len(got), piece, c.text, first)
			}
			got = append(got, piece)
		})
		if strings.Join(got, "|") != c.want {
			t.Errorf("%v: %q splits into %q, expected %q", c.p, c.text, strings.Join(got, "|"), c.want)
		}
	}
}

// TestOtherRules: rules of other families, which go through Go's regexp.
func TestOtherRules(t *testing.T) {
	const upper, lower = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`, `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
	const tail = `| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+` + givenBack
	for _, c := range []struct{ name, rule, text, want string }{
		{"o200k", `[^\r\n\p{L}\p{N}]?` + upper + `*` + lower + `+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?` + upper + `+` + lower +
			`*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}` + tail, "It's HTMLParser 12345 a/b//\n  x ", "It's| HTMLParser| |123|45| a|/b|//\n| | x| "},
		{"tekken", `[^\r\n\p{L}\p{N}]?` + upper + `*` + lower + `+|[^\r\n\p{L}\p{N}]?` + upper + `+` + lower + `*|\p{N}` + tail, "aB 12", "a|B| |1|2"},
		{"DeepSeek-V3", "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+" + givenBack,
			"x[ab e\u0301 €\n1  ]", "x|[ab| e\u0301| €\n|1| | ]"},
		{"CJK", `[一-龥\u3040-ゟ゠-ヿ]+`, "ab日本ひ", "ab|日本ひ"},
	} {
		p, err := parsePreTokenizer(toJSON(t, regexSplit(c.rule, "Isolated", false)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		p.split(c.text, true, func(piece string, _ bool) { got = append(got, piece) })
		if strings.Join(got, "|") != c.want {
			t.Errorf("%s: %q splits into %q, expected %q", c.name, c.text, strings.Join(got, "|"), c.want)
		}
	}
}

func TestPreTokenizersRefused(t *testing.T) {
	for want, p := range map[string]any{
		`found "UnicodeScripts"`: object{"type": "UnicodeScripts"},
		`behavior: found "Odd"`:  regexSplit("a", "Odd", false),
		`behavior: found ""`:     regexSplit("a", "", false),
		"group \"(?!a\"":         regexSplit(`x(?!a)`, "Isolated", false),
		"group \"(?<=\"":         regexSplit(`(?<=a)b`, "Isolated", false),
		"group \"(?>a\"":         regexSplit(`(?>a)b`, "Isolated", false),
		`\1`:                     regexSplit(`(a)\1`, "Isolated", false),
		`\S in a set`:            regexSplit(`[^\S\n]`, "Isolated", false),
		"set in a set":           regexSplit(`[a[b]]`, "Isolated", false),
		"intersection of sets":   regexSplit(`[a&&b]`, "Isolated", false),
		"anchor ^":               regexSplit(`^a`, "Isolated", false),
		`\b`:                     regexSplit(`\ba`, "Isolated", false),
		"linear time":            regexSplit(`a++`, "Isolated", false),
		"delimiter: expected":    object{"type": "CharDelimiterSplit"},
		"prepend_scheme: found":  object{"type": "Metaspace", "prepend_scheme": "odd"},
		"replacement: expected":  object{"type": "Metaspace", "replacement": "ab"},
	} {
		if _, err := parsePreTokenizer(toJSON(t, p)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, expected one with %q", p, err, want)
		}
	}
}

// FuzzSplit: the rules written out by hand cut as the regular expressions do by way of Go's regexp, which stands in for the
// lookahead by a group of its own; the pieces are the text.
func FuzzSplit(f *testing.F) {
	rules := make(map[string]regexMatcher)
	for source := range scanners {
		m, err := newRegexMatcher(source)
		if err != nil {
			f.Fatal(err)
		}
		rules[source] = m
	}
	rng := rand.New(rand.NewPCG(3, 1))
	alphabet := []string{" ", " ", "\n", "\r", "\t", "\u00a0", "\u3000", "a", "Z", "é", "1", "22", "½", "'", "'s", "'LL", "'ſ", "’re", "-", "€", "\u0301", "日本", "🌧", "\xff", "\u0085", "\u200d"}
	for range 400 {
		var b strings.Builder
		for range rng.IntN(14) {
			b.WriteString(alphabet[rng.IntN(len(alphabet))])
		}
		f.Add(b.String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) { // the two differ on what is not UTF-8, which the files' library never sees
			text = strings.ToValidUTF8(text, "\u00ad")
		}
		if text == "" {
			return
		}
		for source, s := range scanners {
			var got, want []string
			s.split(text, true, func(piece string, _ bool) { got = append(got, piece) })
			splitter{rules[source], isolated, false}.split(text, true, func(piece string, _ bool) { want = append(want, piece) })
			if !slices.Equal(got, want) || strings.Join(got, "") != text {
				t.Fatalf("%s: %q splits into %q, expected %q", source, text, got, want)
			}
		}
	})
}
