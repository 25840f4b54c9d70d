package tokenizer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// shifted are the classes whose code gives pieces other ids than their places in the .model file.
var shifted = []string{"XLMRobertaTokenizer", "CamembertTokenizer", "MBartTokenizer", "MBart50Tokenizer", "BarthezTokenizer",
	"NllbTokenizer", "M2M100Tokenizer", "PegasusTokenizer", "XGLMTokenizer", "XLMProphetNetTokenizer", "BigBirdTokenizer", "DebertaV2Tokenizer"}

// configureSPM does for a .model file what the class named in tokenizer_config.json does around SentencePiece.
func (t *Tokenizer) configureSPM(c *config, list []addedToken) error {
	class := strings.TrimSuffix(c.Class, "Fast")
	if slices.Contains(shifted, class) {
		return fmt.Errorf("%s: tokenizer_class: found %q, whose ids are not those of the .model file: not supported; "+
			"write a %s with transformers' save_pretrained", ConfigFileName, c.Class, FileName)
	}
	if strings.HasPrefix(class, "ChatGLM") {
		return t.configureChatGLM(list)
	}
	normal := t.added.normal.(*spmNormalizer)
	normal.onlyFirst = c.Legacy != nil && !*c.Legacy
	if t.files[ConfigFileName] != nil || t.files[specialFileName] != nil {
		var err error
		if list, err = t.addNamed(list, c.named(class)); err != nil {
			return err
		}
	}
	return t.addToSPM(list)
}

// named lists the special tokens by their names. transformers finds them in text, whatever SentencePiece would make of them: a template for
// conversations, such as Vicuna's, spells them out. Where its LlamaTokenizer is not told of one it has a name for it.
func (c *config) named(class string) []json.RawMessage {
	names := []json.RawMessage{c.BOS, c.EOS, c.Unknown, c.Pad}
	if class == "LlamaTokenizer" {
		for i, otherwise := range []string{`"<s>"`, `"</s>"`, `"<unk>"`} {
			if len(names[i]) == 0 {
				names[i] = json.RawMessage(otherwise)
			}
		}
	}
	return names
}

// addToSPM makes list found in text, beside the pieces of the .model file.
func (t *Tokenizer) addToSPM(list []addedToken) error {
	controls := t.added.byID
	if err := t.placeAdded(list); err != nil {
		return fmt.Errorf("%s or %s: %w", ConfigFileName, addedFileName, err)
	}
	t.added = newAddedTokens(list, t.added.normal)
	for id, a := range controls {
		if _, listed := t.added.byID[id]; !listed {
			t.added.byID[id] = a
		}
	}
	return nil
}

// The special tokens of ChatGLM2 and ChatGLM3 (THUDM, tokenization_chatglm.py): code adds them after the pieces of the .model
// file, the last four in ChatGLM3 only. Texts begin with two of them.
var (
	chatGLMTokens = []string{"[MASK]", "[gMASK]", "[sMASK]", "sop", "eop", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"}
	chatGLMPrefix = []string{"[gMASK]", "sop"}
)

// configureChatGLM adds ChatGLM's special tokens. They are not found in text, as there; ids for the roles are listed for
// ChatGLM2 too, whose vocabulary is padded beyond them.
func (t *Tokenizer) configureChatGLM(list []addedToken) error {
	size := int32(len(t.tokens))
	specials := make([]addedToken, len(chatGLMTokens))
	for i, token := range chatGLMTokens {
		specials[i] = addedToken{ID: size + int32(i), Content: token, Special: true}
	}
	list = slices.DeleteFunc(slices.Clone(list), func(a addedToken) bool { return a.ID >= size })
	if err := t.placeAdded(append(specials, list...)); err != nil {
		return fmt.Errorf("%s: %w", ConfigFileName, err)
	}
	var prefix template
	for _, token := range chatGLMPrefix {
		prefix.before = append(prefix.before, t.ids[token])
	}
	for _, a := range specials {
		t.added.byID[a.ID] = a
	}
	t.post = []postProcessor{prefix}
	t.pad = t.unk
	return nil
}
