package covariance

import (
	"testing"
	"time"
)

// simulate runs groups at the pace on a clock of its own. Parts cost fixed beside perGroup, checkpoints cost saving.
func simulate(p *pace, groups int, fixed, perGroup, saving time.Duration) (parts, saves int, extra, longest time.Duration) {
	var now, saved, lost time.Duration
	for done := 0; done < groups; parts++ {
		n := p.next(groups - done)
		took := fixed + time.Duration(n)*perGroup
		now, done = now+took, done+n
		longest = max(longest, now-lost)
		p.observe(n, took)
		if done < groups && p.due(now-saved) {
			now, saves, p.saving = now+saving, saves+1, saving
			saved, lost = now, now
		}
	}
	return parts, saves, now - fixed - time.Duration(groups)*perGroup, longest
}

func TestPace(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	for _, c := range []struct {
		name                    string
		groups                  int
		fixed, perGroup, saving time.Duration
		most                    time.Duration // of work between two checkpoints
	}{
		{"small", 32, 5 * ms, 10 * ms, 3 * ms, s},
		{"many small", 10000, 5 * ms, 10 * ms, 3 * ms, 8 * s},
		{"large groups", 64, 100 * ms, 10 * s, 100 * ms, 41 * s},
		{"weights that take long to read", 256, 10 * s, 20 * s, s, 260 * s},
		{"an accelerator that waits for weights", 512, 10 * s, s, s, 260 * s},
		{"a file that takes long to write", 256, 0, 10 * s, 30 * s, 620 * s},
	} {
		p := &pace{every: everyDefault, step: 2}
		parts, saves, extra, longest := simulate(p, c.groups, c.fixed, c.perGroup, c.saving)
		net := time.Duration(c.groups) * c.perGroup
		t.Logf("%s: %d parts, %d saved, %v more than %v, at most %v lost", c.name, parts, saves, extra, net, longest)
		if bound := net/costShare + 3*(c.fixed+c.saving); extra > bound {
			t.Errorf("%s: cost %v beside %v, want at most %v", c.name, extra, net, bound)
		}
		if longest > c.most {
			t.Errorf("%s: %v between two checkpoints, want at most %v", c.name, longest, c.most)
		}
	}
	if p := (&pace{every: -1, step: 2}); p.next(5) != 1 {
		t.Error("after each group: more than one at a time")
	}
}
