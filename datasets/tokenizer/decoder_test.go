package tokenizer

import (
	"strings"
	"testing"
)

func TestDecoders(t *testing.T) {
	kind := func(k string) object { return object{"type": k} }
	sequence := func(list ...any) object { return object{"type": "Sequence", "decoders": list} }
	replaced := func(from, to string) object {
		return object{"type": "Replace", "pattern": object{"String": from}, "content": to}
	}
	strip := func(start, stop int) object {
		return object{"type": "Strip", "content": " ", "start": start, "stop": stop}
	}
	cases := []struct {
		d      any
		tokens string // with | between
		want   string
	}{
		{nil, "a|b", "a b"},
		{kind("ByteLevel"), "a|Ġb|Ã|©|日", "a bé日"},
		{kind("Fuse"), "a|b", "ab"},
		{kind("Metaspace"), "▁a▁|▁b|▁", "a b "},
		{object{"type": "Metaspace", "prepend_scheme": "never"}, "▁a|▁b", " a b"},
		{object{"type": "Metaspace", "replacement": "_"}, "_a|_b▁", "a b▁"},
		{replaced("ab", "x"), "aab|a|b", "axab"},
		{object{"type": "Replace", "pattern": object{"Regex": "a+"}, "content": "x"}, "aab|a", "xbx"},
		{strip(1, 0), " a|  b", "a b"},
		{strip(1, 2), " a   |b ", "a b"},
		{kind("ByteFallback"), "<0xC3>|<0xA9>|a|<0xC3>|b|<0xE6>|<0x97>", "éa\ufffdb\ufffd\ufffd"},
		{kind("ByteFallback"), "<0x41>|<0xFF>|<0x4>|<0xGG>", "\ufffd\ufffd<0x4><0xGG>"}, // one bad byte spoils its run
		{sequence(replaced("▁", " "), kind("ByteFallback"), kind("Fuse"), strip(1, 0)), "▁a|▁b|<0xC3>|<0xA9>", "a bé"},
		{sequence(kind("Fuse"), strip(2, 0)), " | | a", " a"},
		{sequence(kind("Fuse"), strip(2, 0)), " a| b", "a b"},
		{sequence(kind("Fuse"), strip(0, 1)), " a |  ", " a  "},
		{sequence(kind("Fuse"), replaced("ab", "x"), replaced("b", "y")), "a|bb", "xy"},
		{sequence(kind("Fuse"), kind("Fuse"), sequence(kind("Metaspace"))), "▁a|▁b", "ab"},
		{sequence(kind("Fuse"), kind("ByteFallback")), "<0x4|1>", "A"},
	}
	for _, c := range cases {
		d, err := parseDecoder(toJSON(t, c.d))
		if err != nil {
			t.Errorf("%v: %v", c.d, err)
			continue
		}
		for range 2 { // a decoder keeps nothing between sequences
			var b strings.Builder
			push, flush := d.begin(func(s spelling) { b.WriteString(s.text) })
			for _, token := range strings.Split(c.tokens, "|") {
				push(spelling{text: token})
			}
			flush()
			if b.String() != c.want {
				t.Errorf("%v: %q decodes to %q, expected %q", c.d, c.tokens, b.String(), c.want)
			}
		}
	}
	for want, d := range map[string]any{
		`decoder: found "CTC"`: kind("CTC"), `decoder: found "WordPiece"`: kind("WordPiece"), `decoder: found "BPEDecoder"`: kind("BPEDecoder"),
		"Strip: expected one character": object{"type": "Strip", "content": "ab"}, "decoder.pattern": kind("Replace"),
		"decoder.replacement": object{"type": "Metaspace", "replacement": "ab"},
	} {
		if _, err := parseDecoder(toJSON(t, d)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, expected one with %q", d, err, want)
		}
	}
}
