// Package transformer reads, runs and writes language models of the LLaMA family as a stream of blocks.
//
// Begin with [Open], which maps a directory in Hugging Face layout:
//
//  1. [Open] checks configuration, names, shapes and dtypes, and reads no weights; [Model.Verify] reads them all.
//  2. [Model.Linears] names the matrices that can be replaced, and [Model.Float32] reads one.
//  3. [Model.Dense] is the model as it is; [Model.With] is a [Variant] that holds some linears in another [Form], such as [Factored].
//  4. [Variant.Losses], [Variant.Logits] and [Variant.Stream] run a variant over sequences of tokens, one block's weights at a time;
//     [Variant.Backward] takes them back again, for a [GradientProbe].
//  5. [Variant.Generate] continues a text, and [Variant.Generator] reads one token by token.
//  6. [Config.Loss] is the whole model as one graph, for training; [Config.Init] makes weights to start from.
//  7. [Save], [SaveTensors] and [SaveInit] write a directory that Open reads back.
//
// # Memory
//
// Weights lie in the page cache and are widened to float32 when they are used, so a model may be larger than memory. The files must stay as they
// are while a model is open: cutting one shorter ends the process, as with any mapped file.
//
// # Files that cannot be trusted
//
// Weight files, indices and configurations may come from anywhere. Whatever is wrong with one is an error that names the file, the tensor or field,
// what was expected and what was found. Nothing is allocated by what a header claims before the file has been seen to hold it, and an index cannot lead outside
// its directory.
//
// # What it does not do
//
// No families but those of [Families]: others are refused by name. No pickled weights, no quantized ones. Of text out: one sequence at a time, on
// the host.
package transformer
