package covariance

import (
	"errors"
	"fmt"
)

var errTooLarge = errors.New("activations are too large: their squares overflow float32")

// addTokens merges the activations x [tokens, d] of one call into group k of s; first is the sequence of its first token. It is
// what the probe does where the graph hands it x itself.
func (p *probe) addTokens(s *Stats, k, first int, x []float32) error {
	if len(x)%s.Dim != 0 {
		return fmt.Errorf("expected tokens of %d channels, found %d values", s.Dim, len(x))
	}
	for token := 0; len(x) > 0; {
		n := min(len(x)/s.Dim, tokensPerScatter)
		part := x[:n*s.Dim]
		p.scatter.centre(part, s.Dim)
		if !allFinite(p.scatter.absMean) {
			return p.whatIsNotFinite(s.Dim, first, token, part)
		}
		b := batch{count: n, mean: p.scatter.mean, residual: p.scatter.residual, absMean: p.scatter.absMean}
		p.scatter.addTo(s.Within, s.addMeans(k, b))
		token, x = token+n, x[n*s.Dim:]
	}
	for i := range s.Dim {
		if !allFinite(rowOf(s.Within, i)[i:]) {
			return errTooLarge
		}
	}
	return nil
}

// whatIsNotFinite names the first value of x that is not finite; its first token is that many after the start of sequence first.
func (p *probe) whatIsNotFinite(dim, first, token int, x []float32) error {
	for i, v := range x {
		if !finite(v) {
			return p.notFinite(first, token+i/dim)
		}
	}
	return errTooLarge // each is finite, their sum is not
}

func (p *probe) notFinite(first, token int) error {
	return fmt.Errorf("sequence %d, token %d: activations are not finite; check the model with Verify, or leave the sequence out", first+token/p.length, token%p.length)
}
