package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// spelling is a token on its way to becoming text.
type spelling struct {
	id    int32 // -1 where it is no longer one token
	text  string
	added bool // it is an added token or stands for an unknown id
}

// sink takes spellings one after the other.
type sink func(spelling)

// decoder turns the spellings of a sequence of tokens into text. begin starts a sequence: push takes the next spelling and
// passes on what is settled by then, flush passes on the rest. What reaches next, concatenated, is the text.
type decoder interface {
	begin(next sink) (push sink, flush func())
}

// decoders work one after the other.
type decoders []decoder

func (list decoders) begin(next sink) (push sink, flush func()) {
	flush = func() {}
	for i := len(list) - 1; i >= 0; i-- {
		after := flush
		var own func()
		next, own = list[i].begin(next)
		flush = func() { own(); after() }
	}
	return next, flush
}

const knownDecoders = "ByteLevel, Metaspace, Replace, ByteFallback, Fuse, Strip or a Sequence of them"

// decoderFile holds the fields of all kinds.
type decoderFile struct {
	Decoders    []json.RawMessage `json:"decoders"`
	Pattern     json.RawMessage   `json:"pattern"`
	Content     string            `json:"content"`
	Start       int               `json:"start"`
	Stop        int               `json:"stop"`
	Replacement string            `json:"replacement"`
	Scheme      *string           `json:"prepend_scheme"`
	PrefixSpace *bool             `json:"add_prefix_space"`
}

// parseDecoder reads the decoder of a tokenizer.json. Where it has none, tokens stand with spaces between them.
func parseDecoder(raw json.RawMessage) (decoder, error) {
	if absent(raw) {
		return spaced{}, nil
	}
	list, err := appendDecoders(nil, raw, 0)
	fused := false
	for i, d := range list {
		if fused {
			list[i] = afterFuse(d)
		}
		fused = fused || d == fuse{}
	}
	return list, err
}

func appendDecoders(list decoders, raw json.RawMessage, depth int) (decoders, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("decoder: Sequences nested more than %d deep", maxNesting)
	}
	var f decoderFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	if kindOf(raw) != "Sequence" {
		d, err := f.make(raw)
		return append(list, d), err
	}
	for _, part := range f.Decoders {
		var err error
		if list, err = appendDecoders(list, part, depth+1); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (f *decoderFile) make(raw json.RawMessage) (decoder, error) {
	switch kindOf(raw) {
	case "ByteLevel":
		return each(unspellToken), nil
	case "ByteFallback":
		return byteFallback{}, nil
	case "Fuse":
		return fuse{}, nil
	case "Metaspace":
		p := preTokenizerFile{Replacement: f.Replacement, Scheme: f.Scheme, PrefixSpace: f.PrefixSpace}
		m, err := p.metaspace()
		if err != nil {
			return nil, fmt.Errorf("decoder.%w", err)
		}
		return unspace{m}, nil
	case "Replace":
		r, err := parseReplace(f.Pattern, f.Content)
		if err != nil {
			return nil, fmt.Errorf("decoder.%w", err)
		}
		return replaceEach{r}, nil
	case "Strip":
		if f.Start < 0 || f.Stop < 0 || utf8.RuneCountInString(f.Content) != 1 {
			return nil, fmt.Errorf("decoder: Strip: expected one character and counts of at least 0, found %q, %d and %d", f.Content, f.Start, f.Stop)
		}
		return strip{f.Content, f.Start, f.Stop}, nil
	}
	return nil, unsupported("decoder", raw, knownDecoders)
}

// each is a decoder that treats every spelling for itself.
type each func(spelling) spelling

func (f each) begin(next sink) (sink, func()) {
	return func(s spelling) { next(f(s)) }, func() {}
}

// unspellToken turns the characters of the byte alphabet into bytes. Added tokens are spelt as they are.
func unspellToken(s spelling) spelling {
	if !s.added {
		s.text = string(unspell(nil, s.text))
	}
	return s
}

// spaced puts a space between tokens.
type spaced struct{}

func (spaced) begin(next sink) (sink, func()) {
	first := true
	return func(s spelling) {
		if !first {
			s.text = " " + s.text
		}
		first = false
		next(s)
	}, func() {}
}

// unspace turns the space symbol into spaces; those of the first token are dropped, for encoding put one there.
type unspace struct{ metaspace }

func (u unspace) begin(next sink) (sink, func()) {
	first := u.prepend != never
	return func(s spelling) {
		space := " "
		if first {
			space = ""
		}
		first = false
		s.text = strings.ReplaceAll(s.text, u.symbol, space)
		next(s)
	}, func() {}
}

// replaceEach replaces within each spelling.
type replaceEach struct{ replace }

func (r replaceEach) begin(next sink) (sink, func()) {
	return func(s spelling) { s.text = r.apply(s.text); next(s) }, func() {}
}

// strip removes up to start characters from the beginning of each spelling and up to stop from its end, as long as they are
// content.
type strip struct {
	content     string
	start, stop int
}

func (d strip) begin(next sink) (sink, func()) {
	return func(s spelling) {
		for range d.start {
			s.text = strings.TrimPrefix(s.text, d.content)
		}
		for range d.stop {
			s.text = strings.TrimSuffix(s.text, d.content)
		}
		next(s)
	}, func() {}
}

// byteFallback joins runs of tokens such as <0x0A> into the characters whose bytes they are. Of a run that is not UTF-8 every
// byte becomes U+FFFD, so no character of a run is settled before the run ends.
type byteFallback struct{}

func (byteFallback) begin(next sink) (push sink, flush func()) {
	var run []byte
	flush = func() {
		switch {
		case len(run) == 0:
			return
		case utf8.Valid(run):
			next(spelling{id: -1, text: string(run)})
		default:
			for range run {
				next(spelling{id: -1, text: "\uFFFD"})
			}
		}
		run = run[:0]
	}
	return func(s spelling) {
		if b, ok := byteOfToken(s.text); ok {
			run = append(run, b)
			return
		}
		flush()
		next(s)
	}, flush
}
