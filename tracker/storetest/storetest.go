// Package storetest is the suite that every [tracker.Store] must pass.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, storetest.Harness{New: func(t *testing.T) tracker.Store { return memstore.New() }})
//	}
package storetest

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/parelab/pare/tracker"
)

// Harness makes the stores that are tested.
type Harness struct {
	New    func(t *testing.T) tracker.Store                      // an empty store
	Reopen func(t *testing.T, store tracker.Store) tracker.Store // what a later process would see; nil returns store itself
}

// Cases is the suite: each method of the suite type whose name begins with Test.
func Cases() []string {
	var names []string
	typ := reflect.TypeOf(suite{})
	for i := range typ.NumMethod() {
		if name := typ.Method(i).Name; strings.HasPrefix(name, "Test") {
			names = append(names, name)
		}
	}
	return names
}

// Run runs every case on a new store, and fails if there were none.
func Run(t *testing.T, h Harness) {
	if h.Reopen == nil {
		h.Reopen = func(_ *testing.T, store tracker.Store) tracker.Store { return store }
	}
	names := Cases()
	if len(names) < 12 {
		t.Fatalf("the suite has %d cases: %q", len(names), names)
	}
	for _, name := range names {
		t.Run(strings.TrimPrefix(name, "Test"), func(t *testing.T) {
			s := suite{Harness: h, store: h.New(t)}
			reflect.ValueOf(s).MethodByName(name).Call([]reflect.Value{reflect.ValueOf(t)})
		})
	}
}

// suite is one case's surroundings.
type suite struct {
	Harness
	store tracker.Store
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

// study makes a study.
func (s suite) study(t *testing.T, name string, d tracker.Direction) tracker.Study {
	t.Helper()
	out, err := s.store.CreateStudy(t.Context(), tracker.Study{Name: name, Metric: "loss", Direction: d, Created: epoch})
	must(t, err)
	return out
}

// trial makes a running trial of this process.
func (s suite) trial(t *testing.T, study, id string) *tracker.Trial {
	t.Helper()
	out, err := s.store.CreateTrial(t.Context(), &tracker.Trial{
		ID: id, Study: study, Started: epoch, Process: tracker.ThisProcess(),
		Params: map[string]tracker.Value{"ratio": tracker.Float(0.2)},
		Origin: &tracker.Origin{Cell: "cell-" + id, Seeds: map[string]uint64{"data": 1<<64 - 1}},
	})
	must(t, err)
	return out
}

func (s suite) apply(t *testing.T, study string, number int, c tracker.Change) {
	t.Helper()
	must(t, s.store.Apply(t.Context(), study, number, c))
}

// finish ends a trial with the given loss.
func (s suite) finish(t *testing.T, trial *tracker.Trial, loss float64) {
	t.Helper()
	s.apply(t, trial.Study, trial.Number, tracker.Change{
		Points: []tracker.Point{{Metric: "loss", Value: tracker.Number(loss), Time: epoch}},
		State:  tracker.Complete, Ended: epoch.Add(time.Second),
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func numbers(trials []*tracker.Trial) []int {
	out := make([]int, len(trials))
	for i, t := range trials {
		out[i] = t.Number
	}
	return out
}
