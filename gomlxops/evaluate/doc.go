// Package evaluate measures what a variant is worth and what it costs.
//
//  1. [MeasurePerplexity] gives the perplexity on token blocks, with the protocol it was measured by in the result: a perplexity
//     without data, split, block length, joiner and start token cannot be compared with any other. [Papers] are the protocols
//     of the papers.
//  2. [NewTeacher] keeps what a model predicts, compactly, and [Teacher.Compare] says how far a variant's predictions are from that, in both directions.
//  3. [MeasureChoices] asks multiple-choice questions by log-likelihood and gives acc and acc_norm as lm-evaluation-harness defines them.
//  4. [Distinct] and [Repetition] say how much a generated text repeats itself.
//  5. [Size] counts parameters and bytes, [CountOperations] multiply-accumulates; [MeasureThroughput] and [MeasureLatency] take the time, [CompareLatency] that of several in turns.
//
// All results are plain values with stable JSON keys.
//
// It reads no text and cuts no blocks: the caller does, and says in [Protocol] how. Nothing is skipped: a block or a choice whose loss is not
// finite is an error.
package evaluate
