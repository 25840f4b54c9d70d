package datasets

import (
	"fmt"
	"slices"
	"testing"
)

// TestBatches goes through rounds: each has every sequence once, the batch of a step is the same in any order of asking, and weights stay with
// their sequences.
func TestBatches(t *testing.T) {
	const n, size = 10, 4
	tokens, weights := make([][]int32, n), make([][]float32, n)
	for i := range n {
		tokens[i], weights[i] = []int32{int32(i)}, []float32{float32(i)}
	}
	b, err := NewBatches(tokens, weights, size, 7)
	if err != nil {
		t.Fatal(err)
	}
	var all []int32
	steps := map[int]string{}
	for step := 1; step <= 3*n/2; step++ { // six rounds
		got, w := b.At(step)
		if len(got) != size {
			t.Fatalf("step %d has %d sequences, expected %d", step, len(got), size)
		}
		for i, s := range got {
			if w[i][0] != float32(s[0]) {
				t.Errorf("step %d: sequence %d has the weights of %v", step, s[0], w[i])
			}
			all = append(all, s[0])
		}
		steps[step] = fmt.Sprint(got)
	}
	orders := map[string]bool{}
	for round := range slices.Chunk(all, n) {
		orders[fmt.Sprint(round)] = true
		slices.Sort(round)
		for i := range round {
			if len(round) != n || round[i] != int32(i) {
				t.Fatalf("a round has %v, expected each of %d once", round, n)
			}
		}
	}
	if len(orders) < 5 {
		t.Errorf("6 rounds have %d orders", len(orders))
	}
	again, err := NewBatches(tokens, nil, size, 7)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []int{15, 1, 8, 2, 14} {
		if got, w := again.At(step); fmt.Sprint(got) != steps[step] || w != nil {
			t.Errorf("step %d is %v asked for alone, expected %s", step, got, steps[step])
		}
	}
	other, err := NewBatches(tokens, nil, size, 8)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := other.At(1); fmt.Sprint(got) == steps[1] {
		t.Error("another seed has the same first batch")
	}
	for _, bad := range []struct {
		tokens  [][]int32
		weights [][]float32
		size    int
	}{{nil, nil, 1}, {tokens, nil, 0}, {tokens, weights[:3], 1}} {
		if _, err := NewBatches(bad.tokens, bad.weights, bad.size, 1); err == nil {
			t.Errorf("%d sequences, %d weights, batches of %d: expected an error", len(bad.tokens), len(bad.weights), bad.size)
		}
	}
}
