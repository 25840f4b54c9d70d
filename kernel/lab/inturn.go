package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/lowrank"
	"github.com/parelab/pare/gomlxops/prune"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/kernel/show"
)

// InTurn is what two methods did, one on what the other left.
type InTurn struct {
	First, Then Method
	Share       float64
	Between     int64 // parameters of decoder linears after the first
}

// share is what the first of two methods removes, of all that goes.
func (a Attempt) share() float64 { return cmp.Or(a.Share, 0.5) }

// parts are the two attempts of one in turn. The ratio of the second is a guess: what it really has to remove is known when the first is done.
func (a Attempt) parts() (first, second Attempt) {
	if a.Pruning.Across == "" {
		a.Pruning.Across = prune.Density
	}
	share := a.share()
	first, second = a, a
	first.Then, second.Then, first.Share, second.Share = "", "", 0, 0
	first.Out, second.Method = "", a.Then
	first.Ratio = a.Ratio * share
	second.Ratio = (a.Ratio - first.Ratio) / (1 - first.Ratio)
	return first, second
}

// partsOf are the parts for a model, with what pruning has to remove as far as it is known yet.
func (a Attempt) partsOf(m *Model) (first, second Attempt) {
	first, second = a.parts()
	all := float64(m.Dense().LinearParams())
	first.remove = int(math.Ceil(all * first.Ratio))
	second.remove = int(math.Ceil(all*a.Ratio)) - first.remove
	return first, second
}

// checkInTurn refuses two methods that cannot follow one another under one ratio.
func (a Attempt) checkInTurn() error {
	lowRank := a.Method
	switch {
	case a.Method == Dense || a.Then == Dense:
		return fmt.Errorf("then: %q and %q are no two ways to make a model smaller", a.Method, a.Then)
	case (a.Method == Prune) == (a.Then == Prune):
		return fmt.Errorf("then: expected %q after low rank or low rank after %q, found %q after %q", Prune, Prune, a.Then, a.Method)
	case a.Method == Prune:
		lowRank = a.Then
	}
	switch {
	case !(a.Ratio > 0 && a.Ratio < 1):
		return fmt.Errorf("ratio: expected a fraction above 0 and below 1, found %v", a.Ratio)
	case !(a.share() > 0 && a.share() < 1):
		return fmt.Errorf("share: expected a fraction above 0 and below 1, found %v", a.Share)
	case a.Pruning.scope() != CutBlocks:
		return fmt.Errorf("scope %q: in turn with low rank heads and MLP channels are cut, by numbers; expected %q", a.Pruning.Scope, CutBlocks)
	case a.Pruning.Across != "" && !a.Pruning.Across.Counts():
		return fmt.Errorf("across %q: the ratio of both together is of numbers; expected %q, %q or %q", a.Pruning.Across, prune.Even, prune.Budget, prune.Density)
	case a.Ranks != nil:
		return errors.New("ranks: expected none, since one ratio of both together says how many numbers go")
	case a.Moments != nil && a.Method == Prune:
		return errors.New("moments: expected none, since low rank looks at what pruning leaves")
	}
	_, second := a.parts()
	second.Method, second.Moments = lowRank, nil
	return second.checkLowRank()
}

// inTurn makes the model smaller by two methods. The second removes what is missing, counted, so that both together leave
//
//	⌊(1 − ratio)·parameters of decoder linears⌋
//
// numbers or fewer, by less than one MLP channel or what rounding ranks leaves over.
func (l *Lab) inTurn(ctx context.Context, m *Model, a Attempt, rec gomlxops.Recorder) (*Smaller, error) {
	first, second := a.partsOf(m)
	dir, remove, err := l.place("")
	if err != nil {
		return nil, err
	}
	defer remove()
	left, between, err := l.leftBy(ctx, m, first, dir, rec)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", first, err)
	}
	goal, held := int64(float64(m.Dense().LinearParams())*(1-a.Ratio)), between.Dense().LinearParams()
	if held <= goal {
		return nil, errors.Join(fmt.Errorf("share: after %s no more than %d numbers are left of %d that should be; take a smaller share", first, held, goal), between.Close())
	}
	second.Ratio, second.remove = 1-float64(goal)/float64(held), int(held-goal)
	out, err := l.smallerThan(ctx, between, second, goal, rec)
	if err == nil && a.Method == Prune && a.Out != "" { // while the directory is there: what lies beside the weights is copied from it
		err = transformer.Save(ctx, a.Out, out.Variant, transformer.SaveOptions{Overwrite: a.Overwrite, Recorder: rec})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", second, err), between.Close())
	}
	out.InTurn = &InTurn{First: a.Method, Then: a.Then, Share: a.share(), Between: held}
	out.Warnings = append(left.Warnings, out.Warnings...)
	if a.Method == Prune {
		out.Pruned = left.Pruned // whose model the variant is of
		return out, nil
	}
	out.Allocation = left.Allocation
	return out, between.Close()
}

// smallerThan makes the model smaller until its linears hold no more numbers than goal. Equal ranks count no biases that feature methods add, and leave
// protected linears dense: where that leaves too many numbers, the others lose more.
func (l *Lab) smallerThan(ctx context.Context, m *Model, a Attempt, goal int64, rec gomlxops.Recorder) (*Smaller, error) {
	if a.Method == Prune || cmp.Or(a.Allocate, lowrank.ByUniform) != lowrank.ByUniform {
		return l.smaller(ctx, m, a, rec)
	}
	open, step := a.openTo(m)
	counted := a
	counted.Sequential, counted.Target = "", "" // they change no count
	for {
		out, err := l.smaller(ctx, m, counted, rec)
		if err != nil {
			return nil, err
		}
		excess := float64(out.Variant.LinearParams() - goal)
		switch {
		case excess > 0:
			counted.Ratio += max(excess/open, step) // where this ends at 1 or leaves a linear no rank, that is an error
		case a.Sequential == "":
			return out, nil
		default:
			a.Ratio = counted.Ratio
			return l.smaller(ctx, m, a, rec)
		}
	}
}

// openTo is how many numbers the linears hold that may lose some, and the ratio that a quarter of the smallest step between two ranks makes.
func (a Attempt) openTo(m *Model) (numbers, step float64) {
	numbers, step = 1, 1
	for _, lin := range m.Linears() {
		if !slices.Contains(a.Options.Protect, lin.Kind) && !slices.Contains(a.Options.ProtectLinears, lin.Name) {
			numbers += float64(lin.Params())
			step = min(step, float64(max(1, a.Options.Multiple)*(lin.Out+lin.In))/float64(4*lin.Out*lin.In))
		}
	}
	return numbers, step
}

// leftBy does the first of two attempts and opens what it left in dir.
func (l *Lab) leftBy(ctx context.Context, m *Model, first Attempt, dir string, rec gomlxops.Recorder) (*Smaller, *Model, error) {
	model := &Model{Name: m.Name, Tokenizer: m.Tokenizer, noTokenizer: m.noTokenizer}
	if first.Method == Prune {
		first.Out = dir
	}
	left, err := l.smaller(ctx, m, first, rec)
	if err != nil {
		return nil, nil, err
	}
	if left.Pruned != nil {
		model.Model = left.Pruned.model
		return left, model, nil
	}
	if err := transformer.Save(ctx, dir, left.Variant, transformer.SaveOptions{Recorder: rec}); err != nil {
		return nil, nil, err
	}
	model.Model, err = transformer.Open(dir)
	return left, model, err
}

// inTurnFacts says what both did together, and each.
func (s *Smaller) inTurnFacts() show.Fragment {
	t, c := s.InTurn, s.Counted
	first, then := 1-float64(t.Between)/float64(c.LinearBefore), 1-float64(c.LinearAfter)/float64(t.Between)
	facts := show.Facts{Title: "Compression and pruning", Items: []show.Fact{
		{Name: "in turn", Value: fmt.Sprintf("%s, then %s", t.First, t.Then)},
		{Name: "removed of decoder linears", Value: c.Removed(), Format: show.Percent},
		{Name: "by " + string(t.First), Value: first, Format: show.Percent},
		{Name: "of the rest by " + string(t.Then), Value: then, Format: show.Percent},
		{Name: "parameters of decoder linears", Value: c.LinearAfter},
		{Name: "before", Value: c.LinearBefore},
		{Name: "parameters", Value: c.After},
	}}
	pruned := s.Pruned.Facts().(show.Facts)
	for _, item := range pruned.Items {
		if strings.HasPrefix(item.Name, "heads kept") || strings.HasPrefix(item.Name, "MLP channels kept") {
			facts.Items = append(facts.Items, item)
		}
	}
	facts.Caption = pruned.Caption
	return facts
}
