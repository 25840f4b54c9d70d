// Package covariance collects what calibration text says about the inputs of a model's linears, and derives from it the mean
// and the covariance of any linear's output.
//
// Call [Collect] once per model and text; save its [Moments] with [Moments.Save]. One calibration serves every method:
// since Mean(Wx) = W Mean(x) and Cov(Wx) = W Cov(x) Wᵀ, [Moments.SCM] and [Moments.PCM] answer for any linear, and those that
// read the same site (q, k, v; gate, up) share one covariance. It serves every number of groups too: [Moments.Regroup]
// gives the moments of fewer, larger groups without another pass.
//
// # Groups
//
// The calibration sequences are cut into m groups of consecutive sequences, all of one size. The sample covariance (SCM) is
// taken about the mean of all tokens; the pooled covariance (PCM) is the arithmetic mean over groups of each group's covariance
// about its own mean, with denominator n_k − 1 (Bolaco, arXiv 2405.10616, equation 4). Groups of unequal size would weigh
// tokens unequally, so a number of sequences that m does not divide is an error that names numbers that do; nothing is left
// out in silence.
//
// # Interruption, and several processes
//
// With a [Checkpoint] an interrupted pass, killed or cancelled, continues; what is done again is a few seconds' work, or
// one to four groups' where a group takes longer, or as much as keeps reading weights anew below a twentieth of the time. A calibration split by sequences over processes adds up with [Moments.Merge].
//
// # Cost
//
// A scatter is symmetric and only its lower triangle is computed: d² operations for each token at a site of d channels, beside 2·out·in for each linear.
// In a LLaMA block of hidden size d and middle size f = 2.75 d the sites are three of d and one of f:
//
//	(3 d² + f²) / (2 (4 d² + 3 d f)) = 10.6 d² / 24.5 d² = 43%
//
// of the linears' operations at any d. Attention adds 4·d operations for each pair of tokens to the forward pass: with sequences of 256 tokens the share
// is 37% at d = 256 and 41% at 1,024. So the cost in time does not fall as models grow, unless the scatter's operations are
// cheaper than the forward pass's, and they are: tiles on the host run at about 95 Gflop/s of one processor with AVX-512 where the Go
// backend's products reach 70. A pass over x and the float64 sums take a fifth of the scatter's time at d = 1,024.
//
// Measured in processor time beside the blocks alone, with the scatter on the host, on a machine that thirty other programs shared, so good to a few
// hundredths of the forward pass (median of runs of three to five turns, and the least and the most of them):
//
//	d = 256    31%  (23 to 36, four runs)
//	d = 1,024  32%  (19 to 34, four runs)
//	d = 2,048  36%  (33 and 39, two runs)
//
//	go test -run - -bench Collect -benchtime 5x ./gomlxops/covariance
//
// # Accuracy
//
// Products are float32 of activations about a point near their mean, their sums float32 over 192 tokens and then over a batch of at most 2,048,
// and float64 between batches; scatter.go has the bound. Against float64 throughout, SCMs of 2,048 Gaussian tokens are off by 2e-7 of
// the largest entry, and means by 3e-7 of the largest (TestScatterMatchesTwins bounds both).
//
// # What it does not do
//
// It keeps no m covariances: one matrix per site (the scatter within groups) and m means give SCM and PCM both. It
// takes no statistics of gradients.
package covariance
