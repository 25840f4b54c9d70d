// Package bayesopt searches for the allocation that compresses best, in few trials: a Gaussian process learns from what was measured, and expected
// improvement says what to measure next. Every point asked for meets one budget exactly.
//
// Describe the choice as a [Space], make an [Optimizer], and let it run:
//
//	space := bayesopt.Space{Budget: 0.2, Variables: []bayesopt.Variable{
//		{Name: "v_proj", Weight: 16.8e6},                // equal bounds, 0 and 0: protected
//		{Name: "q_proj", Weight: 16.8e6, Upper: 0.8},    // ratio removed, from 0 to 0.8
//		{Name: "down_proj", Weight: 45.1e6, Upper: 0.8},
//	}}
//	search, err := bayesopt.New(space, bayesopt.Options{Seed: 1, Starts: [][]float64{byEnergy}})
//	best, err := search.Run(ctx, bayesopt.RunOptions{Trials: 50, Workers: 2}, perplexityOf)
//
// or hold the loop in your own hands:
//
//	s, err := search.Ask()               // s.X, one ratio for each variable; s.Mean ± s.Deviation is what is expected
//	err = search.TellAt(s.ID, x, value)  // x is s.X after ranks were rounded; or Tell, Fail, Forget
//
// # Memory
//
// A search is a function of its space, its options and its trials. [Optimizer.Trials] gives these, as JSON if need be, and [New] goes on from them: in
// another process, after a crash, with the same next point to the last bit. A worker that died leaves a pending trial; leave it out, or
// [Optimizer.Forget] it, and its point is free. Trials are numbered from 0 in the order of asking; the randomness of a point comes from the seed and
// its number.
//
// # What Bayes does
//
//  1. The Starts are evaluated, then points of a scrambled Halton sequence until there are Options.Initial trials.
//  2. Values are compressed on their bad side and standardised; a failed trial counts as the worst one seen. (Left as they are, a few terrible allocations
//     hide all other differences: on made-up allocations of 5 variables the search then gained after 50 trials what it now gains after 20.)
//  3. The covariance is Matérn-5/2 ([GP]); one length scale for all variables until there are twice as many trials as variables, then one for each,
//     believed alike. Where variables have a Curve, a Bayesian regression on the curves is added, so that the search begins with what energies tell and
//     corrects it. Hyperparameters are the most probable ones ([Fit]): afresh for each of the first 64 trials, then for each eighth and by a few steps between.
//  4. Points under evaluation count as if they had returned what the model expects (a kriging believer).
//  5. The incumbent is the least posterior mean at a measured point, since measurements are noisy. The logarithm of the expected improvement upon it
//     ([LogExpectedImprovement]) is climbed along the budget surface from the incumbent and the best of 256 candidates; with 9 variables or more, within a box
//     around the incumbent that shrinks with failure and grows with success.
//
// [Optimizer.Surrogate] shows the model: [Surrogate.Predict], [Surrogate.Calibration] (whether to trust it), [Surrogate.Importances],
// [Surrogate.PartialDependence]. [ClearlyWorse] says when a trial may be stopped early.
//
// # Many variables
//
// Prefer groups: one variable for each kind, or each kind and band of layers. Where each linear is to have its own (up to 200), give the
// variables curves, of the energy that each ratio discards; without, 50 trials say little about 196 unknowns, though more than random search does.
//
// # Speed
//
// # What it does not do
//
// It knows no ranks: who evaluates rounds, and tells where. No categorical choices, no other constraints than bounds and one budget, no second
// objective, no multi-fidelity model, no gradients of the objective.
package bayesopt
