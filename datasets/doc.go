// Package datasets reads text and cuts it into the token blocks that models are calibrated, trained and measured on.
//
//	corpus, err := datasets.Open("pocket:test")         // or a file, a directory, or org/name in the hub's cache
//	ids := datasets.Tokenize(corpus, tok)               // documents joined by a blank line
//	blocks := datasets.Blocks(ids, 256)                 // consecutive, for perplexity
//	samples, err := datasets.Sample(ids, 128, 256, 13)  // random windows, for calibration
//
// # In order
//
//  1. [Open] or [Read] gives a [Corpus]: documents, and a digest of what was read.
//  2. [Corpus.Split] keeps the last part of every document for validation.
//  3. [Tokenize] makes one sequence of ids with an [Encoder] such as tokenizer.Tokenizer.
//  4. [Blocks] or [Sample] cuts it into sequences of one length; [BlocksOf] is Blocks with an error where there is none.
//  5. [NewBatches] serves sequences in random order, the same batch for the same step.
//
// # What is read
//
// Text is UTF-8: files of text, and the texts of rows in JSON, JSON lines (both with gzip too) and Parquet, as WikiText and C4 come on the hub. Rows have it under text,
// sentence or content. A data set may come in splits; [Splits] tells which. All of a file is in memory at once: of a large data set, name one file.
//
// records reads such rows, instruct makes sequences of instructions and their answers, tasks multiple-choice questions. hub resolves the name of a model or
// data set on the Hugging Face hub to its folder in the local cache, and pulls what is not there.
package datasets
