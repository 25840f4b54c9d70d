package instruct

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// join lays an example out in a line.
func join(e Example) string {
	return fmt.Sprintf("%s|%s|%s|%s|%v", e.Instruction, e.Input, e.Prompt, e.Output, e.Messages)
}

// FuzzRows reads any file: it is an error that names it, or examples with answers that can be encoded, of which each has as many tokens and something
// to learn.
func FuzzRows(f *testing.F) {
	for _, seed := range []string{
		`{"instruction": "Do", "input": "it", "output": "Done"}`, `[{"prompt": "{input}", "completion": "é"}]`, `{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}`,
		`{"conversations": [{"from": "gpt"}, {"value": "x"}]}`, `{"instruction": {"": ""}, "output": []}`, `{"messages": {"role": ["user", "assistant"], "content": ["a", "b"]}}`, "\xff", `[`, ``,
	} {
		f.Add(seed, uint8(20))
	}
	tokens := chatTokens(f, chatML)
	f.Fuzz(func(t *testing.T, text string, length uint8) {
		path := put(t, filepath.Join(t.TempDir(), "rows.json"), text)
		set, err := Open(path, OpenOptions{})
		if err != nil {
			if !strings.Contains(err.Error(), path) {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		data, err := set.Encode(tokens, Options{Length: max(2, int(length)), Held: -1, Batch: len(set.Examples)})
		if err != nil {
			return
		}
		seqs, weights := data.Train.At(1)
		for i := range seqs {
			sum := float32(0)
			for _, w := range weights[i] {
				sum += w
			}
			if len(seqs[i]) != data.Length || len(weights[i]) != data.Length-1 || sum < 1 || data.Length > max(2, int(length)) {
				t.Fatalf("%d tokens and %d weights that sum to %v, of %d", len(seqs[i]), len(weights[i]), sum, data.Length)
			}
		}
	})
}

// FuzzPrompt words any instruction: it and the input are there as they are, once each where the template has them once.
func FuzzPrompt(f *testing.F) {
	f.Add("Do {input}", "{instruction}")
	f.Add("", "{")
	f.Fuzz(func(t *testing.T, instruction, input string) {
		for _, template := range Templates {
			frame := template.Bare
			if input != "" {
				frame = template.Input
			}
			before, rest, ok := strings.Cut(frame, "{instruction}")
			want := before + instruction + rest
			if head, middle, both := strings.Cut(frame, "{input}"); both && strings.Contains(middle, "{instruction}") {
				between, tail, _ := strings.Cut(middle, "{instruction}")
				want = head + input + between + instruction + tail
			} else if both {
				middle, tail, _ := strings.Cut(rest, "{input}")
				want = before + instruction + middle + input + tail
			}
			if got := template.Prompt(instruction, input); !ok || got != want {
				t.Errorf("%s: %q, expected %q", template.Name, got, want)
			}
		}
	})
}
