package tokenizer

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// readSPM reads a SentencePiece model file. Control pieces are not found in text, as SentencePiece itself has it; byteTokens
// and unknowns decode as there.
func (t *Tokenizer) readSPM(raw []byte) error {
	f, err := parseSPM(raw)
	if err != nil {
		return err
	}
	if err := t.placePieces(f); err != nil {
		return err
	}
	normal, err := f.normalizer()
	if err != nil {
		return err
	}
	switch f.trainer.modelType {
	case modelBPE:
		err = t.readSPMBPE(f)
	case modelUnigram:
		err = t.readSPMUnigram(f)
	default:
		err = fmt.Errorf("trainer_spec.model_type: found %d, expected 1 (Unigram) or 2 (BPE): this kind of tokenizer is not supported", f.trainer.modelType)
	}
	if err != nil {
		return err
	}
	t.files[modelFileName] = raw
	t.added = newAddedTokens(nil, normal)
	for id, p := range f.pieces {
		if p.kind == pieceControl {
			t.added.byID[int32(id)] = addedToken{ID: int32(id), Content: p.text, Special: true}
		}
	}
	t.decoder = spmDecoder{f}
	return nil
}

// placePieces fills the vocabulary and the special ids.
func (t *Tokenizer) placePieces(f *spmFile) error {
	t.tokens, t.ids = make([]string, len(f.pieces)), make(map[string]int32, len(f.pieces))
	for i, p := range f.pieces {
		if first, known := t.ids[p.text]; known {
			return fmt.Errorf("pieces[%d]: %q is pieces[%d] already", i, p.text, first)
		}
		t.tokens[i], t.ids[p.text] = p.text, int32(i)
		if p.kind == pieceUnknown {
			t.unk = int32(i)
		}
	}
	if t.unk < 0 {
		return errors.New("pieces: expected one of type 2 for unknown characters, found none")
	}
	for _, s := range []struct {
		id *int32
		is int32
	}{{&t.bos, f.trainer.bos}, {&t.eos, f.trainer.eos}, {&t.pad, f.trainer.pad}} {
		if s.is >= 0 && int(s.is) < len(f.pieces) && f.pieces[s.is].kind != pieceNormal {
			*s.id = s.is
		}
	}
	return nil
}

func (f *spmFile) normalizer() (*spmNormalizer, error) {
	if f.denormalize {
		return nil, errors.New("denormalizer_spec: found rules, expected none: this kind of tokenizer is not supported")
	}
	m, err := parseCharsmap(f.normal.charsmap)
	if err != nil {
		return nil, fmt.Errorf("normalizer_spec.precompiled_charsmap: %w", err)
	}
	return &spmNormalizer{spmNormal: f.normal, charsmap: m, userDefined: f.userDefined(), spaceAtEnd: f.trainer.spaceAtEnd}, nil
}

// userDefined returns the pieces that are always one token, nil where there are none.
func (f *spmFile) userDefined() *trie {
	var texts []string
	var ids []int32
	for i, p := range f.pieces {
		if p.kind == pieceUserDefined {
			texts, ids = append(texts, p.text), append(ids, int32(i))
		}
	}
	if len(texts) == 0 {
		return nil
	}
	return newTrie(texts, ids)
}

// byteIDs returns the ids of the 256 byte pieces where the model falls back on them, nil where it does not.
func (f *spmFile) byteIDs(ids map[string]int32) (*[256]int32, error) {
	if !f.trainer.byteFallback {
		return nil, nil
	}
	found, _ := byteTokens(ids)
	for b, id := range found {
		if id < 0 || f.pieces[id].kind != pieceByte {
			return nil, fmt.Errorf("trainer_spec.byte_fallback: expected a byte piece <0x%02X>, found none", b)
		}
	}
	return found, nil
}

func (t *Tokenizer) readSPMUnigram(f *spmFile) error {
	m := &unigram{scores: make([]float64, len(f.pieces)), unknown: t.unk, fuse: true, single: true}
	lowest, highest := float32(math.MaxFloat32), float32(0x1p-126) // both as in unigram_model.cc, BuildTrie
	var texts []string
	var ids []int32
	for i, p := range f.pieces {
		m.scores[i] = float64(p.score)
		if p.kind == pieceNormal {
			lowest, highest = min(lowest, p.score), max(highest, p.score)
		}
		if p.kind == pieceNormal || p.kind == pieceUserDefined {
			texts, ids = append(texts, p.text), append(ids, int32(i))
		}
	}
	for i, p := range f.pieces {
		if p.kind == pieceUserDefined { // it always wins: kept so by a score above that of any other way to its end
			m.scores[i] = float64(float32(len(p.text))*highest) - 0.1
		}
	}
	m.unkScore, m.trie = float64(lowest-unkPenalty), newTrie(texts, ids)
	t.kind, t.model = "SentencePiece Unigram", m
	var err error
	if m.fallback, err = f.byteIDs(t.ids); m.fallback != nil {
		t.kind += " with byte fallback"
	}
	return err
}

func (t *Tokenizer) readSPMBPE(f *spmFile) error {
	a := newAlphabet(int32(len(f.pieces)))
	a.unknown, a.fuse, a.frozen = t.unk, true, f.userDefined()
	var err error
	if a.fallback, err = f.byteIDs(t.ids); err != nil {
		return err
	}
	known := make(map[string]int32, len(f.pieces)) // what merging may find
	var texts []string
	for i, p := range f.pieces {
		switch p.kind {
		case pieceUnused:
			return fmt.Errorf("pieces[%d] (%q): type: found 5 (unused), which is not supported for BPE", i, p.text)
		case pieceNormal:
			known[p.text] = int32(i)
			texts = append(texts, p.text)
			if r, n := utf8.DecodeRuneInString(p.text); n == len(p.text) {
				a.set(r, int32(i))
			}
		case pieceUserDefined:
			texts = append(texts, p.text)
		}
	}
	m := &bpe{chars: a, merges: newMergeTable(2 * len(f.pieces))}
	f.findMerges(m, known)
	m.atWord = a.id('▁') >= 0 && keepsWords(texts)
	t.kind, t.model = "SentencePiece BPE", m
	if a.fallback != nil {
		t.kind += " with byte fallback"
	}
	return nil
}

// findMerges lists all ways to make a piece of two symbols. A model file has no merges: SentencePiece joins any neighbours
// that are a piece together, the highest score first.
func (f *spmFile) findMerges(m *bpe, known map[string]int32) {
	ranks := f.ranks()
	for id, p := range f.pieces {
		if p.kind != pieceNormal {
			continue
		}
		for i := range p.text {
			if i == 0 {
				continue
			}
			left, ok1 := m.symbolOf(p.text[:i], known)
			right, ok2 := m.symbolOf(p.text[i:], known)
			if ok1 && ok2 {
				m.merges.set(pairOf(left, right), merge{rank: ranks[p.score], id: int32(id)})
			}
		}
	}
}

// ranks numbers the scores from the highest down; equal scores have the same rank.
func (f *spmFile) ranks() map[float32]int32 {
	var scores []float32
	for _, p := range f.pieces {
		scores = append(scores, p.score)
	}
	slices.Sort(scores)
	scores = slices.Compact(scores)
	ranks := make(map[float32]int32, len(scores))
	for i, s := range scores {
		ranks[s] = int32(len(scores) - 1 - i)
	}
	return ranks
}

// symbolOf returns the symbol of a piece or of a single character.
func (m *bpe) symbolOf(text string, known map[string]int32) (int32, bool) {
	if id, ok := known[text]; ok {
		return id, true
	}
	if _, n := utf8.DecodeRuneInString(text); n == len(text) {
		return m.chars.innerID(text), true
	}
	return 0, false
}

// isSPM says whether a file's name is that of a SentencePiece model.
func isSPM(name string) bool { return strings.HasSuffix(name, ".model") }
