package covariance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Notation of this package, for one site of dimension d:
//
//	n_k, m_k  tokens of group k, and their mean [d]
//	n, m      tokens of all groups, and their mean [d]
//	S_k       Σ (x − m_k)(x − m_k)ᵀ over the tokens of group k
//	S_W       Σ_k S_k, the scatter within groups (Within)
//	S_B       Σ_k n_k (m_k − m)(m_k − m)ᵀ, the scatter between groups
//
// SCM = (S_W + S_B)/(n − 1), because S_W + S_B is the scatter about m; PCM = (1/K) Σ_k S_k/(n_k − 1) = S_W/(n − K) where all
// K groups have one size. Symmetric matrices are kept packed: the lower triangle row by row, entry (i,j), j ≤ i, at i(i+1)/2+j.

// Moments is the outcome of one calibration: the statistics of every site, and what they were made from.
type Moments struct {
	Model     string // digest of the model, as of transformer.Model.Digest
	Replaced  int    // linears that the calibrated variant held in another form than its directory; 0 for the model as it is
	Data      string // digest of the data, as the caller gave it; may be empty
	Tokens    string // digest of the token ids
	Sequences int    // calibration sequences
	Length    int    // tokens per sequence
	Groups    int    // groups of Sequences/Groups consecutive sequences

	Stats []*Stats // one for each layer and site, in forward order
}

// Stats are the moments of one site. They do not change after [Collect].
type Stats struct {
	Layer   int
	Site    transformer.Site
	Dim     int
	Groups  []Group
	AbsMean []float64 // [Dim] mean of |x| over all tokens
	Within  []float64 // S_W, packed, Dim(Dim+1)/2
}

// Group is the part of the tokens of one group.
type Group struct {
	Count int       // tokens
	Mean  []float64 // [Dim]
}

// Site returns the moments of a site; an error names a layer or site that the moments lack.
func (m *Moments) Site(layer int, site transformer.Site) (*Stats, error) {
	for _, s := range m.Stats {
		if s.Layer == layer && s.Site == site {
			return s, nil
		}
	}
	return nil, fmt.Errorf("moments hold nothing for layer %d, %s", layer, site)
}

// For returns nil where the moments were made from model, and else an error that names both digests.
func (m *Moments) For(model *transformer.Model) error {
	digest, err := model.Digest()
	if err != nil {
		return err
	}
	if digest != m.Model {
		return fmt.Errorf("moments are of another model: expected digest %.16s… of %s, found %.16s…; calibrate this model", digest, model.Dir(), m.Model)
	}
	return nil
}

// Digest names what the moments were made from: model, tokens and groups, not how they were batched. SHA-256, in hex.
func (m *Moments) Digest() string {
	text := fmt.Sprintf("pare moments %s\nmodel %s\nreplaced %d\ntokens %s\nsequences %d length %d groups %d\n",
		fileVersion, m.Model, m.Replaced, m.Tokens, m.Sequences, m.Length, m.Groups)
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// newStats returns moments of nothing.
func newStats(layer int, site transformer.Site, dim, groups int) *Stats {
	s := outline(layer, site, dim, groups)
	s.allocate()
	return s
}

// outline is newStats without arrays.
func outline(layer int, site transformer.Site, dim, groups int) *Stats {
	return &Stats{Layer: layer, Site: site, Dim: dim, Groups: make([]Group, groups)}
}

// allocate gives an outline arrays of zeros.
func (s *Stats) allocate() {
	s.lay(make([]float64, len(s.Groups)*s.Dim), make([]float64, s.Dim), make([]float64, packed(s.Dim)))
}

// lay gives an outline its arrays; means are those of the groups, one after another.
func (s *Stats) lay(means, absMean, within []float64) {
	for k := range s.Groups {
		s.Groups[k].Mean = means[k*s.Dim : (k+1)*s.Dim : (k+1)*s.Dim]
	}
	s.AbsMean, s.Within = absMean, within
}

// packed is the number of entries of a packed symmetric matrix.
func packed(dim int) int { return dim * (dim + 1) / 2 }
