// Package lowrank replaces a linear W by a product of two thin matrices, B A of rank r.
//
// Call [DecomposeAll] once for a model, its calibration moments and a [Method]; it makes a [Spectrum] for every decoder
// linear, and [Save] keeps them. Everything after that is cheap: [Spectrum.Factors] slices the factors of any rank,
// [Spectrum.Discarded] tells what a rank leaves out, and [Uniform] gives the forms of a whole model at one ratio, for
// transformer.Model.With.
//
//	spectra, err := lowrank.DecomposeAll(ctx, model, moments, lowrank.FeaturePCM, lowrank.Options{})
//	forms, allocation, err := lowrank.Uniform(spectra, 0.2)
//	small, err := model.With(forms)
//
// # One spectrum, every rank
//
// Each method orders directions of the output by what they carry: U [out, k] with orthonormal columns and energies in descending
// order. At rank r the linear becomes y ≈ U_r (U_rᵀ W x) + b, so that B = U_r and A = U_rᵀ W are prefixes of what was computed once. The
// feature methods add b = (I − U_r U_rᵀ) ȳ, which keeps the mean of the outputs (Bolaco, arXiv 2405.10616, equation 2).
//
// # Ratio and rank
//
// The ratio λ is the fraction removed: 0.2 takes a fifth of the linear's weights. [Rank] is ⌊(1−λ) out·in/(out+in)⌋. Papers count
// no biases; [Allocation] counts them, so the fraction that it reports is a little below λ.
//
// A method is one file: its name, and a type with the method analyse.
package lowrank
