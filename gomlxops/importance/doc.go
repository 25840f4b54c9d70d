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
// # Speed
//
// Tokens per second on an idle machine (two processors with AVX-512, LLaMA shapes of random weights: peer 4 layers of 256 channels, 16 sequences of 256 tokens;
// wide 2 layers of 1,024, 8 of 256, two readings), beside PyTorch 1.13 with the same work on the same machine, two readings:
//
//	                                     peer    wide            PyTorch: peer    wide
//	forward pass with losses             7,859   2,340 2,316
//	and back, nothing asked of it        3,645   1,143 1,055     1,590 2,207     656 700   gradients of all linears by autograd
//	[Collect]: each sequence's squares   2,715     718   682     1,115 1,504     468 564
//	[Taylor]: the same, and all scores   1,895     607   543
//
// So the way there and back takes 2.2 forward passes, 2.0 and 2.2 at 1,024 channels, where at most 3 were asked for; the gradients of single sequences come on top. In processor
// time Taylor takes 1.02 times what Collect does at peer, 1.12 at wide (medians of turns on a busy machine), so that its single reading above is low. What scores at the end cost,
// independent of the number of sequences, has since fallen to a quarter (2,816×1,024 weights: 85 ms of processor time to 23).
//
//	go test ./gomlxops/importance -run - -bench Taylor
//	python3 gomlxops/transformer/testdata/torch_peer.py peer wide --only gradients,squares
//
// # What it does not do
//
// Full matrices are kept on request only ([Options].Keep). Biases are not scored, and a linear must be held dense.
package importance
