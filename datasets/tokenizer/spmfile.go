package tokenizer

import (
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// spmFile is a SentencePiece model file: the message ModelProto of sentencepiece_model.proto, as far as encoding needs it. The
// field numbers beside the fields are that file's.
type spmFile struct {
	pieces      []spmPiece // 1
	trainer     spmTrainer // 2
	normal      spmNormal  // 3
	denormalize bool       // 5 holds rules
}

// spmPiece is one entry of the vocabulary; its id is its place.
type spmPiece struct {
	text  string // 1
	score float32
	kind  pieceKind // 3
}

// pieceKind says what a piece is for.
type pieceKind uint64

const (
	pieceNormal      pieceKind = 1
	pieceUnknown     pieceKind = 2
	pieceControl     pieceKind = 3 // never in text
	pieceUserDefined pieceKind = 4 // always one token
	pieceUnused      pieceKind = 5
	pieceByte        pieceKind = 6
)

// spmTrainer holds what a model was trained as.
type spmTrainer struct {
	modelType      uint64 // 3
	spaceAtEnd     bool   // 24, treat_whitespace_as_suffix
	byteFallback   bool   // 35
	unk, bos, eos  int32  // 40, 41, 42; -1 where there is none
	pad            int32  // 43
	unknownSurface string // 44
}

// spmNormal holds how text is normalised.
type spmNormal struct {
	charsmap    []byte // 2
	dummyPrefix bool   // 3, add_dummy_prefix
	trimSpaces  bool   // 4, remove_extra_whitespaces
	spellSpaces bool   // 5, escape_whitespaces
}

const (
	modelUnigram = 1
	modelBPE     = 2
)

// parseSPM reads a model file.
func parseSPM(raw []byte) (*spmFile, error) {
	f := &spmFile{
		trainer: spmTrainer{modelType: modelUnigram, unk: 0, bos: 1, eos: 2, pad: -1, unknownSurface: " \u2047 "},
		normal:  spmNormal{dummyPrefix: true, trimSpaces: true, spellSpaces: true},
	}
	err := eachField(raw, func(number protowire.Number, v fieldValue) error {
		switch number {
		case 1:
			return f.addPiece(v.bytes)
		case 2:
			return f.trainer.parse(v.bytes)
		case 3:
			return f.normal.parse(v.bytes)
		case 5:
			return eachField(v.bytes, func(n protowire.Number, v fieldValue) error {
				f.denormalize = f.denormalize || n == 2 && len(v.bytes) > 0
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(f.pieces) == 0 {
		return nil, fmt.Errorf("expected a SentencePiece model, found no pieces in %d bytes", len(raw))
	}
	return f, nil
}

// fieldValue is one field of a message: bytes of a string or message, or the bits of a number.
type fieldValue struct {
	bytes []byte
	bits  uint64
}

// eachField calls found for each field of a message. Groups, which SentencePiece does not use, are an error.
func eachField(raw []byte, found func(protowire.Number, fieldValue) error) error {
	for at := 0; at < len(raw); {
		number, kind, n := protowire.ConsumeTag(raw[at:])
		if n < 0 {
			return fmt.Errorf("not a SentencePiece model: %w at byte %d of %d", protowire.ParseError(n), at, len(raw))
		}
		at += n
		var v fieldValue
		switch kind {
		case protowire.BytesType:
			v.bytes, n = protowire.ConsumeBytes(raw[at:])
		case protowire.VarintType:
			v.bits, n = protowire.ConsumeVarint(raw[at:])
		case protowire.Fixed32Type:
			var bits uint32
			bits, n = protowire.ConsumeFixed32(raw[at:])
			v.bits = uint64(bits)
		case protowire.Fixed64Type:
			v.bits, n = protowire.ConsumeFixed64(raw[at:])
		default:
			return fmt.Errorf("not a SentencePiece model: field %d of wire type %d at byte %d of %d", number, kind, at, len(raw))
		}
		if n < 0 {
			return fmt.Errorf("not a SentencePiece model: field %d: %w at byte %d of %d", number, protowire.ParseError(n), at, len(raw))
		}
		at += n
		if err := found(number, v); err != nil {
			return err
		}
	}
	return nil
}

// maxPiece bounds the length of a piece in bytes: finding the ways to merge one takes time that grows with its square.
const maxPiece = 1 << 10

func (f *spmFile) addPiece(raw []byte) error {
	p := spmPiece{kind: pieceNormal}
	err := eachField(raw, func(number protowire.Number, v fieldValue) error {
		switch number {
		case 1:
			p.text = string(v.bytes)
		case 2:
			p.score = math.Float32frombits(uint32(v.bits))
		case 3:
			p.kind = pieceKind(v.bits)
		}
		return nil
	})
	i := len(f.pieces)
	switch {
	case err != nil:
		return fmt.Errorf("pieces[%d]: %w", i, err)
	case p.text == "" || len(p.text) > maxPiece || !utf8.ValidString(p.text):
		return fmt.Errorf("pieces[%d]: expected UTF-8 of 1 to %d bytes, found %.40q of %d", i, maxPiece, p.text, len(p.text))
	case math.IsNaN(float64(p.score)) || math.IsInf(float64(p.score), 0):
		return fmt.Errorf("pieces[%d] (%q): score: expected a finite number, found %g", i, p.text, p.score)
	case p.kind < pieceNormal || p.kind > pieceByte:
		return fmt.Errorf("pieces[%d] (%q): type: expected 1 to 6, found %d", i, p.text, p.kind)
	case i >= maxVocab:
		return fmt.Errorf("pieces: expected at most %d", maxVocab)
	}
	f.pieces = append(f.pieces, p)
	return nil
}

func (t *spmTrainer) parse(raw []byte) error {
	return eachField(raw, func(number protowire.Number, v fieldValue) error {
		switch number {
		case 3:
			t.modelType = v.bits
		case 24:
			t.spaceAtEnd = v.bits != 0
		case 35:
			t.byteFallback = v.bits != 0
		case 40:
			t.unk = int32(v.bits)
		case 41:
			t.bos = int32(v.bits)
		case 42:
			t.eos = int32(v.bits)
		case 43:
			t.pad = int32(v.bits)
		case 44:
			t.unknownSurface = string(v.bytes)
		}
		return nil
	})
}

func (s *spmNormal) parse(raw []byte) error {
	return eachField(raw, func(number protowire.Number, v fieldValue) error {
		switch number {
		case 2:
			s.charsmap = v.bytes
		case 3:
			s.dummyPrefix = v.bits != 0
		case 4:
			s.trimSpaces = v.bits != 0
		case 5:
			s.spellSpaces = v.bits != 0
		}
		return nil
	})
}
