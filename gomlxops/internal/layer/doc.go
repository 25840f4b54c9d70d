// Package layer holds the differentiable pieces of a decoder block as GoMLX graph functions.
//
// Start with [For], which chooses the [Style] for a backend, and [Style.NewAttention], which prepares what all layers of one
// graph share. Activations are 2-D, [tokens, width], sequence-major: row s·T+t is token t of sequence s.
//
// Each piece exists in two forms with the same value and the same gradients:
//
//   - plain: ordinary graph operations and GoMLX's own gradient. XLA fuses these, so it gets them, and tests use them as
//     the obvious twin.
//   - manual: the same value with a backward pass written by hand through [CustomVJP]. The pure Go backend runs every
//     operation of a graph as its own pass over memory and transposes slowly, so a backward pass that avoids passes and
//     big transposes makes a training step more than twice as fast.
//
// Every function takes its element type from its arguments: float32 in use, float64 in the tests against reference
// numbers. Wrong shapes panic while the graph is built, as GoMLX's own functions do.
//
// The package knows nothing of files, models or names of weights.
package layer

import (
	"github.com/gomlx/compute"

	"github.com/parelab/pare/gomlxops"
)

// Style says which form of each piece to build. The zero value is the plain form.
type Style struct {
	// Manual chooses hand-written backward passes, made for the pure Go backend.
	Manual bool
}

// For returns the style that is fastest on b.
func For(b compute.Backend) Style { return Style{Manual: gomlxops.IsGo(b)} }
