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
// # Speed
//
// LoRA of rank 8 beside every linear of a model of 256 channels and 4 layers, 8 sequences of 256 tokens a step, two cores with AVX-512, in turns with PyTorch
// 1.13 on an idle machine: 5,105 and 4,853 tokens a second against 1,493 and 1,388, which is 3.4 and 3.5 times. Of a step 0.05 percent is the
// loop's, outside of the compiled graph.
//
//	go test -run - -bench LoRA/f32 ./gomlxops/recovery
//	python3 gomlxops/recovery/testdata/torch_lora_peer.py
//
// # Precision
//
// Matrices are held and multiplied in float32, or in bfloat16 ([TrainOptions]' DType; dtype.go says what is rounded and what is not). bfloat16 is there for
// its memory, on any backend, and for its speed where the processor multiplies in it: the base takes half (6.9 in the place of 13.6 MB, TestBFloat16Memory), and losses
// stay within 0.02 percent of those in float32 for an adapter and 0.2 for a whole model over 12 steps (TestBFloat16). On the Go backend it is slower, whose kernel
// widens every number that it multiplies: a step of the LoRA above took 1.79 seconds of processor time in the place of 1.08 (busy machine, -bench LoRA), and
// a product of 1024 tokens with a [704, 256] matrix 11.0 ms in the place of 7.4 (-bench Product).
//
// A training that keeps its state in a directory goes on after Ctrl-C, kill -9 or a power failure to the same numbers, bit for bit on
// the same machine; keeper.go says how.
//
// The package does not distribute over devices, keep the numbers that it trains in less than float32, or adapt embeddings, norms and heads.
package recovery
