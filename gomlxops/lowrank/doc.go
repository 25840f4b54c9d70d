// Package lowrank replaces a linear W by a product of two thin matrices, B A of rank r.
//
// Call [DecomposeAll] once for a model, its calibration moments and a [Method]; it makes a [Spectrum] for every decoder
// linear, and [Save] keeps them. Everything after that is cheap: [Spectrum.Factors] slices the factors of any rank,
// [Spectrum.Discarded] tells what a rank leaves out, and [Uniform] and [Energy] give the forms of a whole model, for
// transformer.Model.With.
//
//	spectra, err := lowrank.DecomposeAll(ctx, model, moments, lowrank.FeaturePCM, lowrank.Options{})
//	forms, allocation, err := lowrank.Uniform(spectra, 0.2)
//	small, err := model.With(forms)
//
// # One spectrum, every rank
//
// Each method orders directions by what they carry, energies in descending order, so that the factors of rank r are the first r
// columns of B and the first r rows of A. Most methods scale the weight on one side, take singular vectors and scale back:
// [W S]_r S⁻¹. That is the projection U_r U_rᵀ W on the left singular vectors of W S, and is computed as such (B = U, A = Uᵀ W), so
// that nothing is inverted and no scale of zero, no singular covariance, can do harm.
//
//	method     directions from                           calibration   bias that is added
//	pcm, scm   covariance of the outputs                 moments       keeps the mean; see [Settings]
//	svdllm     W times a square root of Σ x xᵀ           moments       none
//	asvd       W diag(mean |x|)^α                        moments       none
//	svd        W                                         none          none
//	fwsvd_row  diag(√ΣF) W, a weight for each output     Fisher sums   none
//	fwsvd_col  W diag(√ΣF), a weight for each input      Fisher sums   none
//
// On the calibration tokens no method without a bias has a smaller error of the outputs than svdllm, which is scm with Uncentred; scm
// with its bias has no larger one.
//
// # Ratio and rank
//
// The ratio λ is the fraction removed: 0.2 takes a fifth of the linears' weights. [Rank] is ⌊(1−λ) out·in/(out+in)⌋. [Uniform] removes
// λ of every linear, and counts no biases as papers do; [Allocation] counts them, so the fraction that it reports is a little below
// λ. [Energy] has one budget for all linears, in which biases count unless AllocationOptions.FreeBias says not.
//
// # Inputs of a compressed model
//
// The moments are those of the dense model, but a linear reads what the compressed linears before it give. [Sequential] goes through
// the blocks once more and decomposes each with the moments of its real inputs, or keeps A and fits B to them by least
// squares, or both: the closed-form update of SVD-LLM, as an option for every method and allocation.
//
//	forms, allocation, err = lowrank.Sequential(ctx, model, spectra, allocation, sequences, lowrank.SequentialOptions{})
//
// A method is one file: its name, and a type with the method analyse.
package lowrank
