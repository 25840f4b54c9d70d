package instruct

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/datasets/pocket"
	"github.com/parelab/pare/datasets/tokenizer"
)

// letters encodes each byte as its number, with 1 before a text; 2 ends answers, 0 fills up.
var letters = Tokens{
	Encode: func(text string) []int32 { return append([]int32{1}, bytesOf(text)...) },
	Plain:  bytesOf, End: 2, Pad: 0,
}

func bytesOf(text string) (ids []int32) {
	for i := range len(text) {
		ids = append(ids, int32(text[i]))
	}
	return ids
}

func setOf(examples ...Example) *Set {
	return (&Set{Name: "made up", Examples: examples, Template: "pocket"}).finish()
}

// learnt is what counts of a sequence of letters, with | at the end token and · for predictions that do not.
func learnt(tokens []int32, weights []float32) string {
	var b strings.Builder
	for i, w := range weights {
		switch id := tokens[i+1]; {
		case w == 0:
			b.WriteRune('·')
		case w == 1 && id == 2:
			b.WriteByte('|')
		case w == 1:
			b.WriteByte(byte(id))
		default:
			fmt.Fprintf(&b, "<%v>", w)
		}
	}
	return b.String()
}

// TestMask sees which predictions count: those of the answer and the end token where it fits, of a cut answer what is left, and all where the prompt is
// learnt too. What fills up never counts.
func TestMask(t *testing.T) {
	e := Example{Instruction: "Say it.", Input: "abc", Output: "xyz"} // 1, "\n\nabc Say it." (13), " xyz", 2
	for _, x := range []struct {
		opt  Options
		want string
	}{
		{Options{}, "············· xyz|"},
		{Options{Length: 19}, "············· xyz|"},
		{Options{Length: 18}, "············· xyz"},
		{Options{Length: 16}, "············· x"},
		{Options{Whole: true}, "\n\nabc Say it. xyz|"},
		{Options{Whole: true, Length: 12}, "\n\nabc Say i"},
	} {
		x.opt.Held = -1
		d, err := setOf(e).Encode(letters, x.opt)
		if err != nil {
			t.Fatal(err)
		}
		tokens, weights := d.Train.At(1)
		for i := range tokens {
			if got := learnt(tokens[i], weights[i]); got != x.want || len(tokens[i]) != d.Length || tokens[i][0] != 1 {
				t.Errorf("%+v: learns %q of %v, expected %q", x.opt, got, tokens[i], x.want)
			}
		}
		if cut := len(x.want) < len("············· xyz"); len(tokens) != 8 || (d.TrainCounts.Cut == 1) != (x.opt.Length > 0 && x.opt.Length < 18) {
			t.Errorf("%+v: %d sequences, %+v, cut %v", x.opt, len(tokens), d.TrainCounts, cut)
		}
		if n := len(strings.ReplaceAll(x.want, "·", "")); d.TrainCounts.AnswerTokens != int64(n) {
			t.Errorf("%+v: counted %d predictions, expected %d", x.opt, d.TrainCounts.AnswerTokens, n)
		}
	}
	if _, err := setOf(e).Encode(letters, Options{Length: 14}); err == nil || !strings.Contains(err.Error(), "nothing of any of 1 answers is within 14 tokens") {
		t.Errorf("a prompt that fills the sequence: error %v", err)
	}
	if _, err := setOf(slices.Repeat([]Example{e}, 30)...).Encode(letters, Options{}); err == nil || !strings.Contains(err.Error(), "all of 30 rows ask the same") {
		t.Errorf("one question 30 times: error %v", err)
	}
	short := Example{Instruction: "Go.", Output: "q"}
	d, err := setOf(e, short).Encode(letters, Options{Length: 14, Held: -1})
	if err != nil {
		t.Fatal(err)
	}
	if c := d.TrainCounts; c != (Counts{Examples: 1, Dropped: 1, Tokens: 9, AnswerTokens: 3}) || d.Length != 9 {
		t.Errorf("expected one example dropped and one of 9 tokens with 3 of the answer, found %+v in %d", c, d.Length)
	}
	d, err = setOf(e, short).Encode(letters, Options{Held: -1, Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	tokens, weights := d.Train.At(1)
	got := []string{learnt(tokens[0], weights[0]), learnt(tokens[1], weights[1])}
	slices.Sort(got)
	if want := []string{"············· xyz|", "····· q|··········"}; got[0] != want[1] && got[0] != want[0] || got[1] != want[0] && got[1] != want[1] || got[0] == got[1] {
		t.Errorf("filled up: learns %q, expected %q", got, want)
	}
}

// TestJoinedToken has a tokenizer that joins the end of the prompt to the beginning of the answer: that token is learnt.
func TestJoinedToken(t *testing.T) {
	joining := letters
	joining.Encode = func(text string) []int32 {
		var ids []int32
		for len(text) > 0 {
			if strings.HasPrefix(text, ":A") {
				ids, text = append(ids, 300), text[2:]
				continue
			}
			ids, text = append(ids, int32(text[0])), text[1:]
		}
		return ids
	}
	s, err := joining.encode(Example{Prompt: "Q:", Output: "Ab"}, Template{}, Options{Length: 10})
	if err != nil || !slices.Equal(s.tokens, []int32{'Q', 300, 'b', 2}) || !slices.Equal(s.learn, []bool{false, true, true, true}) {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestAlpaca compares both of Alpaca's wordings and Alpaca-LoRA's with the published ones, spelt out.
func TestAlpaca(t *testing.T) {
	const withInput = "Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.\n\n" +
		"### Instruction:\nAdd {input}.\n\n### Input:\n2 and {instruction}\n\n### Response:"
	const bare = "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\nAdd {input}.\n\n### Response:"
	for name, end := range map[string]string{"alpaca": "", "alpaca-lora": "\n"} {
		template, err := FindTemplate(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := template.Prompt("Add {input}.", "2 and {instruction}"); got != withInput+end {
			t.Errorf("%s:\n%q, expected\n%q", name, got, withInput+end)
		}
		if got := template.Prompt("Add {input}.", ""); got != bare+end {
			t.Errorf("%s:\n%q, expected\n%q", name, got, bare+end)
		}
	}
	if _, err := FindTemplate("llama"); err == nil || !strings.Contains(err.Error(), "alpaca, alpaca-lora, pocket") {
		t.Errorf("error %v, expected the names", err)
	}
}

// chatTokens is pocket's tokenizer with a chat template.
func chatTokens(t testing.TB, template string) Tokens {
	t.Helper()
	config, err := json.Marshal(map[string]any{"eos_token": "</s>", "bos_token": "<s>", "chat_template": template})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Parse(pocket.TokenizerJSON(), config)
	if err != nil {
		t.Fatal(err)
	}
	return Of(tok)
}

const chatML = "{% for m in messages %}[{{ m.role }}] {{ m.content }}</s>{% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}"

// TestChat sees all answers of a conversation learnt, with the tokens that end them, and nothing else.
func TestChat(t *testing.T) {
	e := Example{Messages: []tokenizer.Message{
		{Role: "system", Content: "Be kind."}, {Role: "user", Content: "Who won?"}, {Role: "assistant", Content: "Ada."},
		{Role: "user", Content: "Who was last?"}, {Role: "assistant", Content: "It was Ben."},
	}}
	tokens := chatTokens(t, chatML)
	s, err := tokens.encode(e, Template{}, Options{Length: 1000})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := pocket.Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	text, answers := tok.Decode(s.tokens), ""
	for i, id := range s.tokens {
		if s.learn[i] {
			answers += tok.Decode([]int32{id})
		}
	}
	if !strings.Contains(text, "[user] Who was last?</s>[assistant] It was Ben.</s>") || answers != " Ada.</s> It was Ben.</s>" {
		t.Errorf("of %q %q is learnt", text, answers)
	}
	if _, err := letters.encode(e, Template{}, Options{Length: 10}); err == nil || !strings.Contains(err.Error(), "no chat template") {
		t.Errorf("without a chat template: error %v", err)
	}
	shifty := chatTokens(t, "{{ messages | length }}"+chatML)
	if _, err := shifty.encode(e, Template{}, Options{Length: 10}); err == nil || !strings.Contains(err.Error(), "turn 3: the chat template words the turns before otherwise") {
		t.Errorf("a template that rewords: error %v", err)
	}
}

// TestSplit keeps a tenth for measuring. A task that is there several times is on one side with all its answers.
func TestSplit(t *testing.T) {
	var all []Example
	for i := range 300 {
		all = append(all, Example{Instruction: fmt.Sprintf("Task %d.", i%200), Output: fmt.Sprint(i)})
	}
	set := setOf(all...)
	train, held := set.split(Options{Seed: 1, Held: 2000})
	if len(train)+len(held) != 300 || len(held) < 30 || len(held) > 60 {
		t.Fatalf("%d and %d examples, expected 300 in all and about a tenth held", len(train), len(held))
	}
	for _, e := range train {
		if slices.ContainsFunc(held, func(h Example) bool { return h.Instruction == e.Instruction }) {
			t.Errorf("%s is on both sides", e.Instruction)
		}
	}
	if _, again := set.split(Options{Seed: 1, Held: 2000}); fmt.Sprint(again) != fmt.Sprint(held) {
		t.Error("the same seed holds others")
	}
	if _, other := set.split(Options{Seed: 2, Held: 2000}); fmt.Sprint(other) == fmt.Sprint(held) {
		t.Error("another seed holds the same")
	}
	if train, held := set.split(Options{Seed: 1, Held: -1}); len(train) != 300 || held != nil {
		t.Errorf("none asked for: %d held", len(held))
	}
	if _, held := set.split(Options{Seed: 1, Held: 5}); len(held) < 5 || len(held) > 10 {
		t.Errorf("5 asked for: %d held", len(held))
	}
}
