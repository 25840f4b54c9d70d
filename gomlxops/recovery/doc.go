// Package recovery trains: a new small model from nothing, or, later, what compression has left of a large one.
//
// Begin with [Train]. It takes a configuration, starting weights by checkpoint name and a function that gives the sequences of each
// step, and returns the trained weights:
//
//  1. [transformer.Config.Init] makes starting weights, or [transformer.Model.Float32] reads them.
//  2. [Train] runs steps: loss, gradients, clipping by their common norm, AdamW ([adamW] has the equations), under a learning rate that
//     warms up and then falls along a cosine ([schedule]).
//  3. [transformer.SaveTensors] writes the result as a model directory.
//
// One graph holds a whole step. Weights and the optimizer's state are its arguments and results, so they stay on the device, and their
// buffers are given up to the step that replaces them. Step count and learning rate are arguments too: nothing is compiled twice.
//
// The package does not distribute over devices, accumulate gradients over batches, or train in less than float32.
package recovery
