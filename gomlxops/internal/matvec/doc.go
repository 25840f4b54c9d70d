// Package matvec multiplies a matrix that lies in a file, in float32, bfloat16 or float16, with one vector: what one step of
// text generation is made of.
//
// Begin with [Matrix], which says where the numbers are, and its methods [Matrix.Times] and [Matrix.TransposedTimes].
//
// Such a product reads every number of the matrix once, so it is as fast as memory is read, and a matrix in 16 bits takes half as long as
// one that was widened before. The same product as a graph of the Go backend is ten times slower and more, since its matrix kernel lays both
// operands out anew. Best of eight runs on two shared cores with AVX-512, n = 2048, go test -bench Times -benchtime 20x:
//
//	bf16 0.58 ms, transposed 0.73 ms    f16 1.25 and 1.30 ms    float32 0.98 and 1.59 ms    graph, float32 9.7 ms
//
// Numbers are not checked for being finite; results are finite only if they are.
package matvec
