// Package export writes a model for other programs, and reads it back to see that nothing was lost.
//
//	result, err := export.HF(ctx, "out/hf", variant, export.Options{})
//	result.Check, err = export.Compare(ctx, variant, opened.Dense(), tokens)
//
// [HF] writes a directory in Hugging Face layout. Where shapes are uniform and matrices whole it is an ordinary checkpoint. Otherwise
// modeling_pare.py goes along, a program for PyTorch that AutoModelForCausalLM.from_pretrained(dir, trust_remote_code=True) loads: factors stay
// factors, and layers keep their sizes.
//
// [GGUF] writes a file for llama.cpp, and [ReadGGUF] makes a model directory of one. Its architectures have no room for factors, nor for every
// model; what it cannot hold is refused with what to do. Layers may differ in a LLaMA, whose file then says architecture "deci".
//
// [ONNX] writes a graph for ONNX Runtime and others, factors and sizes as they are.
//
// [Options.Merge] multiplies factors out, so that stock programs load the result, at the size of the dense model. A bias that a
// factored linear brought along becomes one of the family's where that has room for it.
//
// # What was tried, and what was not
//
// modeling_pare.py has run on PyTorch 1.13, and its classes for transformers against a stand-in that has the parts they use; it was
// written from transformers' public documentation and has not met transformers itself. GGUF files have been read by us and by a reader in NumPy
// written from the format's description, which also ran them as llama.cpp's graphs go; llama.cpp itself has not met them. ONNX graphs have been
// run by an interpreter in NumPy written from the operators' documentation; ONNX Runtime has not met them, and no reader of them is here.
//
// Names were held against the public sources of November 2026:
//
//   - GGUF: every key, tensor and architecture that is written against LLM_KV_NAMES, LLM_TENSOR_NAMES and LLM_ARCH_NAMES of llama.cpp's src/llama-arch.cpp; file
//     types against llama_ftype of include/llama.h (F32 0, F16 1, Q8_0 7, BF16 32); pairs of neighbouring channels for llama, deci and chatglm against
//     llama_rope_type of src/llama-model.cpp.
//   - transformers: version 5 wants _tied_weights_keys to be a mapping and post_init to be called. modeling_pare.py has none of the first, since a
//     tied head is the embedding itself, and calls the second.
//   - ONNX: operator set 17 with IR 8, in which the axes of ReduceMean are an attribute; from set 18 on they are an input.
package export
