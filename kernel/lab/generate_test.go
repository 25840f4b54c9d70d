package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/datasets/pocket"
	"github.com/parelab/pare/datasets/tokenizer"
	"github.com/parelab/pare/gomlxops/transformer"
)

// pieces keeps what is written, call by call.
type pieces struct {
	all    []string
	cancel func() // called by the third
	err    error  // of the third
}

func (p *pieces) Write(text []byte) (int, error) {
	p.all = append(p.all, string(text))
	if len(p.all) == 3 {
		if p.cancel != nil {
			p.cancel()
		}
		return len(text), p.err
	}
	return len(text), nil
}

func openPocket(t *testing.T) (*Lab, *Model) {
	t.Helper()
	l := newTestLab(t)
	m, err := l.Open(Pocket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return l, m
}

func TestGenerate(t *testing.T) {
	l, m := openPocket(t)
	const prompt = "Nora went to the market"
	opt := Generation{Sampling: transformer.Sampling{Temperature: 0.8, Seed: 3}, MaxTokens: 30}
	var out pieces
	done, err := l.Generate(t.Context(), m, prompt, opt, &out)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.all) < 20 || strings.Join(out.all, "") != done.Text {
		t.Errorf("written as %q, text %q", out.all, done.Text)
	}
	if len(done.Tokens) != 30 || done.Finish != transformer.FinishLength || done.Full || done.TokensPerSecond <= 0 {
		t.Errorf("%+v", done)
	}
	whole := m.Tokenizer.DecodePlain(append(m.Tokenizer.EncodeSpecial(prompt), done.Tokens...))
	if whole != prompt+done.Text {
		t.Errorf("text %q behind %q, the tokens are %q", done.Text, prompt, whole)
	}
	words := strings.Fields(done.Text)
	stop := " " + words[3] + " " + words[4]
	opt.Stop = []string{"nowhere", stop}
	stopped, err := l.Generate(t.Context(), m, prompt, opt, nil)
	if err != nil || stopped.Text != done.Text[:strings.Index(done.Text, stop)] || stopped.Finish != transformer.FinishStop {
		t.Errorf("with the stop %q: %+v, %v", stop, stopped, err)
	}
}

// A variant of the model continues otherwise than the model.
func TestGenerateVariant(t *testing.T) {
	l, m := openPocket(t)
	small, err := l.Compress(t.Context(), m, Attempt{Method: "svd", Ratio: 0.6}, nil)
	if err != nil {
		t.Fatal(err)
	}
	dense, err := l.Generate(t.Context(), m, "Nora", Generation{MaxTokens: 20}, nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.Generate(t.Context(), m, "Nora", Generation{MaxTokens: 20, Variant: small.Variant}, nil)
	if err != nil || len(other.Tokens) != 20 || slices.Equal(other.Tokens, dense.Tokens) {
		t.Errorf("%v; %q and %q", err, dense.Text, other.Text)
	}
}

// What was written stays when a text is broken off.
func TestGenerateBreaks(t *testing.T) {
	l, m := openPocket(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := pieces{cancel: cancel}
	done, err := l.Generate(ctx, m, "Nora", Generation{}, &out)
	if !errors.Is(err, context.Canceled) || len(out.all) < 3 || done.Text != strings.Join(out.all, "") || done.Finish != transformer.FinishBreak {
		t.Errorf("cancelled: %v, %+v, %q", err, done, out.all)
	}
	full := pieces{err: os.ErrClosed}
	if _, err := l.Generate(t.Context(), m, "Nora", Generation{}, &full); !errors.Is(err, os.ErrClosed) || len(full.all) != 3 {
		t.Errorf("an output that fails: %v, %q", err, full.all)
	}
	if begun, err := l.Generate(t.Context(), m, "", Generation{MaxTokens: 3}, nil); err != nil || begun.PromptTokens != 1 {
		t.Errorf("nothing, for a model with a token that begins a text: %v, %+v", err, begun)
	}
	if _, err := l.Generate(t.Context(), m, "Nora", Generation{Chat: true}, nil); err == nil || !strings.Contains(err.Error(), "chat template") {
		t.Errorf("a chat without a template: %v", err)
	}
	if _, err := l.Generate(t.Context(), m, "Nora", Generation{System: "be brief"}, nil); err == nil || !strings.Contains(err.Error(), "for chats only") {
		t.Errorf("a system text: %v", err)
	}
}

// ownPocket is the pocket model with files of its own.
func ownPocket(t *testing.T, files map[string]string) (*Lab, *Model) {
	t.Helper()
	dir, err := pocket.Dir()
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(t.TempDir(), "own")
	if err := os.CopyFS(own, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(own, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l := newTestLab(t)
	m, err := l.Open(own)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return l, m
}

// In SentencePiece's vocabularies a word brings the space before it, which is left out at the beginning of a text: not here.
func TestGenerateKeepsSpace(t *testing.T) {
	var vocab []string
	for i := range pocket.VocabSize - 1 {
		vocab = append(vocab, fmt.Sprintf(`["▁w%d",-1]`, i))
	}
	vocabulary := `{"version":"1.0","added_tokens":[],"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always"},` +
		`"decoder":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always"},"model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],` + strings.Join(vocab, ",") + `]}}`
	l, m := ownPocket(t, map[string]string{"tokenizer.json": vocabulary, "tokenizer_config.json": "{}"})
	done, err := l.Generate(t.Context(), m, "w5 w7", Generation{MaxTokens: 3}, nil)
	if err != nil || done.PromptTokens != 2 || !strings.HasPrefix(done.Text, " w") || strings.Count(done.Text, " ") != 3 {
		t.Errorf("%v: %+v", err, done)
	}
	alone, err := tokenizer.Open(filepath.Join(m.Dir(), "tokenizer.json")) // without a token that begins a text
	if err != nil {
		t.Fatal(err)
	}
	nothing := ""
	if ids, err := new(Generation).read(alone, &nothing); err == nil || !strings.Contains(err.Error(), "the prompt is empty") {
		t.Errorf("nothing: %v, %v", ids, err)
	}
}

func TestGenerateChat(t *testing.T) {
	template := `{% for m in messages %}{{ m.role }}: {{ m.content }} {% endfor %}{% if add_generation_prompt %}Then{% endif %}`
	l, m := ownPocket(t, map[string]string{"chat_template.jinja": template})
	const read = "system: Be kind. user: Nora sang. Then"
	chat, err := l.Generate(t.Context(), m, "Nora sang.", Generation{Chat: true, System: "Be kind.", MaxTokens: 5}, nil)
	if err != nil || chat.Prompt != read || chat.PromptTokens != len(m.Tokenizer.Encode(read)) {
		t.Errorf("%v: %+v", err, chat)
	}
	plain, err := l.Generate(t.Context(), m, read, Generation{MaxTokens: 5}, nil)
	if err != nil || plain.Text != chat.Text {
		t.Errorf("%v: the chat %q, its text as a prompt %q", err, chat.Text, plain.Text)
	}
}

// Pieces of any cut give the same text; nothing is written that a stop may follow from.
func TestStopWriter(t *testing.T) {
	for _, c := range []struct {
		pieces      []string
		stops       []string
		first, text string // after the first piece, and in the end
	}{
		{[]string{"abc", "def"}, nil, "abc", "abcdef"},
		{[]string{"ab#", "#c"}, []string{"##"}, "ab", "ab"},
		{[]string{"ab#", "c#"}, []string{"##"}, "ab", "ab#c#"},
		{[]string{"a\n", "\n", "b"}, []string{"\n\nb", "\n\n"}, "a", "a"},
		{[]string{"one two three"}, []string{"three", "two"}, "one ", "one "},
		{[]string{"aab", "aac", "x"}, []string{"aabaac"}, "", ""},
		{[]string{"ü\xff", "z"}, []string{""}, "ü\uFFFD", "ü\uFFFDz"},
	} {
		var out strings.Builder
		w := &stopWriter{out: &out, stops: c.stops}
		for i, p := range c.pieces {
			w.write(p)
			if i == 0 && out.String() != c.first {
				t.Errorf("%q, stops %q: %q after the first piece, want %q", c.pieces, c.stops, out.String(), c.first)
			}
		}
		w.flush()
		if out.String() != c.text || w.text.String() != c.text {
			t.Errorf("%q, stops %q: %q, want %q", c.pieces, c.stops, out.String(), c.text)
		}
	}
}

// A model without a tokenizer opens, and continues no text.
func TestGenerateNeedsTokenizer(t *testing.T) {
	l, m := openPocket(t)
	dir := filepath.Join(t.TempDir(), "bare")
	if err := transformer.SaveTensors(t.Context(), dir, m.Config(), m.Config().Init(1), "BF16", nil); err != nil {
		t.Fatal(err)
	}
	bare, err := l.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	if done, err := l.Generate(t.Context(), bare, "Nora", Generation{}, nil); err == nil || !strings.Contains(err.Error(), "tokenizer.json") || done == nil {
		t.Errorf("%v, %+v: expected an error that names the file that is missing", err, done)
	}
}
