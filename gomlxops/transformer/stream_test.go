package transformer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Every block of one shape runs in one graph, and a second run builds none.
func TestEqualShapesAreBuiltOnce(t *testing.T) {
	m := openOracle(t, "mha")
	sequences := oracleTokens(t, "mha", "heldout")
	for range 2 {
		if _, err := m.Dense().Losses(t.Context(), sequences, RunOptions{Batch: 4}); err != nil {
			t.Fatal(err)
		}
		if built := m.engine.graphs.built; built != 2 {
			t.Errorf("%d graphs were built for %d equal layers and a head, want 2", built, m.Config().Layers)
		}
	}
}

// Neither the batch size, nor alignment, nor turns through the model change the losses.
func TestBatchesDoNotMatter(t *testing.T) {
	m := openOracle(t, "gqa")
	sequences := oracleTokens(t, "gqa", "heldout")
	want, err := m.Dense().Losses(t.Context(), sequences, RunOptions{Batch: len(sequences)})
	if err != nil {
		t.Fatal(err)
	}
	for _, opt := range []RunOptions{{}, {Batch: 1}, {Batch: 3}, {Batch: 5, Align: 4}, {Align: 1}} {
		got, err := m.Dense().Losses(t.Context(), sequences, opt)
		if err != nil {
			t.Fatal(err)
		}
		if off := relative(want.Sum, got.Sum); !(off <= 1e-6) {
			t.Errorf("%+v: losses differ by %.2g", opt, off)
		}
	}
}

// A head in pieces, the last of which overlaps, gives what a head in one piece gives.
func TestHeadInPieces(t *testing.T) {
	m := openOracle(t, "mha")
	sequences := oracleTokens(t, "mha", "forward")
	want, err := m.Dense().Losses(t.Context(), sequences, RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func(old int) { logitBytes = old }(logitBytes)
	logitBytes = 7 * 4 * m.Config().VocabSize // 7 rows of 20 to 60
	for _, batch := range []int{1, 2, 3} {
		got, err := m.Dense().Losses(t.Context(), sequences, RunOptions{Batch: batch})
		if err != nil {
			t.Fatal(err)
		}
		if off := relative(want.Sum, got.Sum); !(off <= 1e-6) {
			t.Errorf("batch %d: losses differ by %.2g", batch, off)
		}
	}
}

func TestPlan(t *testing.T) {
	for _, c := range []struct{ n, batch, align int }{{1, 8, 0}, {8, 8, 0}, {9, 8, 0}, {17, 4, 5}, {16, 100, 4}, {3, 1, 2}} {
		next := 0
		for _, s := range plan(c.n, c.batch, c.align) {
			if s.first != next || s.count < 1 || s.count > c.batch {
				t.Errorf("%+v: span %+v after %d", c, s, next)
			}
			if c.align > 0 && s.first/c.align != (s.first+s.count-1)/c.align {
				t.Errorf("%+v: span %+v crosses a multiple of %d", c, s, c.align)
			}
			next = s.first + s.count
		}
		if next != c.n {
			t.Errorf("%+v: %d sequences covered", c, next)
		}
	}
	if got := turns(plan(10, 2, 0), 100, 450); len(got) != 3 || len(got[0]) != 2 || len(got[2]) != 1 {
		t.Errorf("turns of at most 4 sequences: %v", got)
	}
	if got := turns(plan(3, 1, 0), 100, 1); len(got) != 3 {
		t.Errorf("a span larger than the limit must go alone: %v", got)
	}
}

// recorded keeps the progress.
type recorded struct {
	done, total []int
	stop        func()
}

func (r *recorded) Metric(string, int, float64) {}

func (r *recorded) Progress(_ string, done, total int) {
	r.done, r.total = append(r.done, done), append(r.total, total)
	if r.stop != nil {
		r.stop()
	}
}

func TestProgressEndsAtItsTotal(t *testing.T) {
	m := openOracle(t, "mha")
	rec := &recorded{}
	if _, err := m.Dense().Losses(t.Context(), oracleTokens(t, "mha", "heldout"), RunOptions{Batch: 3, Recorder: rec}); err != nil {
		t.Fatal(err)
	}
	last := len(rec.done) - 1
	if last < 0 || rec.done[last] != rec.total[last] || rec.total[0] != 3*(m.Config().Layers+1) || !slices.IsSorted(rec.done) {
		t.Errorf("progress %v of %v", rec.done, rec.total)
	}
}

func TestCancelStops(t *testing.T) {
	m := openOracle(t, "mha")
	ctx, cancel := context.WithCancel(t.Context())
	rec := &recorded{stop: cancel}
	_, err := m.Dense().Losses(ctx, oracleTokens(t, "mha", "heldout"), RunOptions{Batch: 1, Recorder: rec})
	if !errors.Is(err, context.Canceled) || len(rec.done) != 1 {
		t.Errorf("error %v after %d calls", err, len(rec.done))
	}
}

func TestSequencesThatCannotRun(t *testing.T) {
	m := openOracle(t, "mha")
	for _, c := range []struct {
		sequences [][]int32
		want      string
	}{
		{nil, "found no sequence"},
		{[][]int32{{}}, "sequence 0"},
		{[][]int32{{1}}, "at least 2"},
		{[][]int32{{1, 2, 3}, {1, 2}}, "sequence 1: expected 3 tokens"},
		{[][]int32{{1, 2, 3}, {1, 101, 2}}, "sequence 1, position 1"},
		{[][]int32{{-1, 2}}, "found -1"},
		{[][]int32{make([]int32, 129)}, "max_position_embeddings"},
	} {
		_, err := m.Dense().Losses(t.Context(), c.sequences, RunOptions{})
		if !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("error %v, want it to say %q", err, c.want)
		}
	}
}

func TestOverflowNamesLayerAndSequence(t *testing.T) {
	m := openOracle(t, "mha")
	l, err := m.Linear("model.layers.1.mlp.down_proj")
	if err != nil {
		t.Fatal(err)
	}
	huge := make([]float32, l.Out*l.In)
	for i := range huge {
		huge[i] = 3e38
	}
	v, err := m.With(map[string]Form{l.Name: &Dense{Out: l.Out, In: l.In, W: huge}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Losses(t.Context(), oracleTokens(t, "mha", "forward"), RunOptions{})
	if s := fmt.Sprint(err); !strings.Contains(s, "layer 1") || !strings.Contains(s, "sequence 0") {
		t.Errorf("error %v, want layer 1 and sequence 0", err)
	}
}
