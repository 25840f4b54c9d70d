// Package matvec multiplies a matrix that lies in a file, in float32, bfloat16 or float16, with one vector: what one step of
// text generation is made of.
//
// Begin with [Matrix], which says where the numbers are, and its methods [Matrix.Times] and [Matrix.TransposedTimes].
//
// Such a product reads every number of the matrix once, so it is as fast as memory is read, and a matrix in 16 bits takes half as long as
// one that was widened before. On the Go backend the same product as a graph is many times slower: its matrix kernel first lays both operands out
// anew. The measurements stand in the benchmark of this package.
//
// Numbers are not checked for being finite; results are finite only if they are.
package matvec
