package lab

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/parelab/pare/datasets"
	"github.com/parelab/pare/gomlxops/evaluate"
)

// Part is a part of a text.
type Part string

// The parts of a text. Of a file or directory, WholeText is everything, TrainPart and CalibrationPart the first 95
// percent of each document and HeldOutPart the rest; of pocket they are streams that share no story. Of a data set that has a split for training and
// one for testing or validation, the first is TrainPart and CalibrationPart, and the last HeldOutPart and WholeText: its test split where there is one.
const (
	WholeText       Part = ""
	TrainPart       Part = "train"
	CalibrationPart Part = "calibration"
	HeldOutPart     Part = "heldout"
)

// heldOut is the fraction of each document that is kept for measuring.
const heldOut = 0.05

// Tokens is text as a model reads it.
type Tokens struct {
	Name   string // "pocket", or the path
	Part   Part
	Digest string // of the text
	IDs    []int32
}

// Tokens reads one part of a text and cuts it into the model's tokens. A text is named as in [datasets.Open]: by the path of a file or of a
// directory, by org/name of a data set in the hub's cache, or it is "pocket"; the part may follow the name after a colon, as in "novels:heldout", and then stands
// before the one asked for. A study reads a text once.
func (l *Lab) Tokens(model *Model, name string, part Part) (*Tokens, error) {
	name, part = splitName(name, part)
	if err := model.NeedTokenizer(); err != nil {
		return nil, err
	}
	digest, err := model.Digest()
	if err != nil {
		return nil, err
	}
	at := key(digest, name, string(part))
	if known := l.texts[at]; known != nil {
		return known, nil
	}
	corpus, err := readPart(name, part)
	if err != nil {
		return nil, err
	}
	t := &Tokens{Name: name, Part: part, Digest: corpus.Digest, IDs: datasets.Tokenize(corpus, model.Tokenizer)}
	if l.texts != nil {
		l.texts[at] = t
	}
	return t, nil
}

func splitName(name string, part Part) (string, Part) {
	colon := strings.LastIndexByte(name, ':')
	if colon < 0 {
		return name, part
	}
	switch head, p := name[:colon], Part(name[colon+1:]); p {
	case TrainPart, CalibrationPart, HeldOutPart:
		return head, p
	case "test":
		return head, HeldOutPart
	case "all":
		return head, WholeText
	}
	return name, part
}

// streams are pocket's names for the parts of a text.
var streams = map[Part]string{WholeText: "test", TrainPart: "train", CalibrationPart: "calibration", HeldOutPart: "test"}

// readPart reads the text of one part.
func readPart(name string, part Part) (*datasets.Corpus, error) {
	if name == Pocket {
		return datasets.Open("pocket:" + streams[part])
	}
	splits, err := datasets.Splits(name)
	if err != nil {
		return nil, err
	}
	if own := ownSplit(splits, part); own != "" {
		return datasets.OpenSplit(name, own)
	}
	corpus, err := datasets.Open(name)
	if err != nil || part == WholeText {
		return corpus, err
	}
	head, tail, err := corpus.Split(1 - heldOut)
	if part == HeldOutPart {
		return tail, err
	}
	return head, err
}

// ownSplit is the split of a data set that a part is; "" where it has not one to train and one to measure on.
func ownSplit(splits map[string][]string, part Part) string {
	held := "test"
	if len(splits[held]) == 0 {
		held = "validation"
	}
	switch {
	case len(splits["train"]) == 0 || len(splits[held]) == 0:
		return ""
	case part == TrainPart || part == CalibrationPart:
		return "train"
	}
	return held
}

// Blocks cuts the tokens into consecutive blocks of the given length and returns n of them, spread evenly; n = 0 takes all.
func (t *Tokens) Blocks(n, length int) ([][]int32, error) {
	blocks := datasets.Blocks(t.IDs, length)
	if len(blocks) == 0 {
		return nil, fmt.Errorf("text %s: %d tokens make no block of %d; take a longer text or a shorter length", t, len(t.IDs), length)
	}
	if n <= 0 || n >= len(blocks) {
		return blocks, nil
	}
	spread := make([][]int32, n)
	for i := range spread {
		spread[i] = blocks[i*len(blocks)/n]
	}
	return spread, nil
}

// protocol is how the tokens were made, as a perplexity keeps it.
func (t *Tokens) protocol() evaluate.Protocol {
	return evaluate.Protocol{Data: t.Name, Split: cmp.Or(string(t.Part), "all"), Digest: t.Digest, Joiner: datasets.Joiner}
}

// String names text and part.
func (t *Tokens) String() string {
	if t.Part == WholeText {
		return t.Name
	}
	return t.Name + ":" + string(t.Part)
}

// key names what a result was made from: the digest of its parts, in order.
func key(parts ...any) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%T %v\n", p, p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
