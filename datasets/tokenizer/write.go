package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/parelab/pare/internal/durable"
)

// file returns the tokenizer.json of what was learnt: one token and one merge per line, tokens in the order of their ids.
func (tr *trainer) file() []byte {
	var b bytes.Buffer
	added := tr.options.added()
	fmt.Fprintf(&b, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": [")
	list(&b, len(added), func(i int) { b.Write(compact(added[i])) })
	const level = `{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}`
	fmt.Fprintf(&b, "],\n  \"normalizer\": null,\n  \"pre_tokenizer\": %s,\n  \"post_processor\": null,\n  \"decoder\": %s,\n", level, level)
	fmt.Fprintf(&b, "  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": null,\n"+
		"    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n    \"fuse_unk\": false,\n"+
		"    \"byte_fallback\": false,\n    \"ignore_merges\": false,\n    \"vocab\": {")
	list(&b, len(tr.tokens), func(id int) { fmt.Fprintf(&b, "%s: %d", compact(tr.tokens[id]), id) })
	fmt.Fprintf(&b, "},\n    \"merges\": [")
	lines := tr.spellMerges()
	list(&b, len(lines), func(i int) { b.Write(compact(lines[i])) })
	fmt.Fprintf(&b, "]\n  }\n}\n")
	return b.Bytes()
}

// list writes n things, a line each, with commas between them.
func list(b *bytes.Buffer, n int, write func(i int)) {
	for i := range n {
		b.WriteString("\n      ")
		write(i)
		if i < n-1 {
			b.WriteByte(',')
		}
	}
	if n > 0 {
		b.WriteString("\n    ")
	}
}

// compact returns v as JSON on one line, with characters as they are. v is a string or a struct of plain fields.
func compact(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // strings and plain structs always encode
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// configJSON returns the tokenizer_config.json that goes with a trained tokenizer.
func (o *TrainOptions) configJSON() []byte {
	c := struct {
		AddBOS    bool   `json:"add_bos_token"`
		AddEOS    bool   `json:"add_eos_token"`
		AddPrefix bool   `json:"add_prefix_space"`
		BOS       string `json:"bos_token,omitempty"`
		CleanUp   bool   `json:"clean_up_tokenization_spaces"`
		EOS       string `json:"eos_token,omitempty"`
		MaxLength int    `json:"model_max_length,omitempty"`
		Class     string `json:"tokenizer_class"`
	}{BOS: o.BOS, EOS: o.EOS, MaxLength: o.MaxLength, Class: "PreTrainedTokenizerFast"}
	var b bytes.Buffer
	if err := json.Indent(&b, compact(c), "", "  "); err != nil {
		panic(err) // what compact returns is JSON
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// Save writes the files that t was made from into dir, which must exist: a tokenizer.json, a .model file or a vocab.json with
// merges.txt, and the configuration that came with it. Each file is complete or as it was before.
func (t *Tokenizer) Save(dir string) error {
	for _, name := range slices.Sorted(maps.Keys(t.files)) {
		if err := durable.WriteFile(filepath.Join(dir, name), t.files[name]); err != nil {
			return fmt.Errorf("tokenizer: %w", err)
		}
	}
	return nil
}
