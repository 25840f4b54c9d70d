// Package evaluate measures what a variant is worth and what it costs.
//
// [MeasurePerplexity] gives the perplexity on token blocks, with the protocol it was measured by in the result: a perplexity
// without data, split, block length, joiner and start token cannot be compared with any other. [Size] counts parameters, and
// [MeasureThroughput] tokens per second. All results are plain values with stable JSON keys.
//
// It reads no text and cuts no blocks: the caller does, and says in [Protocol] how. Nothing is skipped: a block whose loss is not
// finite is an error.
package evaluate
