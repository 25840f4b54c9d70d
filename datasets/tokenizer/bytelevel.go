package tokenizer

// byteLevel is the pre-tokenizer of byte-level BPE. The vocabulary spells each of the 256 bytes as one printable
// character (a space as "Ġ"), so that any text, and any bytes, can be encoded and nothing is lost.
type byteLevel struct {
	prefixSpace bool // put a space before a segment that does not begin with one
	wholeText   bool // use_regex false: a segment is one piece
}

var _ preTokenizer = byteLevel{}

// split yields pieces as they are written; the model knows the bytes by their spelling (see bpe.bytes).
func (b byteLevel) split(text string, first bool, yield func(string, bool)) {
	if b.prefixSpace && text[0] != ' ' {
		text = " " + text
	}
	if b.wholeText {
		yield(text, first)
		return
	}
	cut(gpt2Words{}, text, first, yield)
}

// spelled turns bytes into the characters that spell them, for what stands after a ByteLevel in a Sequence.
type spelled struct{}

func (spelled) split(text string, first bool, yield func(string, bool)) {
	yield(spellBytes(text), first)
}

// unspelled turns the characters back into bytes, for a model over bytes.
type unspelled struct{}

func (unspelled) split(text string, first bool, yield func(string, bool)) {
	yield(string(unspell(nil, text)), first)
}

func spellBytes(text string) string {
	b := make([]byte, 0, len(text)+len(text)/2)
	for i := range len(text) {
		b = append(b, byteAlphabet[text[i]]...)
	}
	return string(b)
}

// unspell appends the bytes that token spells. A token with a character outside the alphabet stands for its own UTF-8.
func unspell(dst []byte, token string) []byte {
	start := len(dst)
	for _, r := range token {
		if int(r) >= len(byteOf) || byteOf[r] < 0 {
			return append(dst[:start], token...)
		}
		dst = append(dst, byte(byteOf[r]))
	}
	return dst
}

// byteAlphabet holds the character that spells each byte. Printable ASCII and Latin-1 stand for themselves, the other 68
// bytes take the characters from U+0100 up (GPT-2's encoder.py, bytes_to_unicode).
// byteOf is its inverse, -1 for characters outside.
var byteAlphabet, byteOf = func() (alphabet [256]string, of [0x100 + 68]int16) {
	for r := range of {
		of[r] = -1
	}
	next := rune(0x100)
	for b := range alphabet {
		r := rune(b)
		if printable := r >= '!' && r <= '~' || r >= '¡' && r <= '¬' || r >= '®'; !printable {
			r = next
			next++
		}
		alphabet[b] = string(r)
		of[r] = int16(b)
	}
	return alphabet, of
}()
