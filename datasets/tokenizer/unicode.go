package tokenizer

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// unicodeForms are the four normal forms of Unicode Standard Annex 15.
var unicodeForms = map[string]normalizer{
	"NFC": unicodeForm{norm.NFC, norm.NFD, true}, "NFD": unicodeForm{norm.NFD, norm.NFD, false},
	"NFKC": unicodeForm{norm.NFKC, norm.NFKD, true}, "NFKD": unicodeForm{norm.NFKD, norm.NFKD, false},
}

// unicodeForm brings text into one of the normal forms.
type unicodeForm struct {
	form, decomposed norm.Form
	compose          bool
}

// longestRun is how many combining characters in a row golang.org/x/text leaves as they are; after them it inserts a U+034F
// (the stream-safe format of the annex, section 13), which the libraries that made the vocabularies do not.
const longestRun = 30

func (u unicodeForm) normalize(text string, _ bool) string {
	if isASCII(text) {
		return text
	}
	if !hasLongRun(text, u.decomposed) {
		return u.form.String(text)
	}
	return u.withoutJoiners(text)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// hasLongRun says whether text may hold more combining characters in a row than longestRun once it is decomposed.
func hasLongRun(text string, form norm.Form) bool {
	run := 0
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			run = 0
			i++
			continue
		}
		p := form.PropertiesString(text[i:])
		if p.CCC() != 0 || p.LeadCCC() != 0 {
			run += 1 + len(p.Decomposition())/2
		} else {
			run = len(p.Decomposition()) / 2 // the marks that a letter brings along
		}
		if run > longestRun-4 {
			return true
		}
		i += max(1, p.Size())
	}
	return false
}

// ordered is a decomposed character with its canonical combining class.
type ordered struct {
	r     rune
	class uint8
}

// withoutJoiners decomposes, orders and, where the form asks for it, composes as the annex says, run by run of a character
// and what combines with it.
func (u unicodeForm) withoutJoiners(text string) string {
	var all []ordered
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n == 1 {
			all = append(all, ordered{r: -1 - rune(text[i])}) // a byte that is not UTF-8 stays
			i++
			continue
		}
		for _, d := range u.decomposed.String(text[i : i+n]) {
			all = append(all, ordered{d, u.decomposed.PropertiesString(string(d)).CCC()})
		}
		i += n
	}
	for i := 0; i < len(all); {
		j := i + 1
		for j < len(all) && all[j].class != 0 {
			j++
		}
		from := i
		if all[i].class == 0 {
			from++
		}
		slices.SortStableFunc(all[from:j], func(a, b ordered) int { return int(a.class) - int(b.class) })
		i = j
	}
	if u.compose {
		all = compose(all)
	}
	var b strings.Builder
	for _, o := range all {
		if o.r < 0 {
			b.WriteByte(byte(-1 - o.r))
		} else {
			b.WriteRune(o.r)
		}
	}
	return b.String()
}

// compose joins each starter with the characters after it that are not blocked from it (annex 15, D117).
func compose(all []ordered) []ordered {
	out := all[:0]
	starter := -1 // index in out
	for _, o := range all {
		if starter >= 0 && o.r >= 0 && out[starter].r >= 0 {
			last := out[len(out)-1]
			adjacent := len(out)-1 == starter
			if adjacent || last.class != 0 && last.class < o.class {
				if c, ok := composed(out[starter].r, o.r); ok {
					out[starter].r = c
					continue
				}
			}
		}
		if o.class == 0 {
			starter = len(out)
		}
		out = append(out, o)
	}
	return out
}

func composed(a, b rune) (rune, bool) {
	s := norm.NFC.String(string(a) + string(b))
	r, n := utf8.DecodeRuneInString(s)
	return r, n == len(s)
}

// lowercase maps each character on its own: a sigma at a word's end stays σ, and İ becomes two characters.
func lowercase(text string) string {
	if !strings.ContainsRune(text, 'İ') {
		return strings.Map(unicode.ToLower, text)
	}
	return strings.Map(unicode.ToLower, strings.ReplaceAll(text, "İ", "i\u0307"))
}

// stripAccents removes the marks. It takes no letter apart: a file that wants that has NFD or NFKD before it.
func stripAccents(text string) string {
	if isASCII(text) {
		return text
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsMark(r) {
			return -1
		}
		return r
	}, text)
}
