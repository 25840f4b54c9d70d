package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// spmNormalizer normalises as SentencePiece does (Normalizer::Normalize in normalizer.cc): replacements of the charsmap, the
// longest first; spaces trimmed and joined where the model says so; a space before the text; spaces spelt as symbols.
type spmNormalizer struct {
	spmNormal
	charsmap    charsmap
	userDefined *trie // pieces that are left as they are; nil where there are none
	spaceAtEnd  bool
	onlyFirst   bool // no space before a stretch that follows an added token
}

func (n *spmNormalizer) normalize(text string, first bool) string {
	if n.trimSpaces {
		text = n.trimLeft(text)
	}
	if text == "" {
		return ""
	}
	space := " "
	if n.spellSpaces {
		space = spaceSymbol
	}
	prefix := n.dummyPrefix && (first || !n.onlyFirst)
	var b strings.Builder
	b.Grow(len(text) + len(text)/2)
	if prefix && !n.spaceAtEnd {
		b.WriteString(space)
	}
	n.write(&b, text, space)
	out := b.String()
	for n.trimSpaces && strings.HasSuffix(out, space) {
		out = out[:len(out)-len(space)]
	}
	if prefix && n.spaceAtEnd {
		out += space
	}
	return out
}

// trimLeft removes what is normalised to a space from the beginning.
func (n *spmNormalizer) trimLeft(text string) string {
	for text != "" {
		replacement, size := n.next(text)
		if replacement != " " {
			break
		}
		text = text[size:]
	}
	return text
}

// write appends the normalised text, with space for each space.
func (n *spmNormalizer) write(b *strings.Builder, text, space string) {
	afterSpace := n.trimSpaces
	for text != "" {
		part, size := n.next(text)
		text = text[size:]
		for afterSpace && strings.HasPrefix(part, " ") {
			part = part[1:]
		}
		if part == "" {
			continue
		}
		afterSpace = n.trimSpaces && strings.HasSuffix(part, " ")
		if strings.IndexByte(part, ' ') >= 0 {
			part = strings.ReplaceAll(part, " ", space)
		}
		b.WriteString(part)
	}
}

// next returns what the beginning of text is normalised to, and the length of that beginning.
func (n *spmNormalizer) next(text string) (part string, size int) {
	if n.userDefined != nil {
		if size, _ := n.userDefined.longest(text); size > 0 {
			return text[:size], size
		}
	}
	if !n.charsmap.empty() {
		if part, size := n.charsmap.longest(text); size > 0 {
			return part, size
		}
	}
	r, size := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError && size == 1 {
		return "\uFFFD", 1
	}
	return text[:size], size
}

// spmDecoder turns pieces back into text as SentencePiece does (SentencePieceProcessor::Decode in sentencepiece_processor.cc):
// the space that encoding put first is dropped, of bytes that are not UTF-8 each becomes U+FFFD, an unknown its surface.
type spmDecoder struct {
	file *spmFile
}

func (d spmDecoder) begin(next sink) (push sink, flush func()) {
	s := &spmDecoding{file: d.file, next: next, atStart: true}
	return s.push, func() { s.settle(true) }
}

// spmDecoding is one sequence on its way.
type spmDecoding struct {
	file     *spmFile
	next     sink
	atStart  bool // a space symbol would be the one that encoding put first
	dropped  bool // the last piece began with it
	anything bool // text has come out
	bytes    []byte
}

func (s *spmDecoding) push(sp spelling) {
	if b, ok := s.byteOf(sp); ok {
		s.bytes = append(s.bytes, b)
		s.settle(false)
		return
	}
	s.settle(true)
	if s.dropped || s.anything {
		s.atStart = false
	}
	s.emit(s.text(sp))
}

func (s *spmDecoding) byteOf(sp spelling) (byte, bool) {
	if sp.added || sp.id < 0 || int(sp.id) >= len(s.file.pieces) || s.file.pieces[sp.id].kind != pieceByte {
		return 0, false
	}
	return byteOfToken(sp.text)
}

// text returns what a piece that is no byte stands for.
func (s *spmDecoding) text(sp spelling) string {
	if sp.added {
		s.dropped = false
		return sp.text
	}
	if s.file.pieces[sp.id].kind == pieceUnknown {
		s.dropped = false
		return s.file.trainer.unknownSurface
	}
	text := sp.text
	n := s.file.normal
	s.dropped = false
	if s.atStart && (n.dummyPrefix || n.trimSpaces) {
		text, s.dropped = strings.CutPrefix(text, spaceSymbol)
		s.dropped = s.dropped && !n.trimSpaces
	}
	return strings.ReplaceAll(text, spaceSymbol, " ")
}

func (s *spmDecoding) emit(text string) {
	if text != "" {
		s.anything = true
		s.next(spelling{id: -1, text: text})
	}
}

// settle passes on the bytes that make whole characters or cannot become one, or, when no more bytes follow, all.
func (s *spmDecoding) settle(all bool) {
	for len(s.bytes) > 0 {
		if !all && !utf8.FullRune(s.bytes) {
			return
		}
		r, n := utf8.DecodeRune(s.bytes)
		s.emit(string(r))
		s.bytes = s.bytes[n:]
	}
}
