// Package instruct reads instructions with their answers and makes of them the sequences that a model is tuned on.
//
//		set, err := instruct.Open("alpaca_data_cleaned.json")              // or "pocket", a directory, or org/name in the hub's cache
//		data, err := set.Encode(instruct.Of(tok), instruct.Options{})      // 256 tokens at most, the prompt masked
//		tokens, weights := data.Train.At(step)                             // the batch of a step, the same whenever it is asked for
//
//	 1. [Open] finds the files and reads their rows, or makes pocket's: a [Set] of [Example]s (open.go, files.go, read.go).
//	 2. A [Template] words an example as a prompt and an answer; conversations are worded by the tokenizer's chat template.
//	 3. [Set.Encode] keeps some examples for measuring, encodes, cuts and fills up, and counts what became of them (encode.go, data.go).
//
// # Rows
//
// A row is in Alpaca's form (instruction, input, output; or Dolly's names context and response), a prompt with its completion, or a
// conversation (messages with role and content, or ShareGPT's conversations with from and value). Which it is follows from the names of its
// fields. A field that is missing or of another type, and an answer that is empty, are errors that name file and row.
//
// # As in the papers
//
// LLM-Pruner tunes on yahma/alpaca-cleaned with Alpaca-LoRA's template, 256 tokens, prompts masked, and an end token where it fits; 2,000
// examples are kept for measuring (Ma et al., NeurIPS 2023; post_training.py). It fills up on the left and this package on the right, which is the same to a
// model with rotary positions: what is filled up has weight 0, and stands behind all that has not.
package instruct
