// Package importance scores weights by what a model's loss would lose with them: by their magnitude, by gradients, by the activations that
// they multiply, and at random for comparison.
//
//  1. [Taylor] takes text forward and backward through a model once and gives all scores by gradients, [Magnitudes], [Randoms] and
//     [Activations] the others; each returns [Scores], a vector along the rows and one along the columns of every linear, of embedding and head,
//     and one of every norm. By gradients, embedding and head are scored on request ([Options].Tables).
//     [Scores.Join] puts them into one table, [Scores.Save] into one file.
//  2. A [Group] says which rows and columns of which weights are cut together; [Scores.Channels] scores its channels, [Units] its heads,
//     and [Normalise] makes groups comparable. These are plain functions on numbers; the groups are package prune's to find.
//  3. [Collect] gives the [Fisher] sums of every linear by the same pass: what weighted decompositions (lowrank.FWSVDRow,
//     lowrank.FWSVDCol) and Fisher-weighted allocations read.
//
// # What it does not do
//
// Full matrices are kept on request only ([Options].Keep). Biases are not scored, and a linear must be held dense.
package importance
