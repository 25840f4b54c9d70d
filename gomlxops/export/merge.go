package export

import (
	"fmt"
	"maps"
	"slices"

	"github.com/parelab/pare/gomlxops/transformer"
)

// derived is the model with its factors multiplied out.
func (s *source) derived() (transformer.Derived, error) {
	c, err := s.dense()
	return transformer.Derived{
		Config: c,
		From:   func(tensor string) string { return tensor },
		Read:   s.read,
	}, err
}

// dense is the configuration of the multiplied-out model. Where factors brought biases along that it does not say, they become those that
// its family can have, zero where a linear has none.
func (s *source) dense() (*transformer.Config, error) {
	c := s.v.Model().Config()
	missing := s.missing(c)
	if len(missing) == 0 {
		return c, nil
	}
	wider := *c
	if c.ModelType == "mistral" || c.ModelType == "qwen2" {
		asLlama(&wider)
	}
	for _, k := range missing {
		group, err := biasGroup(&wider, k)
		if err != nil {
			return nil, err
		}
		wider.Block.Biases = union(wider.Block.Biases, group)
	}
	if wider.ModelType == "llama" { // one switch for all of attention
		for _, group := range biasGroups["llama"] {
			if slices.ContainsFunc(group, func(k transformer.Kind) bool { return slices.Contains(wider.Block.Biases, k) }) {
				wider.Block.Biases = union(wider.Block.Biases, group)
			}
		}
	}
	return &wider, nil
}

// missing lists the kinds that have a bias which c does not say.
func (s *source) missing(c *transformer.Config) (kinds []transformer.Kind) {
	for _, k := range c.Kinds() {
		if s.biases[k] && !slices.Contains(c.Block.Biases, k) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// biasGroups lists, for each family, the linears that its configuration gives biases together.
var biasGroups = map[string][][]transformer.Kind{
	"llama": {
		{transformer.Query, transformer.Key, transformer.Value, transformer.Output},
		{transformer.Gate, transformer.Up, transformer.Down},
	},
	"qwen3":   {{transformer.Query, transformer.Key, transformer.Value, transformer.Output}},
	"chatglm": {{transformer.Query, transformer.Key, transformer.Value}, transformer.Kinds},
	"opt":     {{transformer.Query, transformer.Key, transformer.Value, transformer.Output, transformer.Up, transformer.Down}},
}

// biasGroup is the first group that k is in.
func biasGroup(c *transformer.Config, k transformer.Kind) ([]transformer.Kind, error) {
	for _, group := range biasGroups[c.ModelType] {
		if slices.Contains(group, k) {
			return group, nil
		}
	}
	return nil, fmt.Errorf("cannot multiply the factors out: those of %s have a bias, and a stock %s has no room for one; export without merging, which keeps it", k, c.ModelType)
}

// asLlama makes a configuration of a family that differs from LLaMA by its biases and windows only one of LLaMA's, which may have any biases. One
// with windows stays what it is.
func asLlama(c *transformer.Config) {
	if slices.ContainsFunc(c.Positions.Windows, func(w int) bool { return w > 0 }) {
		return
	}
	c.ModelType, c.Architectures, c.Positions.Windows = "llama", []string{"LlamaForCausalLM"}, nil
	c.Rest = maps.Clone(c.Rest)
	for _, field := range []string{"sliding_window", "use_sliding_window", "max_window_layers", "layer_types"} {
		delete(c.Rest, field)
	}
}

// union adds to kinds what is not among them.
func union(kinds, more []transformer.Kind) []transformer.Kind {
	all := slices.Clone(kinds)
	for _, k := range more {
		if !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	return all
}
