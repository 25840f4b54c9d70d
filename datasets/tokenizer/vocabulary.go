package tokenizer

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Vocabulary is a tokenizer laid out for files of other programs: tokens with what kind each is, and what merges them.
type Vocabulary struct {
	ByteLevel bool        // merges over the alphabet that spells bytes; otherwise pieces with scores, as SentencePiece has them
	Rule      string      // how text is cut first, by llama.cpp's name: "gpt-2", "llama-bpe", "qwen2", "smollm"; "default" for pieces
	Tokens    []string    // by id; "" where an id has none
	Kinds     []TokenKind // by id
	Scores    []float32   // of pieces: the highest is merged first
	Merges    []string    // of ByteLevel: "left right", the first is merged first

	AddBOS, AddEOS bool // texts get them
	AddSpace       bool // texts get a space before them
	ChatTemplate   string
}

// TokenKind says what a token is for, by SentencePiece's numbers.
type TokenKind int32

// The kinds of tokens.
const (
	NormalToken  TokenKind = 1
	UnknownToken TokenKind = 2
	ControlToken TokenKind = 3 // special: never in text
	UserToken    TokenKind = 4 // always one token
	UnusedToken  TokenKind = 5
	ByteToken    TokenKind = 6
)

// lowestScore is that of pieces which no merge makes.
const lowestScore = -1e6

// Vocabulary lays the tokenizer out. One that this form has no room for is an error that says why: Unigram, and byte-level BPE that cuts text
// by a rule without a name.
//
// Of a tokenizer.json with pieces each gets minus the rank of the first merge that makes it for a score, which keeps their order.
func (t *Tokenizer) Vocabulary() (*Vocabulary, error) {
	m, ok := t.model.(*bpe)
	if !ok {
		return nil, fmt.Errorf("tokenizer: %s cannot be laid out as merges: expected BPE", t.kind)
	}
	v := &Vocabulary{ByteLevel: m.chars == nil, Rule: "default", Tokens: slices.Clone(t.tokens), ChatTemplate: t.templates[defaultTemplate]}
	t.kinds(v)
	t.around(v)
	if raw := t.files[modelFileName]; raw != nil {
		return v, t.scorePieces(v, raw)
	}
	merges, err := t.mergePairs()
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	if !v.ByteLevel {
		t.scoreMerges(v, merges)
		return v, nil
	}
	for _, pair := range merges {
		v.Merges = append(v.Merges, pair[0]+" "+pair[1])
	}
	v.Rule, err = t.rule()
	return v, err
}

var byteToken = regexp.MustCompile(`^<0x[0-9A-F]{2}>$`)

// kinds says what each token is for. Those of a .model file are set by scorePieces.
func (t *Tokenizer) kinds(v *Vocabulary) {
	v.Kinds = make([]TokenKind, len(t.tokens))
	for id, token := range t.tokens {
		added, isAdded := t.added.byID[int32(id)]
		switch {
		case token == "":
			v.Kinds[id] = UnusedToken
		case !v.ByteLevel && int32(id) == t.unk:
			v.Kinds[id] = UnknownToken
		case isAdded && added.Special:
			v.Kinds[id] = ControlToken
		case isAdded:
			v.Kinds[id] = UserToken
		case !v.ByteLevel && byteToken.MatchString(token):
			v.Kinds[id] = ByteToken
		default:
			v.Kinds[id] = NormalToken
		}
	}
}

// around sees what is put around a text.
func (t *Tokenizer) around(v *Vocabulary) {
	plain, special := t.Encode("a"), t.EncodeSpecial("a")
	v.AddBOS = t.bos >= 0 && special[0] == t.bos && plain[0] != t.bos
	v.AddEOS = t.eos >= 0 && special[len(special)-1] == t.eos && plain[len(plain)-1] != t.eos
	first, _ := t.Token(plain[0])
	v.AddSpace = !v.ByteLevel && strings.HasPrefix(first, "▁")
}

// scorePieces takes scores and kinds of a .model file.
func (t *Tokenizer) scorePieces(v *Vocabulary, raw []byte) error {
	f, err := parseSPM(raw)
	if err != nil {
		return err
	}
	v.Scores = make([]float32, len(v.Tokens))
	for id := range v.Tokens {
		v.Scores[id] = lowestScore
		if id < len(f.pieces) {
			v.Scores[id] = f.pieces[id].score
			if v.Kinds[id] == NormalToken || f.pieces[id].kind != pieceNormal {
				v.Kinds[id] = TokenKind(f.pieces[id].kind)
			}
		}
	}
	return nil
}

func (t *Tokenizer) scoreMerges(v *Vocabulary, merges [][2]string) {
	v.Scores = make([]float32, len(v.Tokens))
	for id := range v.Scores {
		v.Scores[id] = lowestScore
	}
	for rank, pair := range merges {
		if id, ok := t.ids[pair[0]+pair[1]]; ok && v.Scores[id] == lowestScore {
			v.Scores[id] = -float32(rank)
		}
	}
}

// mergePairs reads the merges again from the files.
func (t *Tokenizer) mergePairs() ([][2]string, error) {
	if raw := t.files[mergesFileName]; raw != nil {
		return mergeLines(raw)
	}
	var f file
	if err := json.Unmarshal(t.files[FileName], &f); err != nil {
		return nil, jsonError(t.files[FileName], err)
	}
	m, err := parseModel(f.Model)
	if err != nil {
		return nil, err
	}
	return parseMerges(m.Merges)
}

// rule names how a byte-level tokenizer cuts text.
func (t *Tokenizer) rule() (string, error) {
	if len(t.split) == 1 {
		switch p := t.split[0].(type) {
		case byteLevel:
			if !p.prefixSpace && !p.wholeText {
				return "gpt-2", nil
			}
		case words:
			return map[int]string{1: "qwen2", 3: "llama-bpe"}[p.digits], nil
		}
	}
	if t.cutsDigits() {
		return "smollm", nil
	}
	return "", fmt.Errorf("tokenizer: it cuts text by a rule that has no name in llama.cpp that is known here; the known ones are gpt-2, llama-bpe, qwen2 and smollm")
}

// cutsDigits says whether every digit is a piece and GPT-2's rule cuts the rest.
func (t *Tokenizer) cutsDigits() bool {
	var f file
	var whole, digits, level preTokenizerFile
	if json.Unmarshal(t.files[FileName], &f) != nil || json.Unmarshal(f.PreTokenizer, &whole) != nil || len(whole.PreTokenizers) != 2 {
		return false
	}
	if json.Unmarshal(whole.PreTokenizers[0], &digits) != nil || json.Unmarshal(whole.PreTokenizers[1], &level) != nil {
		return false
	}
	return kindOf(whole.PreTokenizers[0]) == "Digits" && digits.Individual && kindOf(whole.PreTokenizers[1]) == "ByteLevel" &&
		orTrue(level.UseRegex) && !orTrue(level.PrefixSpace)
}
