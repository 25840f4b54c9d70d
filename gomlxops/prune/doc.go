// Package prune cuts heads, MLP channels, channels of the residual stream and whole layers out of a model, and writes what is left as a smaller
// model of its own.
//
//  1. [Of] traces a model's own computation and finds what must be cut together: a [Graph] of [Dimension]s, each a list of [Group]s.
//     [Trace] does so for any computation.
//     [Graph.Picture] is what is drawn of it.
//  2. [Scores] say what matters. [Graph.Scores] makes them from package importance's scores of weights; they may come from anywhere.
//  3. [Options.Plan] chooses what is kept of heads and channels, [Options.ChannelPlan] of the residual stream, [Options.LayerPlan] of the layers: a
//     [Plan], which [Plan.Config] turns into the configuration of the smaller model. [Options.Shapes] and [Params] need no scores: sizes beforehand.
//  4. [Cut] writes the model. [Options.Iterate] does so in steps, with new scores before each.
//
// A few lines prune a model:
//
//	weights, err := importance.Taylor(ctx, model.Dense(), sequences, importance.Options{})
//	graph, err := prune.Of(model.Config())
//	scores, err := graph.Scores(model.Config(), weights, prune.Scoring{By: importance.ParamMix})
//	plan, err := prune.Options{Ratio: 0.25, ProtectFirst: 4, ProtectLast: 2}.Plan(model.Config(), scores)
//	err = prune.Cut(ctx, "small", model.Dense(), plan, prune.CutOptions{})
//
// # How the graph is found
//
// The computation is built once more, on a backend that computes nothing and only takes notes. Every index of every axis of every weight begins as
// something of its own; operations then say that two are one (operands of an addition have equal shape) or that one is a pair (an axis of 4,096 that is laid
// out as 32 heads of 128 channels). What remains is what can be cut by itself. No name of a weight and no family is looked at, so a block that nobody has
// described is understood as well. A dimension's [Kind] follows from how the computation uses it: heads are what products of two activations are made for
// one by one. An operation without a rule is an error that names it. Those that mix the indices of an axis (running sums, sorting, padding, the positions of a
// convolution) have a rule along tokens, where nothing of weights runs, and are refused along channels.
//
// The rules by degree of the structural-pruning paper are [Neurons]; they find heads and MLP channels, not the residual stream.
//
// # Ratios
//
// Options.Ratio is LLM-Pruner's: the fraction of the heads and MLP channels of the layers that are not protected. With protected layers, and since heads go whole, less of
// the model goes: count with [Params]. The scopes [Even], [Budget] and [Density] count numbers instead, over the layers that are not protected: matrices, biases, and
// factors as they are held ([Holdings]). So what pruning, low rank and both in sequence leave can be made equal. Factors that hold no fewer numbers than what is left of their
// matrix are multiplied out by [Cut], and counted so.
//
// # What differs from LLM-Pruner's program
//
// With shared key-value heads it adds up scores of query heads that it does not cut together; groups here are what is cut. Ties at a global threshold are cut in order and not all
// at once, so that the number is met. What is kept is rounded up to the multiple that is asked for, and not what is removed down.
//
// # Speed
//
// Milliseconds for sequences of 64 tokens before and after, medians of 11 in turns on an idle machine with two processors, by the fraction of heads and MLP channels that
// goes: pocket, 4 layers of 256 channels, and a model of 8 layers of 1,024.
//
//	                    1 sequence                  8 sequences
//	pocket, 25 %        15.0 → 12.5   1.20 times    56.0 → 48.6    1.15 times
//	pocket, 50 %        14.7 → 10.0   1.48          59.5 → 40.1    1.48
//	1,024, 25 %          284 → 168    1.68         1,323 → 803     1.65
//	1,024, 50 %          270 → 115    2.36         1,074 → 517     2.08
//
//	pare prune MODEL --score l2 --ratio 0.25 --latency
//
// # What it does not do
//
// It does not train what is left (package recovery), and cuts no rows out of the vocabulary and no single channels out of heads, though the graph shows them.
package prune
