package importance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Fisher is the diagonal of the empirical Fisher information of every decoder linear, summed along rows and along columns.
//
//	g_n [out, in]   gradient of sequence n's own loss, the mean over its predictions
//	F   [out, in]   (1/N) Σ_n g_n²,  elementwise
//	Row [out]       Σ_j F_ij
//	Col [in]        Σ_i F_ij
//
// (FWSVD, arXiv 2207.00112, section 3. Its row is a row of the transposed weight, our Col.) The square is taken sequence by
// sequence: a batch's own gradient would average signs away.
type Fisher struct {
	Model     string // digest of the model, as of transformer.Model.Digest
	Data      string // digest of the data, as the caller gave it; may be empty
	Tokens    string // digest of the token ids
	Sequences int    // N
	Length    int    // tokens per sequence

	Linears []*Sums // in forward order
}

// Sums are the sums of one linear.
type Sums struct {
	Linear transformer.Linear
	Row    []float64 // [Out]
	Col    []float64 // [In]
}

// Total returns Σ_ij F_ij.
func (s *Sums) Total() float64 {
	sum := 0.0
	for _, v := range s.Row {
		sum += v
	}
	return sum
}

// Of returns the sums of a linear, checked against its size.
func (f *Fisher) Of(lin transformer.Linear) (*Sums, error) {
	for _, s := range f.Linears {
		if s.Linear.Name != lin.Name {
			continue
		}
		if s.Linear != lin {
			return nil, fmt.Errorf("%s: expected Fisher sums of %+v, found those of %+v", lin.Name, lin, s.Linear)
		}
		return s, nil
	}
	return nil, fmt.Errorf("%s: expected Fisher sums of it, found those of %d other linears", lin.Name, len(f.Linears))
}

// For returns nil where the sums were made from model, and else an error that names both digests.
func (f *Fisher) For(model *transformer.Model) error {
	digest, err := model.Digest()
	if err != nil {
		return err
	}
	if digest != f.Model {
		return fmt.Errorf("Fisher sums are of another model: expected digest %.16s… of %s, found %.16s…; collect those of this model", digest, model.Dir(), f.Model)
	}
	return nil
}

// Digest names what the sums were made from: model and tokens. SHA-256, in hex.
func (f *Fisher) Digest() string {
	text := fmt.Sprintf("pare fisher %s\nmodel %s\ntokens %s\nsequences %d length %d\n", fileVersion, f.Model, f.Tokens, f.Sequences, f.Length)
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Salience estimates what each linear of model is worth to the loss, by name, for allocations that weigh linears:
//
//	w = Σ_i Row_i ‖W_i‖² / in,   W_i the rows of the weight
//
// It is Σ_ij F_ij W_ij², twice the second-order rise of the loss on taking the linear out (Optimal Brain Damage with the empirical
// Fisher for the Hessian), with F_ij replaced by its mean along the row, since only sums are kept. A linear that loses the
// fraction ε of its energy is then charged ε·w.
func (f *Fisher) Salience(model *transformer.Model) (map[string]float64, error) {
	if err := f.For(model); err != nil {
		return nil, err
	}
	all := make(map[string]float64, len(f.Linears))
	for _, s := range f.Linears {
		w, _, err := model.Float32(s.Linear.Name + ".weight")
		if err != nil {
			return nil, err
		}
		in, sum := s.Linear.In, 0.0
		for i, row := range s.Row {
			square := 0.0
			for _, v := range w[i*in : (i+1)*in] {
				square += float64(v) * float64(v)
			}
			sum += row * square
		}
		all[s.Linear.Name] = sum / float64(in)
	}
	return all, nil
}
