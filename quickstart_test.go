package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// ordered reads what `pare trials --json` printed and fails unless the perplexity grows from each METHOD=RATIO to the next.
func ordered(path string, settings []string) int {
	perplexity, err := perplexities(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	before := 0.0
	for _, s := range settings {
		value, ok := perplexity[s]
		fmt.Printf("%s: perplexity %.4f\n", s, value)
		if !ok || !(value > before) {
			fmt.Fprintf(os.Stderr, "%s: perplexity %v is not above %v, that of the setting before it\n", s, value, before)
			return 1
		}
		before = value
	}
	return 0
}

// perplexities returns the last perplexity of every METHOD=RATIO.
func perplexities(path string) (map[string]float64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var listing struct {
		Trials []struct {
			Params struct {
				Method string
				Ratio  float64
			}
			Metrics map[string]struct{ Last float64 }
		}
	}
	if err := json.Unmarshal(data, &listing); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	out := map[string]float64{}
	for _, t := range listing.Trials {
		out[fmt.Sprintf("%s=%g", t.Params.Method, t.Params.Ratio)] = t.Metrics["perplexity"].Last
	}
	return out, nil
}
