package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"
)

// readPair reads vocab.json and merges.txt as GPT-2 wrote them. How text is cut follows in configurePair.
func (t *Tokenizer) readPair(vocab, merges []byte) error {
	if err := t.readVocab(vocab); err != nil {
		return fmt.Errorf("tokens%w", err)
	}
	pairs, err := mergeLines(merges)
	if err != nil {
		return fmt.Errorf("with %s: %w", mergesFileName, err)
	}
	t.files[vocabFileName], t.files[mergesFileName] = vocab, merges
	t.added, t.decoder = newAddedTokens(nil, nil), each(unspellToken)
	if err := t.makeBPE(new(modelFile), pairs, true); err != nil {
		return fmt.Errorf("with %s: %w", mergesFileName, err)
	}
	return nil
}

// mergeLines reads merges.txt: a merge on each line but the first, which may tell the version.
func mergeLines(raw []byte) ([][2]string, error) {
	var merges [][2]string
	number := 0
	for line := range strings.Lines(string(raw)) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || number == 1 && strings.HasPrefix(line, "#version") {
			continue
		}
		parts, err := mergeParts(strings.Split(line, " "))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w %q", number, err, line)
		}
		merges = append(merges, parts)
	}
	return merges, nil
}

// configurePair cuts text as the class named in tokenizer_config.json does: GPT-2's (also OPT's) where it names none.
func (t *Tokenizer) configurePair(c *config, list []addedToken) error {
	var normal normalizer
	switch strings.TrimSuffix(c.Class, "Fast") {
	case "", "GPT2Tokenizer", "PreTrainedTokenizer":
		t.split = preTokenizers{byteLevel{prefixSpace: c.PrefixSpace}}
	case "RobertaTokenizer":
		t.split = preTokenizers{byteLevel{prefixSpace: c.PrefixSpace}}
		defer t.surround("<s>", "</s>")
	case "Qwen2Tokenizer":
		normal, t.split = unicodeForms["NFC"], preTokenizers{words{digits: 1}}
	default:
		return fmt.Errorf("%s: tokenizer_class: found %q, expected GPT2Tokenizer, RobertaTokenizer or Qwen2Tokenizer: "+
			"%s with %s of other classes are not supported", ConfigFileName, c.Class, vocabFileName, mergesFileName)
	}
	list, err := t.withNamed(c, list)
	if err != nil {
		return err
	}
	if err := t.placeAdded(list); err != nil {
		return fmt.Errorf("%s or %s: %w", ConfigFileName, addedFileName, err)
	}
	t.added = newAddedTokens(list, normal)
	return nil
}

// endOfText is the special token of GPT-2, for directories that name none.
const endOfText = "<|endoftext|>"

// withNamed adds the tokens that have a name, such as bos_token, to those that are found in text.
func (t *Tokenizer) withNamed(c *config, list []addedToken) ([]addedToken, error) {
	names := []json.RawMessage{c.BOS, c.EOS, c.Unknown, c.Pad}
	if absent(c.EOS) && len(list) == 0 {
		names = append(names, json.RawMessage(`"`+endOfText+`"`))
		if id, ok := t.ids[endOfText]; ok {
			t.bos, t.eos = id, id
		}
	}
	return t.addNamed(list, names)
}

// addNamed adds the tokens of the vocabulary that have a name to those that are found in text.
func (t *Tokenizer) addNamed(list []addedToken, names []json.RawMessage) ([]addedToken, error) {
	listed := make(map[string]bool)
	for _, a := range list {
		listed[a.Content] = true
	}
	for _, raw := range names {
		if absent(raw) {
			continue
		}
		token, err := tokenString(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", ConfigFileName, err)
		}
		if id, ok := t.ids[token]; ok && !listed[token] {
			listed[token] = true
			list = append(list, addedToken{ID: id, Content: token, Special: true})
		}
	}
	return list, nil
}

// surround puts two tokens around texts, where the vocabulary has them.
func (t *Tokenizer) surround(before, after string) {
	first, ok1 := t.ids[before]
	last, ok2 := t.ids[after]
	if ok1 && ok2 {
		t.post = []postProcessor{template{[]int32{first}, []int32{last}}}
	}
}
