package lab

import (
	"fmt"

	"github.com/parelab/pare/datasets"
	"github.com/parelab/pare/gomlxops/recovery"
)

// lessons is what a recovery trains on.
type lessons struct {
	next   func(step int) recovery.Batch
	held   recovery.Batch
	name   string // with all that the batches depend on
	digest string // of the text
}

// data names what is trained on, as the record keeps it.
func (r Recovery) data() string {
	if r.Instructions != nil {
		return "instructions " + r.Instructions.String()
	}
	return whole(r.Text, TrainPart)
}

// lessons reads the data. r has its defaults.
func (l *Lab) lessons(m *Model, r Recovery) (*lessons, error) {
	if r.Instructions != nil {
		d, err := l.Instructions(m, *r.Instructions)
		if err != nil {
			return nil, err
		}
		if r.EvalEvery > 0 && len(d.HeldTokens) == 0 {
			return nil, fmt.Errorf("%s: expected some that can be kept for measuring, a tenth at most, found too few; take more, or measure never", r.data())
		}
		return &lessons{next: d.Next, held: recovery.Batch{Tokens: d.HeldTokens, Weights: d.HeldWeights}, name: d.Name, digest: d.Digest}, nil
	}
	text, err := l.Tokens(m, r.Text, TrainPart)
	if err != nil {
		return nil, err
	}
	out := &lessons{name: fmt.Sprintf("%s, %d of %d tokens a step, seed %d, %v held", text, r.Batch, r.Length, r.Seed, r.EvalEvery > 0), digest: text.Digest}
	ids := text.IDs
	if r.EvalEvery > 0 { // its end
		held := heldBatches * r.Batch * (r.Length + 1)
		if len(ids) < 2*held {
			return nil, fmt.Errorf("text %s: %d tokens are too few to keep %d for measuring; take a longer text, or smaller batches, or measure never", text, len(ids), held)
		}
		ids, out.held.Tokens = ids[:len(ids)-held], datasets.Blocks(ids[len(ids)-held:], r.Length+1)
	}
	batches, err := shuffled(ids, r.Batch, r.Length+1, r.Seed)
	if err != nil {
		return nil, fmt.Errorf("text %s: %w", text, err)
	}
	out.next = func(step int) recovery.Batch { return recovery.Batch{Tokens: batches(step)} }
	return out, nil
}
