package tokenizer

import "unicode/utf8"

// Stream decodes ids one at a time. What Next and Flush return, put together, is what decoding all ids at once gives. No piece
// ends inside a character that is complete in the whole. Make one with [Tokenizer.Stream] for each sequence; a Stream is not
// safe for concurrent use.
type Stream struct {
	t           *Tokenizer
	keepSpecial bool
	push        sink
	flush       func()
	text        []byte // decoded and not yet returned
}

// Stream begins a sequence. With keepSpecial special tokens are spelt out, as in [Tokenizer.Decode], otherwise left out, as in
// [Tokenizer.DecodePlain].
func (t *Tokenizer) Stream(keepSpecial bool) *Stream {
	s := &Stream{t: t, keepSpecial: keepSpecial}
	s.push, s.flush = t.decoder.begin(func(sp spelling) { s.text = append(s.text, sp.text...) })
	return s
}

// Next takes the next id and returns the text that is settled now, which may be none: the bytes of a character come one by
// one in some vocabularies, and a run of byte tokens is settled when it ends.
func (s *Stream) Next(id int32) string {
	s.add(id)
	n := len(s.text) - unfinished(s.text)
	return s.take(n)
}

// Flush ends the sequence and returns what is left of its text.
func (s *Stream) Flush() string {
	s.flush()
	return s.take(len(s.text))
}

func (s *Stream) add(id int32) {
	token, ok := s.t.Token(id)
	if !ok {
		s.push(spelling{id: -1, text: "\uFFFD", added: true})
		return
	}
	a, isAdded := s.t.added.byID[id]
	if isAdded && a.Special && !s.keepSpecial {
		return
	}
	s.push(spelling{id: id, text: token, added: isAdded})
}

func (s *Stream) take(n int) string {
	piece := string(s.text[:n])
	s.text = append(s.text[:0], s.text[n:]...)
	return piece
}

// unfinished returns how many bytes at the end of text may become a character with the bytes to come.
func unfinished(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		tail := text[len(text)-n:]
		if utf8.RuneStart(tail[0]) {
			if tail[0] >= utf8.RuneSelf && !utf8.FullRune(tail) {
				return n
			}
			return 0
		}
	}
	return 0
}

// Decode returns the text of ids, special tokens spelt out. In byte-level vocabularies it inverts Encode byte for byte, and
// ids that end inside a character give a string that ends inside one. An id that names no token becomes U+FFFD.
func (t *Tokenizer) Decode(ids []int32) string { return t.decode(ids, true) }

// DecodePlain is Decode without the special tokens.
func (t *Tokenizer) DecodePlain(ids []int32) string { return t.decode(ids, false) }

func (t *Tokenizer) decode(ids []int32, keepSpecial bool) string {
	s := t.Stream(keepSpecial)
	for _, id := range ids {
		s.add(id)
	}
	return s.Flush()
}
