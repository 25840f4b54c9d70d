package show

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a time that tests move on.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }
func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// logged returns a progress that writes lines, without its goroutine: the test calls tick.
func logged(out *bytes.Buffer) (*Progress, *clock) {
	c := &clock{t: time.Unix(1e9, 0)}
	return newProgress("Compressing", &lineSink{out: out}, c.now), c
}

func TestShortStagesSayNothing(t *testing.T) {
	var out bytes.Buffer
	p, c := logged(&out)
	for _, stage := range []string{"open", "read"} {
		for i := range 9 {
			p.Progress(stage, i, 8)
			p.tick()
			c.pass(100 * time.Millisecond)
		}
	}
	p.Progress("read", 8, 8)
	c.pass(time.Hour)
	p.tick()
	p.finish()
	if out.Len() > 0 {
		t.Errorf("stages below a second wrote %q", out.String())
	}
}

func TestLinesOfALog(t *testing.T) {
	var out bytes.Buffer
	p, c := logged(&out)
	for i := range 101 {
		p.Progress("calibrate", i, 100)
		p.Metric("loss", i, 10/float64(i+1))
		p.tick()
		c.pass(120 * time.Millisecond)
	}
	p.tick()
	p.finish()
	want := "Compressing: calibrate  9/100 · 9% · 1.1 s · 11 s left  loss 1 (step 9)\n" +
		"Compressing: calibrate  51/100 · 51% · 6.1 s · 6 s left  loss 0.1923 (step 51)\n" +
		"Compressing: calibrate  93/100 · 93% · 11.2 s · 1 s left  loss 0.1064 (step 93)\n" +
		"Compressing: calibrate  100/100 · 12.0 s  loss 0.09901 (step 100)\n"
	if out.String() != want {
		t.Errorf("log\n%swant\n%s", out.String(), want)
	}
}

func TestRoundsOfAStageAddUp(t *testing.T) {
	var out bytes.Buffer
	p, c := logged(&out)
	for range 5 {
		for i := range 5 {
			p.Progress("evaluate", i, 4)
			c.pass(100 * time.Millisecond)
		}
	}
	c.pass(time.Minute) // work between the rounds is not theirs
	p.Progress("evaluate", 4, 4)
	p.finish()
	// Each round but the last was cut short at 4/4 without a report after the last unit.
	if got := p.state.stages[0].rounds; got != 5 || len(p.state.stages) != 1 {
		t.Errorf("%d rounds of %d stages, want 5 of 1", got, len(p.state.stages))
	}
	if !strings.Contains(out.String(), "5 × 4") {
		t.Errorf("final line %q", out.String())
	}
}

func TestRemainingTime(t *testing.T) {
	at := time.Unix(1e9, 0)
	g := stage{done: 25, total: 100, began: at, last: at.Add(10 * time.Second)}
	for after, want := range map[time.Duration]time.Duration{10 * time.Second: 30 * time.Second, 20 * time.Second: 20 * time.Second, time.Hour: 0} {
		if left, ok := g.left(at.Add(after)); !ok || left != want {
			t.Errorf("after %v: %v left, want %v", after, left, want)
		}
	}
	// What an earlier run had done says nothing of the pace: 5 of the 80 that remain took 10 s.
	g = stage{from: 20, done: 25, total: 100, began: at, last: at.Add(10 * time.Second)}
	if left, ok := g.left(at.Add(10 * time.Second)); !ok || left != 150*time.Second {
		t.Errorf("continued: %v left, want 2m30s", left)
	}
	for _, g := range []stage{{done: 0, total: 10}, {done: 10, total: 10}, {done: 3, total: 0}, {from: 3, done: 3, total: 10}} {
		if left, ok := g.left(at); ok {
			t.Errorf("%+v: %v left, though nothing is known", g, left)
		}
	}
}

func TestBarOnATerminal(t *testing.T) {
	var out bytes.Buffer
	c := &clock{t: time.Unix(1e9, 0)}
	p := newProgress("Training", &barSink{out: &out, width: 80}, c.now)
	for i := range 41 {
		p.Progress("steps", i, 40)
		p.Metric("loss\x1b[2J", i, math.NaN())
		c.pass(100 * time.Millisecond)
		p.tick()
	}
	p.finish()
	if s := out.String(); !strings.Contains(s, "█") || !strings.Contains(s, "20/40") || strings.Contains(s, "[2J\x1b") || strings.Contains(s, "\x1b[2J") {
		t.Errorf("bar wrote %q", s)
	}
	if s := out.String(); !strings.HasSuffix(s, "Training: steps  40/40 · 4.0 s\n") {
		t.Errorf("last line of %q", s)
	}
}

func TestProgressFromManySides(t *testing.T) {
	var out bytes.Buffer
	p := newProgress("busy", &slowSink{lineSink{out: &out}}, time.Now)
	go p.loop()
	var wait sync.WaitGroup
	began := time.Now()
	for w := range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for i := range 2000 {
				p.Progress(fmt.Sprint("stage ", w), i+1, 2000)
				p.Metric("loss", i, float64(i))
			}
		}()
	}
	wait.Wait()
	if spent := time.Since(began); spent > 2*time.Second {
		t.Errorf("32,000 reports took %v: they waited for the sink", spent)
	}
	p.Close()
	p.Close()
	(*Progress)(nil).Close()
	(*Progress)(nil).Metric("loss", 1, 1)
	(*Progress)(nil).Progress("a", 1, 1)
	if n := len(p.state.stages); n != 8 {
		t.Errorf("%d stages, want 8", n)
	}
}

// slowSink holds whoever draws.
type slowSink struct{ lineSink }

func (s *slowSink) every() time.Duration                 { return time.Millisecond }
func (s *slowSink) draw(progressState, time.Time)        { time.Sleep(300 * time.Millisecond) }
func (s *slowSink) finish(st progressState, n time.Time) { time.Sleep(300 * time.Millisecond) }

func TestLatestTellsSteps(t *testing.T) {
	p := newProgress("t", nil, time.Now)
	p.Metric("loss", 120, 3.214)
	p.Metric("perplexity", 0, 2.5)
	if got, want := p.state.latest(), "loss 3.214 (step 120) · perplexity 2.5"; got != want {
		t.Errorf("found %q, expected %q", got, want)
	}
}
