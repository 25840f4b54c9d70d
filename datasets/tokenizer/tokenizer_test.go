package tokenizer

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// FuzzRoundTrip: decoding what was encoded gives the text again, whatever its bytes.
func FuzzRoundTrip(f *testing.F) {
	tok := trained(f, someText(7, 1500), 320)
	for _, s := range []string{"", " ", "it's  12\n\nnaïve 🌧", "<s><s", "\xff\xfe a\xc3", "\u00a0\u2028x", strings.Repeat("ab ", 50), "é</s>\t"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ids := tok.Encode(text)
		if got := tok.Decode(ids); got != text {
			t.Fatalf("Decode(Encode(%q)) = %q through %v", text, got, ids)
		}
		if want := slowEncode(tok, text); !slices.Equal(ids, want) {
			t.Fatalf("Encode(%q) = %v, the slow way gives %v", text, ids, want)
		}
	})
}

// slowEncode merges by looking for the best pair of the whole piece each time.
func slowEncode(t *Tokenizer, text string) []int32 {
	var out []int32
	m := t.model.(*bpe)
	t.added.segments(text, func(segment string, first bool, id int32) {
		if id >= 0 {
			out = append(out, id)
			return
		}
		t.split.split(segment, first, func(piece string, _ bool) {
			var ids []int32
			for i := range len(piece) {
				ids = append(ids, m.bytes[piece[i]])
			}
			for {
				at, best := -1, merge{rank: 1 << 30}
				for i := 1; i < len(ids); i++ {
					if mg, ok := m.merges.find(pairOf(ids[i-1], ids[i])); ok && mg.rank < best.rank {
						at, best = i-1, mg
					}
				}
				if at < 0 {
					break
				}
				ids = slices.Replace(ids, at, at+2, best.id)
			}
			out = append(out, ids...)
		})
	})
	return out
}

func TestSplitGPT2(t *testing.T) {
	for text, want := range map[string][]string{
		"Hello world":        {"Hello", " world"},
		"a  b":               {"a", " ", " b"},
		"a\n\nb":             {"a", "\n", "\n", "b"},
		"a \n":               {"a", " \n"},
		"it's we'll I'D":     {"it", "'s", " we", "'ll", " I", "'", "D"},
		" 's":                {" '", "s"},
		"x1½ ２.":             {"x", "1½", " ２", "."},
		"   ":                {"   "},
		"\u00a0a":            {"\u00a0", "a"},
		" \u00a0\u3000b":     {" \u00a0", "\u3000", "b"},
		"a\xff\xffb":         {"a", "\xff\xff", "b"},
		"e\u0301":            {"e", "\u0301"},
		"don't stop; \tnow.": {"don", "'t", " stop", ";", " ", "\t", "now", "."},
	} {
		var got []string
		byteLevel{}.split(text, false, func(p string, _ bool) { got = append(got, p) })
		if !slices.Equal(got, want) {
			t.Errorf("split(%q) = %q, expected %q", text, got, want)
		}
	}
}

func TestAddedTokens(t *testing.T) {
	a := newAddedTokens([]addedToken{
		{ID: 1, Content: "<a>"}, {ID: 2, Content: "<a><b>"}, {ID: 3, Content: "word", SingleWord: true},
		{ID: 4, Content: "[m]", LStrip: true}, {ID: 5, Content: "[r]", RStrip: true}, {ID: 6, Content: "<a>x", Normalized: true},
		{ID: 7, Content: "QED", Normalized: true},
	}, normalizeFunc(lowercase))
	for text, want := range map[string]string{
		"x<a>y":            "x|1|y",
		"<a><b><a>":        "2|1",
		"sword word words": "sword |3| words",
		"a  [m] b":         "a|4| b",
		"a [r]  b[r] [m]":  "a |5|b|5|4",
		"<a>x":             "1|x",
		"plain":            "plain",
		"é<a>":             "é|1",
		"is qEd. QED":      "is |7|. |7",
	} {
		var got []string
		a.segments(text, func(segment string, _ bool, id int32) {
			if id >= 0 {
				segment = fmt.Sprint(id)
			}
			got = append(got, segment)
		})
		if strings.Join(got, "|") != want {
			t.Errorf("segments(%q) = %q, expected %q", text, strings.Join(got, "|"), want)
		}
	}
}

// edited returns the trained tokenizer's file with one field changed by a function.
func edited(t *testing.T, edit func(file map[string]any)) []byte {
	var file map[string]any
	if err := json.Unmarshal(trained(t, someText(1, 500), 262).JSON(), &file); err != nil {
		t.Fatal(err)
	}
	edit(file)
	raw, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func modelOf(file map[string]any) map[string]any { return file["model"].(map[string]any) }

func TestRefused(t *testing.T) {
	type object = map[string]any
	cases := []struct {
		want string
		edit func(object)
	}{
		{`normalizer: found "BertNormalizer"`, func(f object) { f["normalizer"] = object{"type": "BertNormalizer"} }},
		{`pre_tokenizer: found "UnicodeScripts"`, func(f object) { f["pre_tokenizer"] = object{"type": "UnicodeScripts"} }},
		{`decoder: found "WordPiece"`, func(f object) { f["decoder"] = object{"type": "WordPiece"} }},
		{`decoder: found "CTC"`, func(f object) { f["decoder"] = object{"type": "CTC"} }},
		{`post_processor: found "Other"`, func(f object) { f["post_processor"] = object{"type": "Other"} }},
		{`model: found "WordPiece"`, func(f object) { modelOf(f)["type"] = "WordPiece" }},
		{`model: found "WordLevel"`, func(f object) { modelOf(f)["type"] = "WordLevel" }},
		{`model: found "none"`, func(f object) { delete(f, "model") }},
		{`model.type: expected "BPE" or "Unigram", found none`, func(f object) { delete(modelOf(f), "type"); delete(modelOf(f), "merges") }},
		{`model.dropout`, func(f object) { modelOf(f)["dropout"] = 0.1 }},
		{`model.end_of_word_suffix`, func(f object) { modelOf(f)["end_of_word_suffix"] = "</w>" }},
		{`model.continuing_subword_prefix`, func(f object) { modelOf(f)["continuing_subword_prefix"] = "##" }},
		{`model.vocab: expected tokens`, func(f object) { modelOf(f)["vocab"] = object{} }},
		{`symbol "a" of byte 0x61`, func(f object) { delete(modelOf(f)["vocab"].(object), "a") }},
		{`model.vocab["a"]: expected an id`, func(f object) { modelOf(f)["vocab"].(object)["a"] = -1 }},
		{`have the same id 5`, func(f object) { v := modelOf(f)["vocab"].(object); v["a"], v["b"] = 5, 5; delete(v, "#") }},
		{`model.merges[0]: "zzz" is not in`, func(f object) { modelOf(f)["merges"] = []any{"zzz a"} }},
		{`model.merges[0]: expected two tokens`, func(f object) { modelOf(f)["merges"] = []any{[]string{"a"}} }},
		{`model.merges: expected "a b"`, func(f object) { modelOf(f)["merges"] = []any{7} }},
		{`added_tokens[0].content`, func(f object) { f["added_tokens"] = []any{object{"id": 0}} }},
		{`added_tokens[0].id`, func(f object) { f["added_tokens"] = []any{object{"id": -3, "content": "x"}} }},
		{`is already that of`, func(f object) { f["added_tokens"] = []any{object{"id": 9, "content": "<new>"}} }},
	}
	for _, c := range cases {
		_, err := Parse(edited(t, c.edit), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, expected one with %q", err, c.want)
		}
	}
	if _, err := Parse([]byte(`{"model": `), nil); err == nil || !strings.Contains(err.Error(), "not JSON") {
		t.Errorf("cut file: error %v, expected one that says it is not JSON", err)
	}
	if _, err := Parse(edited(t, func(object) {}), []byte(`{"bos_token": "<zz>"}`)); err == nil || !strings.Contains(err.Error(), `bos_token: "<zz>"`) {
		t.Errorf("unknown bos_token: error %v", err)
	}
}

func TestOpenErrorsNameTheFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, FileName)) {
		t.Errorf("empty directory: error %v, expected one with the missing file", err)
	}
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte("<html>"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, FileName)) {
		t.Errorf("a page instead of JSON: error %v, expected one with the file", err)
	}
	device := t.TempDir()
	if err := os.Symlink(os.DevNull, filepath.Join(device, FileName)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(device); err == nil || !strings.Contains(err.Error(), "expected a file, found a directory or device") {
		t.Errorf("a device: %v", err)
	}
	for name, c := range map[string][2]string{
		FileName:      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"},
		modelFileName: {"IQ== 0\nIg== 1\n", "tiktoken"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(c[0]), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, name)) || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: error %v, expected one with the file and %q", name, err, c[1])
		}
	}
}

func TestTemplateAndMergeSpellings(t *testing.T) {
	plain := trained(t, someText(1, 500), 262)
	raw := edited(t, func(f map[string]any) {
		var pairs []any
		for _, m := range modelOf(f)["merges"].([]any) {
			pairs = append(pairs, strings.Split(m.(string), " "))
		}
		modelOf(f)["merges"] = pairs
		f["post_processor"] = map[string]any{"type": "Sequence", "processors": []any{
			map[string]any{"type": "ByteLevel"},
			map[string]any{"type": "TemplateProcessing",
				"single":         []any{map[string]any{"SpecialToken": map[string]any{"id": "<s>"}}, map[string]any{"Sequence": map[string]any{"id": "A"}}},
				"special_tokens": map[string]any{"<s>": map[string]any{"ids": []int{0}}}}}}
		f["pre_tokenizer"].(map[string]any)["add_prefix_space"] = true
	})
	tok, err := Parse(raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := append([]int32{0}, plain.Encode(" the apple")...)
	if got := tok.EncodeSpecial("the apple"); !slices.Equal(got, want) {
		t.Errorf("EncodeSpecial = %v, expected %v", got, want)
	}
}

func TestConcurrentEncode(t *testing.T) {
	tok := trained(t, someText(7, 1500), 320)
	text := someText(9, 300)
	want := trained(t, someText(7, 1500), 320).Encode(text)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got := tok.Encode(text); !slices.Equal(got, want) {
				t.Error("concurrent Encode differs")
			}
		})
	}
	group.Wait()
}

func BenchmarkEncode(b *testing.B) {
	tok := trained(b, someText(7, 1500), 320)
	text := someText(9, 20_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		tok.Encode(text)
	}
}
