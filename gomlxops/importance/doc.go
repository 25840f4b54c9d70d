// Package importance asks a model's gradients which of its weights its loss hangs on.
//
// Call [Collect] once per model and text; save its [Fisher] with [Fisher.Save]. For every decoder linear it holds the row and column
// sums of the empirical Fisher information, which is what weighted decompositions (lowrank.FWSVDRow, lowrank.FWSVDCol) and
// Fisher-weighted allocations read.
//
// # What it does not do
//
// It keeps no full matrices, and no scores of heads and channels yet. It holds one whole graph of the model with its backward
// pass, so that memory grows with depth and length; see [Collect].
package importance
