package tokenizer

import "strings"

// fuse makes one spelling of all. It passes the parts on as they come: the decoders after it know from afterFuse that what
// they get are parts of one spelling.
type fuse struct{}

func (fuse) begin(next sink) (sink, func()) {
	return func(s spelling) { s.id = -1; next(s) }, func() {}
}

// afterFuse returns d for the parts of one spelling: those that look at a character at a time go on doing so, stripping the
// beginning counts through the parts, and any other waits for the end.
func afterFuse(d decoder) decoder {
	switch d := d.(type) {
	case fuse:
		return d
	case replaceEach:
		if d.pattern == nil && len([]rune(d.literal)) == 1 {
			return d
		}
	case strip:
		if d.stop == 0 {
			return stripStart{d}
		}
	}
	return waiting{d}
}

// stripStart strips the beginning of one spelling that comes in parts.
type stripStart struct{ strip }

func (d stripStart) begin(next sink) (sink, func()) {
	left := d.start
	return func(s spelling) {
		for left > 0 && s.text != "" {
			rest, found := strings.CutPrefix(s.text, d.content)
			if !found {
				left = 0
				break
			}
			s.text = rest
			left--
		}
		next(s)
	}, func() {}
}

// waiting hands a decoder one spelling that comes in parts when it is complete.
type waiting struct{ decoder }

func (d waiting) begin(next sink) (sink, func()) {
	var all strings.Builder
	push, flush := d.decoder.begin(next)
	return func(s spelling) { all.WriteString(s.text) }, func() {
		push(spelling{id: -1, text: all.String()})
		flush()
	}
}
