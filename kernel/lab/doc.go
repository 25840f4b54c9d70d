// Package lab joins the rooms: operations, data, and the record, in calls short enough for a notebook cell.
//
// In a cell, begin with [Open]:
//
//	model := lab.Open("pocket")
//	moments := lab.Calibrate(model, lab.Calibration{Text: "pocket"})
//	study := lab.NewStudy("quickstart")
//	study.Try(model, lab.Attempt{Method: "pcm", Ratio: 0.2, Moments: moments})
//	lab.Show(study)
//
// [Study.Search] looks for the best allocation of ranks in few trials, and goes on after any interrupt:
//
//	found := study.Search(model, lab.Search{Attempt: lab.Attempt{Method: "pcm", Ratio: 0.3}, Trials: 20})
//	lab.ShowSearch(found)
//	study.Try(model, found.Attempt())
//
// [Found.Pictures] are its course, what it found, where it looked, which ratios matter, and what its surrogate expects of each; [Found.Trust] tells
// whether to believe that. [Incumbents] compares searches.
//
// It begins with what gradients tell of each linear, and is never worse than that on its own blocks. By divergence from the dense model it tells
// allocations apart on fewer of them than by perplexity.
//
// Method [Prune] cuts heads, MLP channels, channels of the residual stream or layers; [ShowImportance] draws what matters, [Smaller.Lost] what is gone where. Low rank and pruning may
// follow one another, and share one ratio that is counted:
//
//	attempt := lab.Attempt{Method: "svdllm", Then: "prune", Ratio: 0.5, Allocate: "fisher"}
//	lab.Show(study.Try(model, attempt).Lost())
//
// What cannot be done is refused by [Lab.Check] before anything is computed, and is no trial.
//
// # Two faces
//
// A program uses a [Lab]: its methods take a context and return errors. The functions of the package are the same calls for
// cells, on the lab of the working directory: an error is printed and ends the cell with status 1, an interrupt with 130.
//
// # What is kept
//
// A cell is a process and keeps no variables, so what is expensive is kept as files: calibrations, gradients and decompositions lie
// under [Home] in results, each named by the digest of what it was made from (model, text, options, version). The second
// run of a cell reads them back. Every attempt is a trial of the tracker in [TrackerPath]; what it was measured on is part of
// it, and tables and charts show trials of one [Measure] only.
package lab
