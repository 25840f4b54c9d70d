// Package tokenizer turns text into token ids and back, as a Hugging Face tokenizer.json asks.
//
//	t, err := tokenizer.Open("models/pocket") // or the path of a tokenizer.json
//	ids := t.Encode("Mira has three red apples.")
//	text := t.Decode(ids) // the same bytes again
//
// # A file's five steps, and where each lives
//
// A tokenizer.json names a normalizer, a pre-tokenizer, a model, a post-processor and a decoder. Each kind that this package
// knows has a file of its own: bytelevel.go (pre-tokenizer and decoder) with the splitting rule in gpt2.go, bpe.go (model),
// template.go (post-processor). Tokens that the file adds beside its model are found in the text first (added.go).
//
// # What it does not do
//
// A file that asks for anything else is refused with an error that names the field; nothing in it is skipped over. There is
// no truncation and no padding (cut ids with datasets.Blocks), no offsets and no sentence pairs.
package tokenizer
