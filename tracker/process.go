package tracker

import "time"

// Process identifies one process of one boot of one machine, so that its end can be told from a reused process number.
type Process struct {
	PID     int    `json:"pid"`
	Started string `json:"started"` // start time in the kernel's own units; empty where the system does not tell
	Boot    string `json:"boot"`    // id of the machine's boot; empty where the system does not tell
	Space   string `json:"space"`   // the process-number namespace: containers of one machine have several
}

// LostAfter is how old a heartbeat may grow before a trial on another machine counts as lost: long enough for a laptop's
// clock to be off and for a store to be busy, short enough to be of use. A process of this machine is looked up instead.
const LostAfter = 2 * time.Minute

// Alive reports whether the process behind a running trial still exists. Where p belongs to this boot and namespace it asks the
// system, so that a suspended process is alive however old its heartbeat; elsewhere it goes by the heartbeat's age.
func Alive(p Process, heartbeat, now time.Time) bool {
	self := ThisProcess()
	if p.Started != "" && p.Boot != "" && p.Boot == self.Boot && p.Space == self.Space {
		return processStart(p.PID) == p.Started
	}
	return now.Sub(heartbeat) <= LostAfter
}

// Observe sets the state of a running trial to [Lost] if its process is gone. Stores call it on what they return, never on what they keep.
func Observe(t *Trial, now time.Time) {
	if t.State == Running && !Alive(t.Process, t.Heartbeat, now) {
		t.State = Lost
	}
}
