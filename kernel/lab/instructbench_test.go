package lab

import (
	"slices"
	"testing"

	"github.com/parelab/pare/datasets/pocket"
	"github.com/parelab/pare/gomlxops/recovery"
	"github.com/parelab/pare/gomlxops/transformer"
)

// BenchmarkInstructions tunes the pocket model on its instructions, with LoRA of rank 8 beside all linears for 200 steps of 8 sequences, and
// reports the loss on held-out answers before and after, and how many of 200 held-out answers it gives word for word, by kind of task:
//
//	go test ./kernel/lab -run - -bench Instructions -benchtime 1x -v
func BenchmarkInstructions(b *testing.B) {
	l := &Lab{Home: b.TempDir(), Watch: func(string) Watcher { return silent{} }}
	m, err := l.Open(Pocket)
	if err != nil {
		b.Fatal(err)
	}
	data, err := l.Instructions(m, Instruct{})
	if err != nil {
		b.Fatal(err)
	}
	kinds := pocket.Instructions(pocket.Calibration, len(data.HeldTokens), pocket.DefaultSeed)
	for range b.N {
		adapter, err := recovery.NewLoRA(m.Dense(), recovery.LoRA{Rank: 8, Alpha: 16, Seed: 1})
		if err != nil {
			b.Fatal(err)
		}
		opt := recovery.TrainOptions{Steps: 1, LearningRate: 1e-12, Held: data.HeldTokens, HeldWeights: data.HeldWeights, EvalEvery: 1}
		_, before, err := recovery.Recover(b.Context(), m.Dense(), adapter, data.Next, opt, nil)
		if err != nil {
			b.Fatal(err)
		}
		opt.Steps, opt.LearningRate, opt.WarmUp, opt.EvalEvery = 200, 4e-3, 20, 200
		tuned, after, err := recovery.Recover(b.Context(), m.Dense(), adapter, data.Next, opt, nil)
		if err != nil {
			b.Fatal(err)
		}
		v, err := tuned.Merge(m.Dense())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(before.Best.Loss, "loss-before")
		b.ReportMetric(after.Best.Loss, "loss-after")
		b.ReportMetric(answered(b, m, m.Dense(), data, kinds), "right-before")
		b.ReportMetric(answered(b, m, v, data, kinds), "right-after")
	}
}

// answered is the share of 200 held-out tasks whose answer is what a model says first, whether it ends there or not.
func answered(b *testing.B, m *Model, v *transformer.Variant, data *InstructionData, kinds []pocket.Instruction) float64 {
	all, right, ended := map[string]int{}, map[string]int{}, 0
	const asked = 200
	for i, tokens := range data.HeldTokens[:asked] {
		from := 1 + slices.Index(data.HeldWeights[i], 1)
		answer := tokens[from:]
		if end := slices.Index(answer, m.Tokenizer.EOS()); end >= 0 {
			answer = answer[:end]
		}
		said, err := v.Generate(b.Context(), tokens[:from], transformer.GenerateOptions{MaxTokens: len(answer) + 1, Stops: []int32{m.Tokenizer.EOS()}}, nil)
		if err != nil {
			b.Fatal(err)
		}
		all[kinds[i].Kind]++
		if len(said.Tokens) >= len(answer) && slices.Equal(said.Tokens[:len(answer)], answer) {
			right[kinds[i].Kind]++
			if said.Finish == transformer.FinishStop {
				ended++
			}
		} else if all[kinds[i].Kind] < 4 {
			b.Logf("%s: %q, expected %q", kinds[i].Kind, m.Tokenizer.Decode(said.Tokens), m.Tokenizer.Decode(answer))
		}
	}
	sum := 0
	for _, n := range right {
		sum += n
	}
	b.Logf("right %v of %v, %d of them end there", right, all, ended)
	return float64(sum) / asked
}
