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
// # What it does not do
//
// It keeps no m covariances: one matrix per site (the scatter within groups) and m means give SCM and PCM both. It
// takes no statistics of gradients.
package covariance
