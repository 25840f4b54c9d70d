package hub

import (
	"sync"
	"time"
)

// What a [Recorder] hears of. Files are checked while others are fetched.
const (
	stageFetch = "fetch, in MB"
	stageCheck = "check, in MB"
	stageWait  = "wait for another program that fetches the same"

	metricRate   = "MB/s"
	metricBroken = "connections broken"
)

// rateOver is the time that a rate is taken over.
const rateOver = time.Second

// progress adds up what several downloads report.
type progress struct {
	to Recorder

	mu               sync.Mutex
	present, checked int64 // bytes of the missing files that are there by now, and that were held against their digests
	total            int64 // bytes of the missing files
	network, resumed int64 // bytes that arrived, and that an earlier call or another program had left
	breaks, waits    int

	since time.Time // when the rate's window began
	bytes int64     // of it
}

func (p *progress) begin(total int64) { p.total, p.since = total, time.Now() }

// received notes bytes that arrived; fresh are those of them that were not there yet.
func (p *progress) received(n, fresh int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.network += n
	p.add(stageFetch, &p.present, fresh)
	p.bytes += n
	if over := time.Since(p.since); over >= rateOver && p.to != nil {
		p.to.Metric(metricRate, 0, float64(p.bytes)/1e6/over.Seconds())
		p.since, p.bytes = time.Now(), 0
	}
}

// found notes bytes that were there already.
func (p *progress) found(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n = max(n, 0)
	p.resumed += n
	p.add(stageFetch, &p.present, n)
}

func (p *progress) verified(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.add(stageCheck, &p.checked, n)
}

// add tells the recorder about each whole megabyte, and the end. A file that is fetched anew counts once.
func (p *progress) add(stage string, sum *int64, n int64) {
	before := megabytes(*sum)
	*sum += n
	if p.total > 0 {
		*sum = min(*sum, p.total)
	}
	if now := megabytes(*sum); now != before && p.to != nil {
		p.to.Progress(stage, now, megabytes(p.total))
	}
}

// broken notes a connection that is taken up again.
func (p *progress) broken() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.breaks++
	if p.to != nil {
		p.to.Metric(metricBroken, 0, float64(p.breaks))
	}
}

// waiting notes that the file is another program's for now.
func (p *progress) waiting() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits++
	if p.to != nil {
		p.to.Progress(stageWait, p.waits, 0)
	}
}

// megabytes rounds up, so that a small file is one of one.
func megabytes(bytes int64) int { return int((bytes + 999_999) / 1_000_000) }
