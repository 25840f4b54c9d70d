package instruct

import (
	"testing"

	"github.com/parelab/pare/datasets/pocket"
)

// TestPocket encodes the embedded world's instructions: each fits, and none is on both sides.
func TestPocket(t *testing.T) {
	set, err := Open("pocket", OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := pocket.Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	data, err := set.Encode(Of(tok), Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, h := data.TrainCounts, data.HeldCounts
	if c.Examples != pocketExamples || h.Examples != pocketHeld || c.Cut+c.Dropped+h.Cut+h.Dropped > 0 || data.Length > 256 || data.Template != PocketTemplate {
		t.Errorf("expected %d and %d examples that fit into 256 tokens, found %+v and %+v in %d tokens, template %s", pocketExamples, pocketHeld, c, h, data.Length, data.Template)
	}
	t.Logf("%d tokens; %+v; %+v", data.Length, c, h)
	asked := map[string]bool{}
	for _, e := range set.Examples {
		asked[e.ask()] = true
	}
	for _, e := range set.Held {
		if asked[e.ask()] {
			t.Errorf("%s is trained on, too: %s %s", e.Where, e.Instruction, e.Input)
		}
	}
}
