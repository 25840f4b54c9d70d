package transformer

import (
	"encoding/json/jsontext"
	json "encoding/json/v2"
	"fmt"
	"os"
	"strconv"
)

// ReadTokens reads sequences of token ids from a JSON file, a list of lists of integers, and checks them with [CheckTokens].
func ReadTokens(path string, c *Config) ([][]int32, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the tokens: %w", err)
	}
	var lists [][]jsontext.Value
	if err := json.Unmarshal(data, &lists); err != nil {
		return nil, fmt.Errorf("%s: invalid JSON: expected a list of sequences of tokens: %w", path, err)
	}
	sequences := make([][]int32, len(lists))
	for s, list := range lists {
		sequences[s] = make([]int32, len(list))
		for i, v := range list {
			id, err := strconv.ParseInt(string(v), 10, 32)
			if err != nil {
				return nil, fmt.Errorf("%s: sequence %d, position %d: expected a token, an integer in the range from 0 to %d, found %s", path, s, i, c.VocabSize-1, excerpt(v))
			}
			sequences[s][i] = int32(id)
		}
	}
	if err := CheckTokens(sequences, c); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return sequences, nil
}

// CheckTokens says which sequence a model of configuration c cannot be run on: there is at least one sequence, none is empty or
// longer than the model has positions, and every token is in the vocabulary.
func CheckTokens(sequences [][]int32, c *Config) error {
	if len(sequences) == 0 {
		return fmt.Errorf("expected sequences of tokens, found no sequence")
	}
	for s, tokens := range sequences {
		if len(tokens) == 0 {
			return fmt.Errorf("sequence %d is empty: expected at least one token", s)
		}
		if len(tokens) > c.Longest() {
			return fmt.Errorf("sequence %d: expected at most %d tokens (max_position_embeddings), found %d; cut it into shorter ones", s, c.Longest(), len(tokens))
		}
		for i, id := range tokens {
			if id < 0 || int(id) >= c.VocabSize {
				return fmt.Errorf("sequence %d, position %d: expected a token in the range from 0 to %d (vocab_size %d), found %d", s, i, c.VocabSize-1, c.VocabSize, id)
			}
		}
	}
	return nil
}
