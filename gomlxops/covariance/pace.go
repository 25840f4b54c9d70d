package covariance

import "time"

// everyDefault is the least time between two checkpoints, and costShare the part of the time, one in that many, that parts and checkpoints
// may cost.
const (
	everyDefault = 5 * time.Second
	costShare    = 20
	growth       = 16 // most times that a part has the groups of the one before, since what is known of that may be noise
)

// pace chooses how many groups go through the model together before the next checkpoint: as many as take the least time between two,
// more where a part costs much whatever its size (weights are read and graphs built anew) or saving does, and never less than a step. The
// second part has at least twice the groups of the first, because two sizes tell what does not grow with size.
type pace struct {
	every time.Duration // negative: one group at a time
	step  int           // groups that keep the forward pass busy

	fixed, perGroup, saving time.Duration // what a part takes besides its groups, what a group takes, and what saving took last
	groups                  int           // of the part before
	took                    time.Duration // by the part before
	parts                   int
}

// next is the size of the next part, left at most.
func (p *pace) next(left int) int {
	switch {
	case p.every < 0:
		return 1
	case p.perGroup <= 0:
		return min(p.step, left)
	}
	budget := max(p.every, costShare*(p.fixed+p.saving))
	steps := max(1, budget/(p.perGroup*time.Duration(p.step)))
	if p.parts == 1 {
		steps = max(2, steps)
	}
	return int(min(steps*time.Duration(p.step), time.Duration(growth*p.groups), time.Duration(left)))
}

// observe learns from a part.
func (p *pace) observe(groups int, took time.Duration) {
	if p.groups > 0 && p.groups != groups {
		if slope := (took - p.took) / time.Duration(groups-p.groups); slope > 0 { // else the first was slow for a reason of its own
			p.fixed = max(0, took-slope*time.Duration(groups))
		}
	}
	p.perGroup = max(1, (took-min(p.fixed, took*(costShare-1)/costShare))/time.Duration(groups))
	p.groups, p.took, p.parts = groups, took, p.parts+1
}

// due says whether it is time to save, that long after the last time.
func (p *pace) due(since time.Duration) bool { return since >= p.every/2 }
