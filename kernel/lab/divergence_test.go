package lab

import (
	"fmt"
	"testing"

	"gonum.org/v1/gonum/stat"

	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/tracker/memstore"
)

// BenchmarkDivergence says which part of both divergences of pocket without 40 percent, by plain svd, a teacher sees that keeps few outcomes.
//
//	go test -run - -bench Divergence -benchtime 1x ./kernel/lab/
func BenchmarkDivergence(b *testing.B) {
	l := &Lab{Home: b.TempDir(), Store: memstore.New(), Watch: func(string) Watcher { return silent{} }}
	m, err := l.Open(Pocket)
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	text, err := l.Tokens(m, Pocket, HeldOutPart)
	if err != nil {
		b.Fatal(err)
	}
	blocks, err := text.Blocks(4, 256)
	if err != nil {
		b.Fatal(err)
	}
	small, err := l.Compress(b.Context(), m, Attempt{Method: lowrank.PlainSVD, Ratio: 0.4}, nil)
	if err != nil {
		b.Fatal(err)
	}
	of := func(k int) (forward, reverse float64) {
		teacher, err := evaluate.NewTeacher(b.Context(), m.Dense(), blocks, k, nil)
		if err != nil {
			b.Fatal(err)
		}
		d, err := teacher.Compare(b.Context(), small.Variant, 0, len(blocks), nil)
		if err != nil {
			b.Fatal(err)
		}
		return stat.Mean(d.Forward, nil), stat.Mean(d.Reverse, nil)
	}
	allForward, allReverse := of(m.Config().VocabSize)
	for _, k := range []int{8, 64, 256} {
		b.Run(fmt.Sprintf("k=%d", k), func(b *testing.B) {
			var forward, reverse float64
			for b.Loop() {
				forward, reverse = of(k)
			}
			b.ReportMetric(forward/allForward, "of_forward")
			b.ReportMetric(reverse/allReverse, "of_reverse")
		})
	}
}
