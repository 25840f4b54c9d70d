// Package gguf reads and writes GGUF files, version 3, the format of llama.cpp's models: typed metadata and named tensors.
//
//	err := gguf.Write(ctx, "model.gguf", metadata, tensors, nil)
//	f, err := gguf.Open("model.gguf")
//	values := make([]float32, info.Elements())
//	err = f.Read(info, values)
//
// The format is described in https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, blocks of Q8_0 in ggml-common.h of the same.
//
// Metadata of every kind is read and written, versions 2 and 3 are read (they are laid out alike). Tensors are F32, F16, BF16 and Q8_0; others
// are listed and cannot be read. Files may come from anywhere: what is wrong with one is an error that names the file, the key or tensor and the
// place, and nothing is allocated by what a header claims before the file has been seen to hold it.
package gguf
