package transformer

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/parelab/pare/gomlxops"
)

// Graphs outlive the run that they were built in, and its variant's factors must not: a search makes thousands of them.
func TestGraphsKeepNoVariant(t *testing.T) {
	m := openOracle(t, "mha")
	const variants = 3
	var freed atomic.Int32
	for range variants {
		forms := ranksOf(m, 0)
		for _, f := range forms {
			runtime.AddCleanup(&f.(*Factored).A[0], func(int) { freed.Add(1) }, 0)
		}
		v, err := m.With(forms)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Losses(t.Context(), oracleTokens(t, "mha", "calib"), RunOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	want := int32(variants * len(ranksOf(m, 0)))
	for range 100 {
		if runtime.GC(); freed.Load() == want {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if freed.Load() != want || m.Graphs() == 0 {
		t.Errorf("%d of %d factors were freed, with %d graphs", freed.Load(), want, m.Graphs())
	}
}

// What was asked for longest ago goes first.
func TestGraphsAreBounded(t *testing.T) {
	b, err := gomlxops.Backend()
	if err != nil {
		t.Fatal(err)
	}
	g := &graphs{}
	get := func(key string) *graph.Exec {
		t.Helper()
		exec, err := g.get(b, key, func(in []*graph.Node) []*graph.Node { return in })
		if err != nil {
			t.Fatal(err)
		}
		return exec
	}
	used, unused := get("used"), get("unused")
	for i := range mostGraphs {
		get(fmt.Sprint(i))
		if get("used") != used {
			t.Fatalf("the graph that is used was dropped after %d others", i)
		}
	}
	if len(g.known) != mostGraphs || len(g.order) != mostGraphs {
		t.Errorf("%d graphs are kept, %d in order; expected %d", len(g.known), len(g.order), mostGraphs)
	}
	if get("unused") == unused {
		t.Error("the graph that was asked for longest ago is still there")
	}
}
