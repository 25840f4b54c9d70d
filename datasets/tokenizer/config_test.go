package tokenizer

import (
	"slices"
	"strings"
	"testing"
)

// openFiles opens a directory with these files.
func openFiles(t *testing.T, files object) (*Tokenizer, error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		writeTest(t, dir, name, content)
	}
	return Open(dir)
}

func mustOpen(t *testing.T, files object) *Tokenizer {
	t.Helper()
	tok, err := openFiles(t, files)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// pairFiles are vocab.json and merges.txt with the special tokens of OPT.
func pairFiles() object {
	vocab := object{"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<|endoftext|>": 4, "ab": 5, "Ġab": 6}
	for b, s := range byteAlphabet {
		vocab[s] = 10 + b
	}
	return object{vocabFileName: vocab, mergesFileName: "#version: 0.2\na b\n\nĠ ab\r\n"}
}

func spell(b byte) int32 { return 10 + int32(b) }

func TestPairs(t *testing.T) {
	with := func(config object) object {
		f := pairFiles()
		if config != nil {
			f[ConfigFileName] = config
		}
		return f
	}
	for _, c := range []struct {
		name   string
		config object
		text   string
		want   []int32 // with special tokens
		bos    int32
	}{
		{"GPT-2 alone", nil, "ab ab<|endoftext|>", []int32{5, 6, 4}, 4},
		{"OPT", object{"tokenizer_class": "GPT2Tokenizer", "add_bos_token": true, "bos_token": object{"content": "</s>"}, "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "</s>"},
			"ab</s>c", []int32{2, 5, 2, spell('c')}, 2},
		{"prefix space", object{"tokenizer_class": "GPT2TokenizerFast", "add_prefix_space": true}, "ab", []int32{6}, 4},
		{"Roberta", object{"tokenizer_class": "RobertaTokenizer", "bos_token": "<s>", "eos_token": "</s>"}, "ab", []int32{0, 5, 2}, 0},
		{"Qwen2", object{"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|endoftext|>"}, "12 e\u0301", []int32{spell('1'), spell('2'), spell(' '), spell(0xc3), spell(0xa9)}, -1},
		{"added", object{"added_tokens_decoder": object{"300": object{"content": "<new>", "special": true}}}, "ab<new>ab", []int32{5, 300, 5}, -1},
	} {
		tok := mustOpen(t, with(c.config))
		if got := tok.EncodeSpecial(c.text); !slices.Equal(got, c.want) || tok.BOS() != c.bos {
			t.Errorf("%s: %q gives %v, BOS %d; expected %v, BOS %d", c.name, c.text, got, tok.BOS(), c.want, c.bos)
		}
		if got := tok.Decode(tok.Encode("ab ü\xff")); got != "ab ü\xff" && c.name != "prefix space" {
			t.Errorf("%s: decoded %q", c.name, got)
		}
	}
	for want, f := range map[string]object{
		"tokenizer_class: found \"CTRLTokenizer\"": with(object{"tokenizer_class": "CTRLTokenizer"}),
		mergesFileName + ": no such":               {vocabFileName: pairFiles()[vocabFileName]},
		"line 2: expected two tokens":              {vocabFileName: pairFiles()[vocabFileName], mergesFileName: "#version\na b c\n"},
		"model.merges[0]: \"zz\" is not":           {vocabFileName: pairFiles()[vocabFileName], mergesFileName: "z z\n"},
		"bos_token: \"<none>\" is not":             with(object{"bos_token": "<none>"}),
		"add_bos_token":                            with(object{"add_bos_token": true, "eos_token": "</s>"}),
		"added_tokens_decoder[\"x\"]":              with(object{"added_tokens_decoder": object{"x": object{}}}),
	} {
		if _, err := openFiles(t, f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected one with %q", err, want)
		}
	}
}

func TestSPMFamilies(t *testing.T) {
	raw := buildSPM(somePieces(true), spmOptions{modelType: modelBPE, byteFallback: true, keepSpaces: true})
	last := int32(len(somePieces(true)))
	probe := openSPM(t, raw, nil)
	id := func(token string) int32 { n, _ := probe.ID(token); return n }
	config := func(c object) object { return object{modelFileName: raw, ConfigFileName: c} }
	for _, c := range []struct {
		name  string
		files object
		text  string
		want  []int32 // with special tokens
	}{
		{"alone", object{modelFileName: raw}, "ab", []int32{1, id("▁ab")}},
		{"Llama", config(object{"tokenizer_class": "LlamaTokenizer", "add_bos_token": true, "add_eos_token": true}), "ab", []int32{1, id("▁ab"), 2}},
		{"no BOS", config(object{"tokenizer_class": "LlamaTokenizer", "add_bos_token": false}), "ab", []int32{id("▁ab")}},
		{"T5", config(object{"tokenizer_class": "T5Tokenizer"}), "ab", []int32{id("▁ab"), 2}},
		{"added", object{modelFileName: raw, addedFileName: object{"[PAD]": last}}, "ab[PAD]ab", []int32{1, id("▁ab"), last, id("▁ab")}},
		{"added, legacy false", config(object{"legacy": false, "added_tokens_decoder": object{"1": object{"content": "<s>", "special": true}}}),
			"<s>ab<s>ab", []int32{1, 1, id("ab"), 1, id("ab")}},
		{"named", config(object{"tokenizer_class": "LlamaTokenizer", "legacy": false, "eos_token": object{"content": "</s>"}}), "ab</s>ab", []int32{1, id("▁ab"), 2, id("ab")}},
		{"named by the class", config(object{"tokenizer_class": "LlamaTokenizer"}), "ab</s>ab", []int32{1, id("▁ab"), 2, id("▁ab")}},
		{"named in the other file", object{modelFileName: raw, specialFileName: object{"bos_token": "<s>", "unk_token": "<unk>", "pad_token": "<unk>"}}, "<s>ab", []int32{1, 1, id("▁ab")}},
		{"ChatGLM", config(object{"tokenizer_class": "ChatGLMTokenizer"}), "ab", []int32{last + 1, last + 3, id("▁ab")}},
	} {
		tok := mustOpen(t, c.files)
		if got := tok.EncodeSpecial(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q gives %v, expected %v", c.name, c.text, got, c.want)
		}
	}
	if got := mustOpen(t, object{modelFileName: raw}).Encode("ab</s>"); slices.Contains(got, 2) {
		t.Errorf("alone: %v, expected no special token found in text", got)
	}
	glm := mustOpen(t, config(object{"tokenizer_class": "ChatGLMTokenizer", "added_tokens_decoder": object{"999": object{"content": "<|user|>", "special": true}}}))
	if got, _ := glm.ID("<|user|>"); got != last+6 || glm.VocabSize() != int(last)+9 || glm.Pad() != glm.Unknown() {
		t.Errorf("ChatGLM: <|user|> is %d of %d, pad %d", got, glm.VocabSize(), glm.Pad())
	}
	if got := glm.DecodePlain(glm.EncodeSpecial("ab a")); got != "ab a" {
		t.Errorf("ChatGLM: decoded %q", got)
	}
	if got := glm.Decode([]int32{last + 1, last + 3}); got != "[gMASK]sop" {
		t.Errorf("ChatGLM: decoded %q", got)
	}
	if _, err := openFiles(t, config(object{"tokenizer_class": "XLMRobertaTokenizer"})); err == nil || !strings.Contains(err.Error(), `found "XLMRobertaTokenizer"`) {
		t.Errorf("shifted ids: error %v", err)
	}
}

func TestSpecialTokenFiles(t *testing.T) {
	json := trained(t, someText(1, 500), 262).JSON()
	for _, c := range []struct {
		name     string
		files    object
		bos, eos int32
		ends     []int32
	}{
		{"nothing", object{}, -1, -1, nil},
		{"special_tokens_map", object{specialFileName: object{"bos_token": object{"content": "<s>"}, "eos_token": "</s>"}}, 0, 1, []int32{1}},
		{"the configuration overrides it", object{specialFileName: object{"bos_token": "<s>", "eos_token": "<s>"}, ConfigFileName: object{"eos_token": "</s>"}}, 0, 1, []int32{1}},
		{"generation_config", object{generationFileName: object{"bos_token_id": 0, "eos_token_id": []int{1, 5, 99999}}}, 0, 1, []int32{1, 5}},
		{"config", object{modelConfigName: object{"bos_token_id": 0, "eos_token_id": 1}, generationFileName: object{"eos_token_id": nil}}, 0, 1, []int32{1}},
		{"named and listed", object{ConfigFileName: object{"eos_token": "</s>"}, generationFileName: object{"eos_token_id": []int{7, 1}}}, -1, 1, []int32{7, 1}},
		{"named, not listed", object{ConfigFileName: object{"eos_token": "</s>", "bos_token": nil, "pad_token": "<none>"}, generationFileName: object{"eos_token_id": 7}}, -1, 1, []int32{1, 7}},
	} {
		c.files[FileName] = json
		tok := mustOpen(t, c.files)
		if tok.BOS() != c.bos || tok.EOS() != c.eos || !slices.Equal(tok.Ends(), c.ends) {
			t.Errorf("%s: bos %d, eos %d, ends %v; expected %d, %d, %v", c.name, tok.BOS(), tok.EOS(), tok.Ends(), c.bos, c.eos, c.ends)
		}
	}
	for want, f := range map[string]object{
		"special_tokens_map.json: not JSON": {specialFileName: "<html>"}, "generation_config.json": {generationFileName: object{"eos_token_id": "x"}},
		"eos_token: expected a string": {ConfigFileName: object{"eos_token": 5}}, "chat_template: expected": {ConfigFileName: object{"chat_template": 5}},
	} {
		f[FileName] = json
		if _, err := openFiles(t, f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, expected one with %q", err, want)
		}
	}
}

// TestLlamaRebuilds: for the classes that rebuild it, add_bos_token and add_eos_token override the file's post-processor.
func TestLlamaRebuilds(t *testing.T) {
	json := trained(t, someText(1, 500), 262).JSON()
	for class, want := range map[string][]int32{"LlamaTokenizerFast": {0, 1}, "PreTrainedTokenizerFast": nil} {
		tok := mustOpen(t, object{FileName: json, ConfigFileName: object{
			"tokenizer_class": class, "bos_token": "<s>", "eos_token": "</s>", "add_bos_token": true, "add_eos_token": true}})
		if got := tok.EncodeSpecial(""); !slices.Equal(got, want) {
			t.Errorf("%s: %v, expected %v", class, got, want)
		}
	}
}

func TestPostProcessors(t *testing.T) {
	for _, kind := range []string{"BertProcessing", "RobertaProcessing"} {
		tok, err := Parse(edited(t, func(f map[string]any) {
			f["post_processor"] = object{"type": kind, "cls": []any{"<s>", 0}, "sep": []any{"</s>", 1}}
		}), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := tok.EncodeSpecial(""); !slices.Equal(got, []int32{0, 1}) {
			t.Errorf("%s: %v, expected [0 1]", kind, got)
		}
	}
	for want, p := range map[string]object{
		"expected cls and sep":           {"type": "BertProcessing"},
		"id 9999 is outside":             {"type": "BertProcessing", "cls": []any{"<s>", 9999}, "sep": []any{"</s>", 1}},
		"special token \"x\" is not in":  {"type": "TemplateProcessing", "single": []any{object{"SpecialToken": object{"id": "x"}}}},
		"expected one Sequence, found 0": {"type": "TemplateProcessing", "single": []any{}},
	} {
		if _, err := Parse(edited(t, func(f map[string]any) { f["post_processor"] = p }), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, expected one with %q", p, err, want)
		}
	}
}

// TestByteLevelInSequences: what stands after a ByteLevel sees the alphabet that spells bytes, the model bytes again.
func TestByteLevelInSequences(t *testing.T) {
	level := object{"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}
	for _, c := range []struct {
		list []any
		text string
		want []string
	}{
		{[]any{level}, "a b1", []string{"a b1"}},
		{[]any{object{"type": "Digits", "individual_digits": true}, level}, "a12", []string{"a", "1", "2"}},
		{[]any{level, object{"type": "Digits", "individual_digits": true}}, "a1²", []string{"a", "1", "\xc2", "\xb2"}}, // ² is the character of its own second byte
		{[]any{level, regexSplit("Ġ", "MergedWithNext", false)}, "a b c", []string{"a", " b", " c"}},
	} {
		tok, err := Parse(edited(t, func(f map[string]any) {
			f["pre_tokenizer"] = object{"type": "Sequence", "pretokenizers": c.list}
		}), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		tok.split.split(c.text, true, func(piece string, _ bool) { got = append(got, piece) })
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: %q splits into %q, expected %q", c.list, c.text, got, c.want)
		}
		if back := tok.Decode(tok.Encode(c.text)); back != c.text {
			t.Errorf("%v: %q comes back as %q", c.list, c.text, back)
		}
	}
	if _, err := Parse(edited(t, func(f map[string]any) {
		f["pre_tokenizer"] = object{"type": "Sequence", "pretokenizers": []any{level, level}}
	}), nil); err == nil || !strings.Contains(err.Error(), "ByteLevel twice") {
		t.Errorf("two ByteLevels: error %v", err)
	}
}

// FuzzParse: no tokenizer.json and no tokenizer_config.json makes the reader panic, or what it reads.
func FuzzParse(f *testing.F) {
	seed := func(v any, config string) { f.Add([]byte(toJSON(f, v)), []byte(config), "a ab x1") }
	seed(charFile(nil), `{"bos_token": "a", "add_bos_token": true, "tokenizer_class": "LlamaTokenizer"}`)
	seed(charFile(object{"byte_fallback": true, "vocab": object{"a": 0}, "merges": [][]string{}, "unk_token": "a"}), `{"chat_template": [{"name": "x"}]}`)
	whole := charFile(nil)
	whole["normalizer"] = object{"type": "Sequence", "normalizers": []any{object{"type": "NFKC"}, object{"type": "Lowercase"}, object{"type": "Prepend", "prepend": "▁"},
		object{"type": "Replace", "pattern": object{"Regex": `\s+`}, "content": "▁"}, object{"type": "Precompiled", "precompiled_charsmap": buildCharsmap(map[string]string{"A": "a"})[:100]}}}
	whole["pre_tokenizer"] = object{"type": "Sequence", "pretokenizers": []any{object{"type": "Punctuation"}, regexSplit(llamaRule, "MergedWithNext", true), object{"type": "ByteLevel"}}}
	whole["decoder"] = object{"type": "Sequence", "decoders": []any{object{"type": "ByteFallback"}, object{"type": "Fuse"}, object{"type": "Strip", "content": " ", "start": 1}}}
	whole["added_tokens"] = []any{object{"id": 30, "content": "<x>", "lstrip": true, "rstrip": true, "normalized": true, "special": true}}
	whole["post_processor"] = object{"type": "TemplateProcessing", "single": []any{object{"Sequence": object{"id": "A"}}}}
	seed(whole, `{}`)
	seed(object{"model": object{"type": "Unigram", "unk_id": 0, "vocab": []any{[]any{"a", -1.5}, []any{"ab", -2}}}, "pre_tokenizer": object{"type": "Metaspace"}}, ``)
	f.Fuzz(func(t *testing.T, raw, config []byte, text string) {
		tok, err := Parse(raw, config)
		if err != nil {
			return
		}
		checkStream(t, tok, tok.EncodeSpecial(text))
		_ = tok.String()
		for _, name := range tok.ChatTemplates() {
			_, _ = tok.ApplyChatTemplate([]Message{{"user", text}}, ChatOptions{Template: name})
		}
	})
}
