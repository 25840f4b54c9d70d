// Package tokenizer turns text into token ids and back, as the files beside a model ask.
//
//	t, err := tokenizer.Open("models/pocket") // a directory with tokenizer.json, tokenizer.model, or vocab.json and merges.txt
//	ids := t.Encode("Mira has three red apples.")
//	text := t.Decode(ids) // the same bytes again
//
// EncodeSpecial adds the tokens that the model's family puts around a text, a Stream decodes ids one at a time, and
// ApplyChatTemplate renders a conversation. Train learns a new tokenizer.
//
// # A text's way, and where each step lives
//
//  1. Added tokens are found in the text (added.go). Each stretch between them goes on by itself.
//  2. Normalizers rewrite it (normalizer.go; unicode.go, charsmap.go; spmnormal.go for .model files).
//  3. Pre-tokenizers cut it into pieces (pretokenizer.go; bytelevel.go, metaspace.go, split.go). The usual rules are written out
//     by hand (gpt2.go, words.go); other regular expressions are translated for Go's regexp where that is exact (pattern.go,
//     regex.go) and refused where it is not.
//  4. A model turns each piece into ids: byte-pair encoding over bytes or characters (bpe.go, alphabet.go, merges.go) or Unigram
//     (unigram.go, trie.go). A cache keeps the words seen before (cache.go).
//  5. A post-processor adds special tokens (post.go).
//
// Decoders go the way back (decoder.go, fuse.go; stream.go).
//
// Files are read by open.go, which chooses; file.go and vocab.go (tokenizer.json), spmfile.go and spm.go (SentencePiece's .model),
// pair.go (GPT-2's vocab.json and merges.txt); config.go and spmfamily.go add what tokenizer_config.json and the family's code say.
//
// # Exact, and in linear time
//
// Ids are those of the library that the file was made for: Hugging Face tokenizers for tokenizer.json, SentencePiece for .model.
// Time grows linearly with the text; within a piece that has no break it grows as n log n.
//
// It is written here because no library in Go passed: of sugarme/tokenizer 0.3.0 186 of 196 GPT-2 texts and 128 of 197
// LLaMA-2 texts came out right, in quadratic time, eliben/go-sentencepiece 0.7.0 reads neither LLaMA's .model files nor Unigram,
// go-huggingface's drops spaces and scores, and daulet/tokenizers needs cgo and Rust.
//
// # What it does not do
//
// A file that asks for anything else is refused with an error that names the field: the models WordPiece and WordLevel, BPE with
// dropout, prefixes or suffixes; the normalizers of BERT and NMT; the decoders WordPiece, BPEDecoder and CTC; .model files of
// XLM-RoBERTa's kind, whose code gives pieces other ids, and tiktoken's, which GLM-4 has by that name. Truncation and padding in a file are not read (cut ids with
// datasets.Blocks); there are no offsets, no sentence pairs, no sampling.
package tokenizer
