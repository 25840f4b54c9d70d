// Package gomlxops makes language models smaller, on GoMLX.
//
// The operations form one stream, a package for each step:
//
//  1. [transformer.Open] maps a model directory; a [transformer.Variant] is the model with some linears held in another form.
//  2. [covariance.Collect] runs calibration text once through the dense model and keeps the moments of every site.
//  3. [lowrank.Decompose] turns moments and weights into one spectrum per linear; every rank is a slice of it.
//  4. [bayesopt.Optimizer] asks for allocations of rank under one budget, and learns from what they measure.
//  5. [importance.Taylor] and its sisters score weights by what the loss would lose with them; [prune.Cut] takes whole heads, channels and layers out.
//  6. [recovery.Train] trains what was chosen to be trained.
//  7. [evaluate.MeasurePerplexity] measures a variant, with its protocol in the result.
//  8. [export.HF] writes it for other programs, and [export.Compare] reads it back.
//
// Dense linear algebra runs on the host in float64, in [linalg].
//
// This root package holds what the steps share: the process's one [Backend] and the [Recorder] that they report to.
// Operations take token batches and return values. They know nothing of datasets, trackers or notebooks.
package gomlxops
