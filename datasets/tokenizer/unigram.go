package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"
	"unicode/utf8"
)

// unigram chooses, of all ways to cut a piece into tokens, the one with the highest sum of log-probabilities (Kudo, ACL 2018,
// arXiv 1804.10959), by Viterbi's algorithm over the ends of tokens:
//
//	best(j) = max over tokens text[i:j] of best(i) + score(text[i:j])
//
// A character that no token covers scores unkScore. The cost is the length of the piece times that of the longest token.
type unigram struct {
	trie     *trie
	scores   []float64 // by id
	unkScore float64   // the lowest score less unkPenalty
	unknown  int32     // id, -1 where the file names none
	fallback *[256]int32
	fuse     bool // unknowns in a row are one token
	single   bool // keep sums in 32 bits, as SentencePiece does; ties fall differently
	cache    cache
}

// unkPenalty is by how much an unknown character scores below the least likely token (kUnkPenalty in SentencePiece's
// unigram_model.cc).
const unkPenalty = 10

func (m *unigram) encode(dst []int32, piece string) []int32 {
	return m.cache.encode(dst, piece, m.encodePiece)
}

// arrival is the best way to reach an end: the token that it comes by and where that begins, -1 while there is none.
type arrival struct {
	score  float64
	id     int32
	begins int32
}

var pathPool = sync.Pool{New: func() any { return new(path) }}

// path is the scratch of one encodePiece.
type path struct {
	ends  []arrival
	steps int // visits of trie nodes, which is what the time goes to
}

func (m *unigram) encodePiece(dst []int32, piece string) []int32 {
	p := pathPool.Get().(*path)
	defer pathPool.Put(p)
	p.walk(m, piece)
	return m.appendIDs(dst, p, piece)
}

// walk fills p.ends.
func (p *path) walk(m *unigram, piece string) {
	p.ends, p.steps = p.ends[:0], 0
	for range len(piece) + 1 {
		p.ends = append(p.ends, arrival{begins: -1})
	}
	for i := 0; i < len(piece); {
		_, n := utf8.DecodeRuneInString(piece[i:])
		if !p.tokensFrom(m, piece, i, n) {
			score := p.ends[i].score + m.unkScore
			if m.single {
				score = float64(float32(p.ends[i].score) + float32(m.unkScore))
			}
			p.offer(m, i, i+n, score, m.unknown)
		}
		i += n
	}
}

// tokensFrom offers the tokens that begin at i; single says whether one of them is the character there, of size bytes.
func (p *path) tokensFrom(m *unigram, piece string, i, size int) (single bool) {
	node := int32(0)
	for j := i; j < len(piece); j++ {
		p.steps++
		if node = m.trie.step(node, piece[j]); node < 0 {
			return single
		}
		id := m.trie.values[node]
		if id < 0 {
			continue
		}
		p.offer(m, i, j+1, p.ends[i].score+m.scores[id], id)
		single = single || j+1 == i+size
	}
	return single
}

func (p *path) offer(m *unigram, from, to int, score float64, id int32) {
	end := &p.ends[to]
	if end.begins >= 0 && score <= end.score {
		return
	}
	if m.single {
		score = float64(float32(score))
	}
	*end = arrival{score: score, id: id, begins: int32(from)}
}

// appendIDs follows the best path back from the end of piece.
func (m *unigram) appendIDs(dst []int32, p *path, piece string) []int32 {
	start := len(dst)
	for end := len(piece); end > 0; {
		a := p.ends[end]
		begins := int(a.begins)
		if a.id == m.unknown && m.fuse {
			for begins > 0 && p.ends[begins].id == m.unknown {
				begins = int(p.ends[begins].begins)
			}
		}
		dst = m.appendReversed(dst, a.id, piece[begins:end])
		end = begins
	}
	reverse(dst[start:])
	return dst
}

// appendReversed appends the id of a token or, back to front, the bytes of what is unknown.
func (m *unigram) appendReversed(dst []int32, id int32, text string) []int32 {
	if id != m.unknown {
		return append(dst, id)
	}
	if m.fallback != nil {
		for i := len(text) - 1; i >= 0; i-- {
			dst = append(dst, m.fallback[text[i]])
		}
		return dst
	}
	if id < 0 {
		return dst
	}
	return append(dst, id)
}

func reverse(ids []int32) {
	for i, j := 0, len(ids)-1; i < j; i, j = i+1, j-1 {
		ids[i], ids[j] = ids[j], ids[i]
	}
}

// scoredPiece is either half of ["piece", score].
type scoredPiece struct {
	text   string
	score  float64
	isText bool
}

func (s *scoredPiece) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		s.isText = true
		return json.Unmarshal(raw, &s.text)
	}
	return json.Unmarshal(raw, &s.score)
}

func (t *Tokenizer) readUnigram(f *modelFile) error {
	var vocab [][2]scoredPiece
	if err := json.Unmarshal(f.Vocab, &vocab); err != nil {
		return fmt.Errorf("model.vocab: %w", err)
	}
	if len(vocab) == 0 || len(vocab) > maxVocab {
		return fmt.Errorf("model.vocab: expected 1 to %d tokens, found %d", maxVocab, len(vocab))
	}
	m := &unigram{scores: make([]float64, len(vocab)), unknown: -1, fuse: true}
	t.kind, t.model, t.tokens, t.ids = "Unigram", m, make([]string, len(vocab)), make(map[string]int32, len(vocab))
	values := make([]int32, len(vocab))
	lowest := math.Inf(1)
	for i, entry := range vocab {
		if !entry[0].isText || entry[1].isText {
			return fmt.Errorf(`model.vocab[%d]: expected ["token", score]`, i)
		}
		t.tokens[i], m.scores[i], values[i] = entry[0].text, entry[1].score, int32(i)
		t.ids[t.tokens[i]] = int32(i)
		lowest = min(lowest, m.scores[i])
	}
	m.unkScore, m.trie = lowest-unkPenalty, newTrie(t.tokens, values)
	return m.readUnknown(t, f)
}

func (m *unigram) readUnknown(t *Tokenizer, f *modelFile) error {
	if f.UnknownID != nil {
		if *f.UnknownID < 0 || *f.UnknownID >= int64(len(t.tokens)) {
			return fmt.Errorf("model.unk_id: expected an id below %d, found %d", len(t.tokens), *f.UnknownID)
		}
		m.unknown = int32(*f.UnknownID)
		t.unk = m.unknown
	}
	if !f.ByteFallback {
		if m.unknown < 0 {
			return errors.New("model.unk_id: expected an id for unknown characters, found none")
		}
		return nil
	}
	found, count := byteTokens(t.ids)
	if count != len(found) {
		return fmt.Errorf("model.byte_fallback: expected 256 byte tokens in model.vocab, found %d", count)
	}
	t.kind, m.fallback = "Unigram with byte fallback", found
	return nil
}
