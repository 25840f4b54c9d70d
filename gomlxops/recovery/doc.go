// Package recovery trains: a new small model from nothing, or what compression has left of a large one.
//
// Begin with [Recover], which trains an adapter beside a compressed model:
//
//  1. [NewLoRA] or [NewSubspace] makes an [Adapter] for a [transformer.Variant]: branches of low rank beside its linears.
//  2. [Recover] trains it. The model's own weights are read and never changed; nothing is differentiated by them.
//  3. [Adapter.Apply] puts it beside the model and moves no weight, so that several adapters sit on one base; [Adapter.Merge] works it into the
//     weights, and [Unmerge] takes it out again, bit for bit.
//  4. [Adapter.Save] and [LoadAdapter] write and read PEFT's directories.
//
// [TwoSided] trains the factors of a decomposed model themselves, and [Train] all weights of a small one, from [transformer.Config.Init]
// or [transformer.Model.Float32] to [transformer.SaveTensors]. All of them are [Tune] with another [Problem].
//
// A step is loss, gradients, clipping by their common norm and AdamW ([adamW] has the equations), under a learning rate that warms up
// and then falls ([schedule]). One graph holds it. The optimizer's state stays on the device, and its buffers are given up to the step
// that replaces them. Step count and learning rate are arguments: nothing is compiled twice. A batch may be cut into parts whose
// gradients are added ([TrainOptions]' Accumulate), and every block may be computed again on the way back (Recompute): both take less memory and
// come to the same gradient. Alive at the peak of a LoRA step of 16 blocks of 64 channels on 4·64 tokens: 42 MB, and 24 MB with Recompute (TestRecompute).
//
// Everything is computed in float32, whatever the model is held in. On the Go backend bfloat16 is slower: a product of 1024 tokens with a [704, 256]
// matrix took 11.0 ms of processor time in bfloat16 and 7.4 in float32 (two cores with AVX-512; go test -run - -bench Product ./gomlxops/recovery). Frozen weights
// held as bfloat16 and widened block by block were tried with Recompute: 70 MB at the peak where float32 took 75, so they are not.
//
// A training that keeps its state in a directory goes on after Ctrl-C, kill -9 or a power failure to the same numbers, bit for bit on
// the same machine; keeper.go says how.
//
// The package does not distribute over devices, train in less than float32, or adapt embeddings, norms and heads.
package recovery
