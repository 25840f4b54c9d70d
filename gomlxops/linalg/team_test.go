package linalg

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// TestTeamRunsEachPartOnce runs many short rounds, of all parts and of one, with more workers than processors, and pauses in which helpers
// go to sleep.
func TestTeamRunsEachPartOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	const parts, rounds = 7, 3000
	team := newTeam(parts)
	var counts [parts]atomic.Int32
	plain := [parts]int{} // written without atomics: run must order rounds
	for round := range rounds {
		n := parts
		if round%3 == 1 {
			n = 1 + round%parts
		}
		team.run(n, func(k int) { counts[k].Add(1); plain[k]++ })
		if round%1000 == 999 {
			time.Sleep(20 * time.Millisecond)
		}
		for k := range n {
			if int(counts[k].Load()) != plain[k] {
				t.Fatalf("round %d: part %d ran %d times, seen %d", round, k, counts[k].Load(), plain[k])
			}
		}
	}
	want := [parts]int{}
	for round := range rounds {
		n := parts
		if round%3 == 1 {
			n = 1 + round%parts
		}
		for k := range n {
			want[k]++
		}
	}
	if plain != want {
		t.Fatalf("parts ran %v times, want %v", plain, want)
	}
	before := runtime.NumGoroutine()
	team.dismiss()
	for wait := 0; runtime.NumGoroutine() > before-3; wait++ {
		if wait == 500 {
			t.Fatalf("%d goroutines after dismissing three helpers, %d before", runtime.NumGoroutine(), before)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
