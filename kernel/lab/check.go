package lab

import (
	"cmp"
	"fmt"
	"os"
	"slices"

	"github.com/parelab/pare/gomlxops/bayesopt"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/prune"
)

// Check refuses what would fail later for reasons that can be seen now: settings that contradict one another, a ratio that would leave nothing, a range of
// layers that the model lacks, a computation with an operation that no rule covers, calibration text that is missing or too short. [Study.Try] and
// [Lab.Compress] check first, so that what cannot be done is no trial; a program that makes the study too asks before it does.
func (l *Lab) Check(m *Model, a Attempt) error {
	if err := a.check(); err != nil {
		return err
	}
	if a.Moments != nil {
		if err := a.Moments.check(); err != nil {
			return err
		}
		if a.Method.NeedsMoments() {
			if err := a.Moments.For(m.Model); err != nil {
				return err
			}
		}
	}
	parts := []Attempt{a}
	if a.Then != "" {
		first, second := a.partsOf(m)
		parts = []Attempt{first, second}
	}
	for _, part := range parts {
		switch part.Method {
		case Dense:
		case Prune:
			if err := part.checkPruning(m); err != nil {
				return err
			}
		default:
			if err := checkDense(m, part); err != nil {
				return err
			}
			if err := part.checkRanks(m, a.Then != ""); err != nil {
				return err
			}
		}
	}
	if !a.looksAtText() || a.Moments != nil && !a.needsFisher() && a.Sequential == "" {
		return nil
	}
	return l.checkText(m, a)
}

// check refuses what contradicts itself whatever the model.
func (a Attempt) check() error {
	if entries, _ := os.ReadDir(a.Out); len(entries) > 0 && !a.Overwrite { // transformer.Save looks closer
		return fmt.Errorf("%s: expected no such directory or an empty one, found %d entries; choose another name or ask for it to be overwritten", a.Out, len(entries))
	}
	if a.Then != "" {
		return a.checkInTurn()
	}
	if a.Share != 0 {
		return fmt.Errorf("share: %v has no say where there is nothing to do then", a.Share)
	}
	switch a.Method {
	case Dense:
		if a.Ratio != 0 {
			return fmt.Errorf("ratio: method %q removes nothing, found %v", Dense, a.Ratio)
		}
		return nil
	case Prune:
		return nil // looks at the model; see checkPruning
	}
	return a.checkLowRank()
}

func (a Attempt) checkLowRank() error {
	if !slices.Contains(lowrank.Methods(), a.Method) {
		return fmt.Errorf("method: expected %q, %q or one of %v, found %q", Dense, Prune, lowrank.Methods(), a.Method)
	}
	if _, err := a.Settings.For(a.Method); err != nil {
		return err
	}
	if _, err := lowrank.Rank(a.Ratio, 1, 1); err != nil {
		return err
	}
	if _, err := a.sequential().For(a.Method); err != nil && a.Sequential != "" {
		return err
	}
	if a.Sequential == "" && a.Target != "" {
		return fmt.Errorf("target: %q has no say without a sequential mode; take %q, %q or %q", a.Target, lowrank.Recalibrate, lowrank.Update, lowrank.Both)
	}
	if a.Ranks != nil {
		return nil
	}
	if by := []By{"", lowrank.ByUniform, lowrank.ByEnergy, ByFisher}; !slices.Contains(by, a.Allocate) {
		return fmt.Errorf("allocate: expected one of %q, or to search one of %q, found %q", by[1:], bayesopt.Samplers, a.Allocate)
	}
	return nil
}

// checkDense refuses to take factors apart again.
func checkDense(m *Model, a Attempt) error {
	held := prune.Holdings(m.Dense())
	for _, lin := range m.Linears() {
		if _, factored := held[lin.Name]; factored {
			return fmt.Errorf("method %q: expected a model whose linears are dense, found %s held as factors; begin from the model that it was made from", a.Method, lin.Name)
		}
	}
	return nil
}

// checkRanks refuses options of an allocation that no ranks follow from. What the second of two methods has to remove is not known yet.
func (a Attempt) checkRanks(m *Model, inTurn bool) error {
	if a.Ranks != nil {
		return nil
	}
	if inTurn || cmp.Or(a.Allocate, lowrank.ByUniform) != lowrank.ByUniform {
		return a.Options.Check(m.Linears())
	}
	return a.Options.CheckUniform(m.Linears(), a.Ratio)
}

// checkPruning refuses what the model cannot be cut by. The graph is traced, and kept with the model.
func (a Attempt) checkPruning(m *Model) error {
	if err := a.checkPlan(m); err != nil {
		return err
	}
	if _, err := m.graph(); err != nil {
		return err
	}
	if !a.Pruning.looksAtText() {
		return nil
	}
	return a.Calibration.checkLengths()
}

// CheckMeasure refuses a measurement that would fail when the work is done: a text that cannot be read or is too short, blocks that the model does not take.
func (l *Lab) CheckMeasure(m *Model, o Measure) error {
	if err := o.check(); err != nil || o.Nothing || o.Protocol != "" {
		return err
	}
	o = o.withDefaults(m)
	if err := o.checkBlocks(m); err != nil {
		return err
	}
	for _, q := range o.questions() {
		text, err := l.Tokens(m, q.text, q.part)
		if err != nil {
			return err
		}
		if _, err := text.Blocks(1, o.Length); err != nil {
			return err
		}
	}
	return nil
}

// checkBlocks refuses blocks that make no sense, and those that the model does not take.
func (o Measure) checkBlocks(m *Model) error {
	most := m.Config().Longest()
	switch {
	case o.Blocks < -1:
		return fmt.Errorf("blocks: expected a number of blocks, or -1 for all, found %d", o.Blocks)
	case o.Length < 2 || o.Length > most:
		return fmt.Errorf("length: expected blocks of 2 to %d tokens (max_position_embeddings), found %d", most, o.Length)
	}
	return nil
}

// checkText refuses calibration text that cannot be read, or is too short.
func (l *Lab) checkText(m *Model, a Attempt) error {
	if err := a.Calibration.checkLengths(); err != nil {
		return err
	}
	s, err := l.sample(m, a.calibration(m))
	if err != nil {
		return err
	}
	if most := m.Config().Longest(); s.Length > most {
		return fmt.Errorf("length: expected calibration sequences of at most %d tokens (max_position_embeddings), found %d", most, s.Length)
	}
	if s.Groups < 1 || s.Sequences%s.Groups != 0 {
		return fmt.Errorf("groups: expected a divisor of %d, the number of calibration sequences, found %d", s.Sequences, s.Groups)
	}
	_, err = s.sequences()
	return err
}

// checkLengths refuses calibration that cannot be run.
func (c Calibration) checkLengths() error {
	switch {
	case c.Sequences < 0:
		return fmt.Errorf("sequences: expected at least 1, found %d", c.Sequences)
	case c.Length < 0 || c.Length == 1:
		return fmt.Errorf("length: expected calibration sequences of at least 2 tokens, found %d: the first token of each is not predicted", c.Length)
	}
	return nil
}
