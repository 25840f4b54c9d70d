// Package transformer reads, runs and writes decoder-only language models as a stream of blocks.
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
// Resident memory beyond the page cache (RssAnon in /proc/PID/status, looked at ten times a second) at its peak, of commands on a LLaMA of TinyLlama's shape,
// 1.1 billion weights in bfloat16, made by pare model random; passes with more tokens are measured by BenchmarkLarge of package importance:
//
//	pare model info DIR --check                                       7 MiB
//	pare model generate DIR 'Nora went' --max-tokens 8              588 MiB
//	pare model eval DIR --blocks 2 --length 256                     804 MiB
//	pare calibrate DIR --sequences 4 --length 128                   673 MiB
//	pare prune DIR --ratio 0.2 --sequences 2 --length 64          1,562 MiB (Taylor scores, and the smaller model written)
//
// # Files that cannot be trusted
//
// Weight files, indices and configurations may come from anywhere. Whatever is wrong with one is an error that names the file, the tensor or field,
// what was expected and what was found. Nothing is allocated by what a header claims before the file has been seen to hold it, and an index cannot lead outside
// its directory.
//
// # Families
//
// Each has a file of its own, family_….go, that says how its config.json is read and written and which tensor of its checkpoints holds
// what; [Families] lists them. What blocks compute is said by the values of [Config], so a new family is a new file and touches no other,
// unless its blocks compute something new. Everything else speaks of logical tensors: each linear has a matrix [out, in], whether the checkpoint
// holds it by itself, transposed, or in one tensor with others. For most families logical names are the checkpoint's; where a tensor holds
// several linears, each has the tensor's name and its kind: transformer.h.0.attn.c_attn.q_proj. Biases that linears have in the checkpoint
// are theirs: they count in LinearParams, and a form that replaces the linear replaces its bias.
//
//	LLaMA 1 to 3, Vicuna   rotary scaling linear, dynamic, llama3 and yarn; biases if the configuration has them
//	Mistral                sliding windows
//	Qwen2, Qwen2.5         biases on queries, keys and values; windows from some layer on
//	Qwen3                  norms of queries and keys; dense models only
//	ChatGLM2, 3, GLM-4     with model_type "chatglm"; fused matrices, half of each head turns in interleaved pairs
//	GPT-2                  both spellings of names; learned positions, transposed matrices
//	OPT                    learned positions; not the 350M model, whose norms stand behind
//
// LLaMA with as many key heads as query heads and with fewer, GPT-2 in both spellings and ChatGLM are checked against PyTorch's numbers in
// gomlxops/testdata/oracle: residual streams, losses, logits and, of LLaMA, gradients. The others, biases, windows, and each scaling of positions are checked
// against twins in float64 that follow the formulas of Hugging Face's modeling code and read the files by themselves (twin_test.go), gradients by differences.
//
// Layers may differ in heads and MLP channels, as pruned models' do: see [Config.WithShapes].
//
// # Speed
//
// Times PyTorch 1.13's tokens per second, in turns on an idle machine with two processors and AVX-512, float32: the median, the least and the most of eleven rounds, of nine
// at pocket (the shapes are those of bench_test.go; peer is 4 layers of 256 channels, pocket the same with half the key-value heads, wide 2 layers of 1,024):
//
//	         forward with losses    a step of gradient descent
//	peer     2.2 (1.7 to 2.8)       2.3 (1.9 to 2.9)
//	pocket   2.3 (2.0 to 2.8)       2.6 (2.2 to 3.1)
//	wide     1.2 (1.0 to 1.7)       1.2 (0.9 to 1.3)
//
// 2.5 were wanted. What is in the way is the matrix product: PyTorch's forward pass runs at some 40 GFLOP/s at peer and 105 at wide, its step at 41 and 106, so 2.5 times that
// is 100 and 260, while the Go backend's bare products reach 100 to 106 and 119 to 165 at these shapes (BenchmarkProduct), OpenBLAS's 142 and 164, and a loop of nothing
// but fused multiplications of registers 264. At wide, then, no product in float32 is fast enough on such a machine. At peer half of the processor time of a pass is in the
// product's kernel, which by itself, on packed operands in the cache, does 120 to 134 on one processor, as many as registers allow, and 98 to 120 where its results go to
// memory; a seventh is in packing operands, and the rest in all that is not a product. What was tried and moved less than the machine's own noise: the backend's block sizes
// (GOMLX_GO_AVX512_KC and its like), weights as [in, out], the loops of its kernel the other way round, calls of 512 to 4,096 tokens, huge pages, beginning a call as soon as
// another ends. Two calls with one processor each, in the place of both for each product, took 5 to 15 percent less processor time at 256 channels and 10 more at 1,024; the
// backend does not allow its parallelism to be changed while anything runs, so that is not done.
//
//	go test ./gomlxops/transformer -run - -bench 'Forward|Step|Product'
//	python3 gomlxops/transformer/testdata/torch_peer.py peer pocket wide --only forward,step
//
// # What it does not do
//
// Mixtures of experts, encoders, and any setting that would change the arithmetic and is not listed: each is refused by the name of its
// field. No pickled weights, no quantized ones. Of text out: one sequence at a time, its steps on the host.
package transformer
