package importance

import (
	"fmt"
	"math"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Activations scores every linear of v by wanda and flap, from moments that calibration has collected of v's model; no gradients are needed. Norms
// have no inputs in the moments and get no scores.
//
// With σ²_j the variance and μ_j the mean of input channel j over all tokens:
//
//	wanda  Σ |W_ij|·‖x_j‖ along the other axis, ‖x_j‖² = σ²_j + μ_j² (the mean square, where Wanda has the sum: a common factor)
//	flap   σ²_j·Σ_i W_ij², then less its mean and divided by its deviation over the linear's columns; the denominator of σ² is n
//
// FLAP scores columns of o_proj and down_proj; its program squares o_proj's before that, which its paper does not and we do not. (Its running
// variance also leaves out the first sample.) What a pruned column j gave on average, W_ij·μ_j, is FLAP's bias.
//
// Errors: moments of another model, a linear that is not held dense.
func Activations(v *transformer.Variant, moments *covariance.Moments) (*Scores, error) {
	s, err := activations(v, moments)
	if err != nil {
		return nil, fmt.Errorf("cannot score by activations: %w", err)
	}
	return s, nil
}

func activations(v *transformer.Variant, moments *covariance.Moments) (*Scores, error) {
	if err := moments.For(v.Model()); err != nil {
		return nil, err
	}
	s, err := blank(v)
	if err != nil {
		return nil, err
	}
	s.Data, s.Tokens, s.Sequences, s.Length = moments.Data, moments.Tokens, moments.Sequences, moments.Length
	linears := v.Model().Linears()
	for i, w := range s.Weights[:len(linears)] {
		input, err := moments.Input(linears[i])
		if err != nil {
			return nil, err
		}
		values, err := weightOf(v, w)
		if err != nil {
			return nil, err
		}
		square, variance := input.Diagonals()
		if w.By, err = byActivation(values, w, square, variance); err != nil {
			return nil, fmt.Errorf("%s: %w", w.Name, err)
		}
	}
	return s, nil
}

// byActivation scores one linear; square and variance are of its input channels.
func byActivation(values []float32, w *Weight, square, variance []float64) (map[Criterion]Vectors, error) {
	norm := make([]float64, len(square))
	for j, v := range square {
		norm[j] = math.Sqrt(v)
	}
	sums := addUp(w.Rows, w.Columns, 2, func(r int, row []float64, part [][]float64) {
		for c, x := range values[r*w.Columns : (r+1)*w.Columns] {
			wanda, square := math.Abs(float64(x))*norm[c], float64(x)*float64(x)
			row[0], row[1] = row[0]+wanda, row[1]+square
			part[0][c], part[1][c] = part[0][c]+wanda, part[1][c]+square
		}
	})
	columns := sums[1].Columns
	for j := range columns {
		columns[j] *= variance[j]
	}
	columns, err := Normalise(columns, Standardise)
	return map[Criterion]Vectors{Wanda: sums[0], FLAP: {Columns: columns}}, err
}
