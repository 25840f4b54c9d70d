package show

import (
	"os"
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"golang.org/x/term"
)

// quiet is how long a stage must last before anything is shown of it: what is faster would only flicker.
const quiet = time.Second

// Progress shows how far a long operation is. It has the methods that operations report to, so it can be handed to any of them as
// their recorder. Calls note the numbers and return; a goroutine of its own draws, about five times a second, so a slow
// terminal or kernel never holds up the work. In a GoNB cell it is one display that changes in place, on a terminal a bar
// on standard error, elsewhere (a pipe, a log) a line every few seconds. Call Close at the end, best deferred: the last state is drawn then.
// All methods are safe for concurrent use.
type Progress struct {
	mu    sync.Mutex
	state progressState

	now    func() time.Time
	sink   sink
	stop   chan struct{}
	closed chan struct{}
	once   sync.Once
}

// sink is where progress is drawn.
type sink interface {
	every() time.Duration                  // the time between two drawings
	draw(s progressState, now time.Time)   // the state as it is
	finish(s progressState, now time.Time) // the state as it remains
}

// progressState is all that has been reported; a copy of it is what gets drawn.
type progressState struct {
	title   string
	began   time.Time
	stages  []stage
	metrics []metric
	curves  []course // metrics that are drawn; of a log's lines they are all
}

// stage is one stretch of work. A stage reported anew after it was complete counts as another round of the same.
type stage struct {
	name        string
	done, total int
	from        int // done when the current round was first reported: what it continues, not its own work
	rounds      int
	began, last time.Time     // of the current round
	before      time.Duration // spent in earlier rounds
}

type metric struct {
	name  string
	step  int
	value float64
}

// NewProgress starts showing progress under a title.
func NewProgress(title string) *Progress {
	p := newProgress(title, place(title), time.Now)
	go p.loop()
	return p
}

// place chooses the sink for where the program runs.
func place(title string) sink {
	switch {
	case gonbui.IsNotebook:
		return &cellSink{id: "pare-progress-" + gonbui.UniqueId()}
	case term.IsTerminal(int(os.Stderr.Fd())):
		return &barSink{out: os.Stderr, width: Width(os.Stderr)}
	}
	return &lineSink{out: os.Stderr}
}

func newProgress(title string, s sink, now func() time.Time) *Progress {
	return &Progress{
		state: progressState{title: clean(title), began: now()}, now: now, sink: s,
		stop: make(chan struct{}), closed: make(chan struct{}),
	}
}

// loop draws until Close.
func (p *Progress) loop() {
	defer close(p.closed)
	ticker := time.NewTicker(p.sink.every())
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			p.tick()
		}
	}
}

// tick draws the state if a stage is worth showing.
func (p *Progress) tick() {
	now := p.now()
	p.mu.Lock()
	s := p.state.copy()
	p.mu.Unlock()
	if s.visible(now) {
		p.sink.draw(s, now)
	}
}

// Progress notes that done of total units of a stage are complete; a total of zero or less is unknown.
func (p *Progress) Progress(name string, done, total int) {
	if p == nil {
		return
	}
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.report(clean(name), done, total, now)
}

// Metric notes the latest value of a metric.
func (p *Progress) Metric(name string, step int, value float64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	name = clean(name)
	p.state.follow(name, step, value)
	for i := range p.state.metrics {
		if p.state.metrics[i].name == name {
			p.state.metrics[i] = metric{name, step, value}
			return
		}
	}
	p.state.metrics = append(p.state.metrics, metric{name, step, value})
}

// Close draws the last state and stops. It may be called more than once, and on nil. It waits for the drawing no longer than a few seconds.
func (p *Progress) Close() {
	if p == nil {
		return
	}
	p.once.Do(func() {
		close(p.stop)
		patiently(func() {
			<-p.closed
			p.finish()
		})
	})
}

func (p *Progress) finish() {
	now := p.now()
	p.mu.Lock()
	s := p.state.copy()
	p.mu.Unlock()
	if s.visible(now) {
		p.sink.finish(s, now)
	}
}

func (s *progressState) report(name string, done, total int, now time.Time) {
	for i := range s.stages {
		if g := &s.stages[i]; g.name == name {
			if g.complete() && done < g.total {
				g.before, g.began, g.from, g.rounds = g.before+g.last.Sub(g.began), now, done, g.rounds+1
			}
			g.done, g.total, g.last = done, total, now
			return
		}
	}
	s.stages = append(s.stages, stage{name: name, done: done, total: total, from: done, rounds: 1, began: now, last: now})
}

func (s progressState) copy() progressState {
	s.stages, s.metrics = append([]stage(nil), s.stages...), append([]metric(nil), s.metrics...)
	s.curves = append([]course(nil), s.curves...) // whose points are only ever added to, or replaced as a whole
	return s
}

// visible says whether any stage lasted long enough to be shown.
func (s progressState) visible(now time.Time) bool { return len(s.shown(now)) > 0 }

func (s progressState) shown(now time.Time) []stage {
	var shown []stage
	for _, g := range s.stages {
		if g.spent(now) >= quiet {
			shown = append(shown, g)
		}
	}
	return shown
}

func (g stage) complete() bool { return g.total > 0 && g.done >= g.total }

// spent is the time of all rounds; that of a complete one no longer grows.
func (g stage) spent(now time.Time) time.Duration {
	if g.complete() {
		now = g.last
	}
	return g.before + now.Sub(g.began)
}

// fraction is how much of the current round is done, in [0,1]; of an unknown total it is 0.
func (g stage) fraction() float64 {
	if g.total <= 0 {
		return 0
	}
	return min(max(float64(g.done)/float64(g.total), 0), 1)
}

// left estimates the time to the end of the round from its pace so far; ok is false while there is nothing to go by.
func (g stage) left(now time.Time) (d time.Duration, ok bool) {
	if g.done <= g.from || g.done >= g.total {
		return 0, false
	}
	pace := float64(g.last.Sub(g.began)) / float64(g.done-g.from) // the time that a unit took
	return max(0, time.Duration(pace*float64(g.total-g.done))-now.Sub(g.last)), true
}
