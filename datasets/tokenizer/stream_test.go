package tokenizer

import (
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
