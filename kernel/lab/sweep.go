package lab

import (
	"context"
	"fmt"

	"github.com/parelab/pare/gomlxops/importance"
	"github.com/parelab/pare/gomlxops/lowrank"
)

// Centring is what a feature method does about the mean: "mean", "no-bias" or "uncentred". See [lowrank.Centring].
type Centring = lowrank.Centring

// Mode is what is done anew block after block: "recalibrate", "update" or "both"; "" is nothing. See [lowrank.Mode].
type Mode = lowrank.Mode

// Target is what outputs should be block after block: "shifted" or "original". See [lowrank.Target].
type Target = lowrank.Target

// Sweep is every combination of some settings. A list that is empty leaves its setting at the default.
type Sweep struct {
	Calibration Calibration // that the attempts share but for Groups and Seeds
	Methods     []Method
	Ratios      []float64
	Centrings   []Centring // of the feature methods
	Allocate    []By
	Sequential  []Mode   // a method that looks at no text is left out of modes that it cannot follow
	Targets     []Target // of the modes; "" has none
	Groups      []int
	Seeds       []uint64

	Pruning    Pruning // of Prune, but for what the lists say
	Scores     []Score
	Aggregates []importance.Aggregation
}

// Attempts lists the combinations, one seed after the other, each once: a method that looks at no text is not repeated for
// every seed, and Dense not for every ratio.
func (s Sweep) Attempts(m *Model) []Attempt {
	all := []Attempt{{Calibration: s.Calibration, Pruning: s.Pruning}}
	all = vary(all, s.Seeds, func(a *Attempt, seed uint64) { a.Calibration.Seed = seed })
	all = vary(all, s.Groups, func(a *Attempt, n int) { a.Calibration.Groups = n })
	all = vary(all, s.Methods, func(a *Attempt, method Method) { a.Method = method })
	all = vary(all, s.Scores, func(a *Attempt, score Score) { a.Pruning.Score = score })
	all = vary(all, s.Aggregates, func(a *Attempt, how importance.Aggregation) { a.Pruning.Aggregate = how })
	all = vary(all, s.Centrings, func(a *Attempt, c Centring) { a.Settings.Centring = c })
	all = vary(all, s.Allocate, func(a *Attempt, by By) { a.Allocate = by })
	all = vary(all, s.Sequential, func(a *Attempt, mode Mode) { a.Sequential = mode })
	all = vary(all, s.Targets, func(a *Attempt, target Target) { a.Target = target })
	all = vary(all, s.Ratios, func(a *Attempt, ratio float64) { a.Ratio = ratio })
	var once []Attempt
	seen := map[string]bool{}
	for _, a := range all {
		if a.Method == Dense {
			a = Attempt{Method: Dense}
		}
		if a.Method == Prune {
			a.Allocate, a.Sequential, a.Settings.Centring = "", "", ""
		}
		if a.Sequential == "" {
			a.Target = ""
		}
		if a.Sequential == lowrank.Recalibrate || a.Sequential == lowrank.Both {
			if !a.Method.NeedsMoments() {
				continue
			}
		}
		if k := settings(a.params(m)); !seen[k] {
			seen[k], once = true, append(once, a)
		}
	}
	return once
}

// vary returns the attempts with every value in turn; without values, as they are.
func vary[T any](attempts []Attempt, values []T, set func(*Attempt, T)) []Attempt {
	if len(values) == 0 {
		return attempts
	}
	var out []Attempt
	for _, a := range attempts {
		for _, v := range values {
			set(&a, v)
			out = append(out, a)
		}
	}
	return out
}

// Sweep tries every combination, each a trial of its own. See [Study.Try]. It stops at the first that fails, and does not begin where one cannot be done.
func (s *Study) Sweep(ctx context.Context, m *Model, sweep Sweep) error {
	attempts := sweep.Attempts(m)
	for _, a := range attempts {
		if err := s.lab.Check(m, a); err != nil {
			return fmt.Errorf("%s: %w", a, err)
		}
	}
	watch := s.lab.watch("Study " + s.Name)
	defer watch.Close()
	quiet := *s.lab
	quiet.Watch = func(string) Watcher { return mute{} }
	study := *s
	study.lab = &quiet
	for i, a := range attempts {
		out, err := study.Try(ctx, m, a)
		if err == nil {
			err = out.Close()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", a, err)
		}
		watch.Progress("attempts", i+1, len(attempts))
	}
	return nil
}

// mute watches nothing.
type mute struct{}

func (mute) Metric(string, int, float64) {}
func (mute) Progress(string, int, int)   {}
func (mute) Close()                      {}

// Sweep tries every combination in a cell. See [Study.Sweep].
func (s CellStudy) Sweep(m *Model, sweep Sweep) {
	check(s.Study.Sweep(interruptible(), m, sweep))
}
