package prune

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Scope says which units compete for what is kept.
type Scope string

// The scopes; the empty one is Local.
const (
	Local  Scope = "local"  // the units of one layer and kind: every layer loses the same part
	Global Scope = "global" // all units, by number: a head counts for as much as an MLP channel, as in LLM-Pruner

	// Of these the ratio is of the numbers that linears hold, biases and factors counted as they are.
	Even    Scope = "even"    // every layer loses the same part: as many heads as go whole, and channels for the rest
	Budget  Scope = "budget"  // all units compete by their scores
	Density Scope = "density" // all units compete by their scores for each number that they hold
)

// Scopes lists all scopes.
func Scopes() []Scope { return []Scope{Local, Global, Even, Budget, Density} }

// Counts says whether the ratio is of numbers and not of heads and channels.
func (s Scope) Counts() bool { return s == Even || s == Budget || s == Density }

// Options say how much is cut and where; the zero value cuts nothing.
type Options struct {
	Ratio float64 // fraction removed of the heads and of the channels in the layers that may lose some, from 0 to below 1

	ProtectFirst, ProtectLast int // layers that lose nothing, from the front and from the back

	KeepHeads    bool // attention loses nothing
	KeepChannels bool // MLPs lose nothing

	Scope Scope // "" is Local

	// Remove is how many numbers go, in place of Ratio, where the Scope counts them: at least as many, and fewer than the smallest unit more.
	// Steps share it out.
	Remove int
	// Holdings are the linears that are not held as the configuration says, where the Scope counts numbers. [Options.Iterate] sees for itself.
	Holdings  map[string]Holding
	initially map[string]Holding // of the model before the first step; nil is Holdings

	// Round makes what is kept of MLP channels, and of hidden channels, a multiple, rounding up: 8, 16 or 64 for kernels that want it; 0 is 1.
	Round int
	// Steps is into how many steps an iterative schedule divides Ratio; 0 is 1. See [Options.Step].
	Steps int
}

// check refuses what no model could be cut by, for a model of so many layers.
func (o Options) check(layers int) error {
	switch {
	case math.IsNaN(o.Ratio) || o.Ratio < 0 || o.Ratio >= 1:
		return fmt.Errorf("ratio: expected a fraction from 0 to below 1, found %v: at 1 nothing would be left", o.Ratio)
	case o.ProtectFirst < 0 || o.ProtectLast < 0:
		return fmt.Errorf("protected layers: expected numbers of at least 0, found %d and %d", o.ProtectFirst, o.ProtectLast)
	case o.ProtectFirst+o.ProtectLast >= layers:
		return fmt.Errorf("protected layers: expected fewer than the model's %d, found the first %d and the last %d: nothing could be cut", layers, o.ProtectFirst, o.ProtectLast)
	case o.KeepHeads && o.KeepChannels:
		return errors.New("heads and channels are both kept: nothing could be cut")
	case o.Round < 0:
		return fmt.Errorf("round: expected a number of channels, found %d", o.Round)
	case o.Steps < 0:
		return fmt.Errorf("steps: expected a number of at least 1, found %d", o.Steps)
	case o.Scope != "" && !slices.Contains(Scopes(), o.Scope):
		return fmt.Errorf("across: expected one of %q, found %q", Scopes(), o.Scope)
	case o.Remove < 0 || o.Remove > 0 && !o.Scope.Counts():
		return fmt.Errorf("remove: expected a number of at least 0, and a scope that counts numbers where it is not 0; found %d and scope %q", o.Remove, o.Scope)
	}
	return nil
}

// open says whether layer l of so many may lose something.
func (o Options) open(l, layers int) bool { return l >= o.ProtectFirst && l < layers-o.ProtectLast }

// drop is how many of current channels go, in units of so many channels, when a fraction s of what there was at first is to be gone:
//
//	n = current − int(initial·(1−s)), and n/unit whole units
//
// as in LLM-Pruner's program, but for its rounding: there 0.8 of 640 leaves 127, because 1−0.8 is a little below 0.2 in binary.
func drop(initial, current, unit int, s float64) int {
	return max(0, current-int(float64(initial)*(1-s)*(1+rounding))) / unit
}

// rounding makes up for 1−s.
const rounding = 1e-12

// roundUp returns the least multiple of round from n on, but not more than most.
func roundUp(n, round, most int) int {
	if round > 1 {
		n = (n + round - 1) / round * round
	}
	return min(n, most)
}

// Units returns how many heads layer l has that are cut as a whole: key-value heads, each with the query heads that share it; or, where one
// key-value head serves all, query heads.
func Units(c *transformer.Config, l int) (n int, queries bool) {
	s := c.Shape(l)
	if s.KVHeads == 1 {
		return s.Heads, true
	}
	return s.KVHeads, false
}
