package hub

import "sync"

// The stages that a [Recorder] hears of. Files are checked while others are fetched.
const (
	stageFetch = "fetch, in MB"
	stageCheck = "check, in MB"
)

// progress adds up what several downloads report.
type progress struct {
	to Recorder

	mu                         sync.Mutex
	bytesFetched, bytesChecked int64
	total                      int64
}

func (p *progress) begin(total int64) { p.total = total }

func (p *progress) fetched(n int64) { p.add(stageFetch, &p.bytesFetched, n) }
func (p *progress) checked(n int64) { p.add(stageCheck, &p.bytesChecked, n) }

// add tells the recorder about each whole megabyte, and the end.
func (p *progress) add(stage string, sum *int64, n int64) {
	if p.to == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	before := megabytes(*sum)
	*sum += n
	if now := megabytes(*sum); now != before {
		p.to.Progress(stage, now, megabytes(p.total))
	}
}

// megabytes rounds up, so that a small file is one of one.
func megabytes(bytes int64) int { return int((bytes + 999_999) / 1_000_000) }
