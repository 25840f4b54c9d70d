package export

import (
	"fmt"

	"github.com/parelab/pare/gomlxops/export/gguf"
)

// Vocabulary is a tokenizer as GGUF files hold it.
type Vocabulary struct {
	Model        string    // "llama" for pieces with scores, "gpt2" for byte-level BPE
	PreTokenizer string    // llama.cpp's name for how text is cut: "default", "gpt-2", "llama-bpe", "qwen2", …
	Tokens       []string  // by id
	Types        []int32   // of each token: 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte
	Scores       []float32 // of "llama"
	Merges       []string  // of "gpt2": "left right", the first to be made first

	BOS, EOS, Unknown, Pad int32 // -1: none
	AddBOS, AddEOS         bool  // put them around texts
	AddSpace               bool  // of "llama": put a space before texts
	ChatTemplate           string
}

// The types of tokens that are written here.
const tokenUnused = 5

// metadata lists what llama.cpp asks for, with the keys of gguf-py's constants.py.
func (g *ggufModel) metadata(t gguf.Type, name string, v *Vocabulary) (gguf.Metadata, error) {
	m := gguf.Metadata{{Key: "general.architecture", Value: g.arch}, {Key: "general.name", Value: name}, {Key: "general.file_type", Value: fileTypes[t]},
		{Key: "general.quantization_version", Value: uint32(2)}}
	put := func(key string, value any) { m = append(m, gguf.Pair{Key: g.arch + "." + key, Value: value}) }
	put("block_count", uint32(g.c.Layers))
	put("context_length", uint32(g.c.MaxPositions))
	put("embedding_length", uint32(g.c.HiddenSize))
	put("vocab_size", uint32(g.c.VocabSize))
	g.putShapes(put)
	if g.c.Block.LayerNorm {
		put("attention.layer_norm_epsilon", float32(g.c.NormEps))
	} else {
		put("attention.layer_norm_rms_epsilon", float32(g.c.NormEps))
	}
	if !g.c.Positions.Learned {
		put("attention.key_length", uint32(g.c.HeadDim))
		put("attention.value_length", uint32(g.c.HeadDim))
		put("rope.dimension_count", uint32(g.turned()))
		put("rope.freq_base", float32(g.c.RopeTheta))
	}
	if s := g.c.Positions.Scaling; s.Type == "linear" || s.Type == "yarn" {
		put("rope.scaling.type", s.Type)
		put("rope.scaling.factor", float32(s.Factor))
		if s.Type == "yarn" {
			put("rope.scaling.original_context_length", uint32(g.original()))
		}
	}
	if g.c.Positions.Scaling.Type == "llama3" { // for us: the table of factors does not say what it was made of
		text, err := scalingText(g.c)
		if err != nil {
			return nil, err
		}
		m = append(m, gguf.Pair{Key: scalingKey, Value: text})
	}
	words, err := g.vocabulary(v)
	return append(m, words...), err
}

// fileTypes are llama.cpp's numbers for what most tensors are held in.
var fileTypes = map[gguf.Type]uint32{gguf.F32: 0, gguf.F16: 1, gguf.Q8_0: 7, gguf.BF16: 32}

// putShapes writes heads and MLP channels, of each layer where they differ.
func (g *ggufModel) putShapes(put func(string, any)) {
	if g.c.Shapes == nil {
		put("attention.head_count", uint32(g.c.Heads))
		put("attention.head_count_kv", uint32(g.c.KVHeads))
		put("feed_forward_length", uint32(g.c.IntermediateSize))
		return
	}
	var heads, groups, channels []int32
	for _, s := range g.c.Shapes {
		heads, groups, channels = append(heads, int32(s.Heads)), append(groups, int32(s.KVHeads)), append(channels, int32(s.MLP))
	}
	put("attention.head_count", heads)
	put("attention.head_count_kv", groups)
	put("feed_forward_length", channels)
}

// turned is how many channels of a head turn.
func (g *ggufModel) turned() int {
	if n := g.c.Positions.Channels; n != 0 {
		return n
	}
	return g.c.HeadDim
}

// original is the length that scaling starts from.
func (g *ggufModel) original() int {
	if n := g.c.Positions.Scaling.Original; n != 0 {
		return n
	}
	return g.c.MaxPositions
}

// vocabulary lists the tokenizer's keys. Rows of the embedding that no token has get names that no text has.
func (g *ggufModel) vocabulary(v *Vocabulary) (gguf.Metadata, error) {
	if v == nil {
		return gguf.Metadata{{Key: "tokenizer.ggml.model", Value: "none"}}, nil
	}
	if len(v.Tokens) > g.c.VocabSize || len(v.Types) != len(v.Tokens) || len(v.Scores) != 0 && len(v.Scores) != len(v.Tokens) {
		return nil, fmt.Errorf("cannot export the tokenizer: expected at most %d tokens, as vocab_size has it, each with a type and a score or none with one; found %d, %d and %d",
			g.c.VocabSize, len(v.Tokens), len(v.Types), len(v.Scores))
	}
	tokens, types, scores := append([]string{}, v.Tokens...), append([]int32{}, v.Types...), append([]float32{}, v.Scores...)
	for id := range g.c.VocabSize {
		switch {
		case id >= len(tokens):
			tokens, types = append(tokens, fmt.Sprintf("[PAD%d]", id)), append(types, tokenUnused)
		case tokens[id] == "":
			tokens[id], types[id] = fmt.Sprintf("[PAD%d]", id), tokenUnused
		}
		if len(scores) > 0 && id >= len(scores) {
			scores = append(scores, unusedScore)
		}
	}
	m := gguf.Metadata{{Key: "tokenizer.ggml.model", Value: v.Model}, {Key: "tokenizer.ggml.pre", Value: v.PreTokenizer},
		{Key: "tokenizer.ggml.tokens", Value: tokens}, {Key: "tokenizer.ggml.token_type", Value: types}}
	if v.Model == "llama" {
		m = append(m, gguf.Pair{Key: "tokenizer.ggml.scores", Value: scores}, gguf.Pair{Key: "tokenizer.ggml.add_space_prefix", Value: v.AddSpace})
	} else {
		m = append(m, gguf.Pair{Key: "tokenizer.ggml.merges", Value: append([]string{}, v.Merges...)})
	}
	for _, special := range []struct {
		key string
		id  int32
	}{{"bos", v.BOS}, {"eos", v.EOS}, {"unknown", v.Unknown}, {"padding", v.Pad}} {
		if special.id >= 0 {
			m = append(m, gguf.Pair{Key: "tokenizer.ggml." + special.key + "_token_id", Value: uint32(special.id)})
		}
	}
	m = append(m, gguf.Pair{Key: "tokenizer.ggml.add_bos_token", Value: v.AddBOS}, gguf.Pair{Key: "tokenizer.ggml.add_eos_token", Value: v.AddEOS})
	if v.ChatTemplate != "" {
		m = append(m, gguf.Pair{Key: "tokenizer.chat_template", Value: v.ChatTemplate})
	}
	return m, nil
}

// unusedScore is that of a token which no text has: below any other, so that it is never the best.
const unusedScore = -1e6
