package recovery

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Adapter is what is trained beside a model's linears while the model stays as it is: LoRA or the subspace form, never both. It copies none
// of the model but, in the subspace form, the rows and columns that it works in.
type Adapter struct {
	Sides map[string][]*transformer.Side // by linear
	LoRA  *LoRA                          // how it was made; nil for the subspace form
	// Subspace is how it was made, and Index which rows of A and columns of B each linear's branch has; nil for LoRA.
	Subspace *Subspace
	Index    map[string][]int
}

// LoRA says which branches a LoRA adapter has. The zero value works: rank 8 and α 8 beside every linear, as PEFT's defaults.
//
//	y = W x + (α/r) B A dropout(x)    A [r, in], B [out, r]
//
// Edward J. Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022, equation 3.
type LoRA struct {
	Rank    int     // r; 0 is 8
	Alpha   float64 // α; 0 is 8
	Dropout float64 // share of the branch's inputs that a step leaves out
	// Targets are names of linears or their ends behind a dot, as "q_proj"; Pattern is a regular expression that matches whole names, and
	// stands instead of them. Where both are empty every linear is one. A factored linear may also be met by its factors, "q_proj.A" and
	// "q_proj.B".
	Targets []string
	Pattern string
	RSLoRA  bool   // α/√r in the place of α/r: Damjan Kalajdzievski, "A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA", 2023
	Init    string // of A: Kaiming, which empty is too, or Gaussian; B begins with zeros
	// RankPattern and AlphaPattern give some linears another r and α: a key is the name or an end of it behind a dot, which may be a
	// regular expression. The first key in alphabetical order counts.
	RankPattern  map[string]int
	AlphaPattern map[string]float64
	Seed         uint64
	// FanInFanOut says that the base's checkpoint holds matrices as [in, out], as GPT-2's Conv1D does; NewLoRA sets it. PEFT needs to be told where it
	// merges; the adapter's own matrices lie as ever.
	FanInFanOut bool
	Base        string // what adapter_config.json names as the base; empty is the model's directory
}

// The ways to begin A.
const (
	Kaiming  = "kaiming"  // uniform in ±1/√in, which is Kaiming's with a = √5
	Gaussian = "gaussian" // normal with deviation 1/r
)

// Subspace says which branches a subspace adapter has. The zero value works: 64 directions beside every factored linear.
//
//	y = (B A + Λ_b B' Λ_d A') x + bias    A' r' rows of A, B' the same columns of B
//
// Only the diagonals Λ_b [out] and Λ_d [r'] are trained; they begin with 0 and 0.1. Post-training of Bolaco, "Feature-based Low-Rank
// Compression of Large Language Models via Bayesian Optimization", 2024, equation 9.
type Subspace struct {
	Rank    int // r'; 0 is 64, or the linear's rank where that is less
	Dropout float64
	Targets []string // as in LoRA, of which the dense ones are passed over
	Pattern string
	Seed    uint64 // of the rows and columns
}

// mostDirections is the default rank, that of Bolaco's released script.
const mostDirections = 64

// innerStart is where Λ_d begins: not at 0, since Λ_b does, and a product of two zeros has no gradient.
const innerStart = 0.1

// NewLoRA makes an adapter for v, at which it changes nothing yet. A target that matches nothing, a rank above a dimension and an option out of its
// range are errors that name it.
func NewLoRA(v *transformer.Variant, o LoRA) (*Adapter, error) {
	o = o.withDefaults(v)
	if err := o.validate(); err != nil {
		return nil, err
	}
	found, err := findModules(v, o.Targets, o.Pattern)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(idle("rank", o.RankPattern, found), idle("alpha", o.AlphaPattern, found)); err != nil {
		return nil, err
	}
	a := &Adapter{Sides: map[string][]*transformer.Side{}, LoRA: &o}
	for i, m := range found {
		rank, scale, err := o.of(m.name())
		if err != nil {
			return nil, err
		}
		if rank > min(m.out, m.in) {
			return nil, fmt.Errorf("LoRA of %s: expected a rank of at most %d, the lesser dimension of [%d %d], found %d", m.name(), min(m.out, m.in), m.out, m.in, rank)
		}
		s := &transformer.Side{At: m.at, Rank: rank, Scale: scale, A: make([]float32, rank*m.in), B: make([]float32, m.out*rank)}
		random := rand.New(rand.NewPCG(o.Seed, uint64(i)))
		for j := range s.A {
			if o.Init == Gaussian {
				s.A[j] = float32(random.NormFloat64() / float64(rank))
			} else {
				s.A[j] = float32((2*random.Float64() - 1) / math.Sqrt(float64(m.in)))
			}
		}
		a.Sides[m.linear] = append(a.Sides[m.linear], s)
	}
	return a, nil
}

func (o LoRA) withDefaults(v *transformer.Variant) LoRA {
	if o.Rank == 0 {
		o.Rank = 8
	}
	if o.Alpha == 0 {
		o.Alpha = 8
	}
	if o.Init == "" {
		o.Init = Kaiming
	}
	if o.Base == "" {
		o.Base = v.Model().Dir()
	}
	o.FanInFanOut = v.Model().Config().Transposed()
	return o
}

func (o LoRA) validate() error {
	switch {
	case o.Rank < 1:
		return fmt.Errorf("LoRA option Rank: expected at least 1, found %d", o.Rank)
	case !(o.Alpha > 0) || math.IsInf(o.Alpha, 0):
		return fmt.Errorf("LoRA option Alpha: expected above 0, found %v", o.Alpha)
	case !(o.Dropout >= 0 && o.Dropout < 1):
		return fmt.Errorf("LoRA option Dropout: expected at least 0 and below 1, found %v", o.Dropout)
	case o.Init != Kaiming && o.Init != Gaussian:
		return fmt.Errorf("LoRA option Init: expected %s or %s, found %q", Kaiming, Gaussian, o.Init)
	}
	return nil
}

// of returns rank and scale of a module.
func (o LoRA) of(module string) (rank int, scale float32, err error) {
	rank, err = patterned(o.RankPattern, module, o.Rank)
	if err != nil {
		return 0, 0, err
	}
	alpha, err := patterned(o.AlphaPattern, module, o.Alpha)
	if err != nil {
		return 0, 0, err
	}
	if rank < 1 || !(alpha > 0) {
		return 0, 0, fmt.Errorf("LoRA of %s: expected a rank of at least 1 and an α above 0, found %d and %v", module, rank, alpha)
	}
	if o.RSLoRA {
		return rank, float32(alpha / math.Sqrt(float64(rank))), nil
	}
	return rank, float32(alpha / float64(rank)), nil
}

// NewSubspace makes an adapter of the subspace form for the factored linears of v, at which it changes nothing yet.
func NewSubspace(v *transformer.Variant, o Subspace) (*Adapter, error) {
	if !(o.Dropout >= 0 && o.Dropout < 1) || o.Rank < 0 {
		return nil, fmt.Errorf("subspace options: expected Dropout of at least 0 and below 1 and Rank of at least 0, found %v and %d", o.Dropout, o.Rank)
	}
	found, err := findModules(v, o.Targets, o.Pattern)
	if err != nil {
		return nil, err
	}
	a := &Adapter{Sides: map[string][]*transformer.Side{}, Subspace: &o, Index: map[string][]int{}}
	for i, m := range found {
		if m.rank == 0 || m.at != "" {
			continue
		}
		rank := o.Rank
		if rank == 0 {
			rank = min(mostDirections, m.rank)
		}
		if rank > m.rank {
			return nil, fmt.Errorf("subspace of %s: expected a rank of at most %d, that of its factors, found %d", m.linear, m.rank, rank)
		}
		a.Index[m.linear] = rand.New(rand.NewPCG(o.Seed, uint64(i))).Perm(m.rank)[:rank]
		s, err := subspaceSide(m, a.Index[m.linear])
		if err != nil {
			return nil, err
		}
		a.Sides[m.linear] = []*transformer.Side{s}
	}
	if len(a.Sides) == 0 {
		return nil, errors.New("subspace adapter: none of the targets is a factored linear; decompose the model first, or use LoRA")
	}
	return a, nil
}

// subspaceSide takes rows and columns out of a linear's factors.
func subspaceSide(m module, index []int) (*transformer.Side, error) {
	factors, err := readParts(m.form)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.linear, err)
	}
	a, b, rank := factors[0], factors[1], len(index)
	s := &transformer.Side{Rank: rank, B: make([]float32, m.out*rank), Inner: make([]float32, rank), Outer: make([]float32, m.out)}
	for j, k := range index {
		s.A = append(s.A, a[k*m.in:(k+1)*m.in]...)
		s.Inner[j] = innerStart
		for i := range m.out {
			s.B[i*rank+j] = b[i*m.rank+k]
		}
	}
	return s, nil
}

// readParts reads all parts of a form.
func readParts(f transformer.Form) ([][]float32, error) {
	var all [][]float32
	for i, p := range f.Parts() {
		values := make([]float32, p.Elements())
		if err := f.Read(i, values); err != nil {
			return nil, err
		}
		all = append(all, values)
	}
	return all, nil
}

// Params counts the numbers that are trained.
func (a *Adapter) Params() int64 {
	n := int64(0)
	for _, sides := range a.Sides {
		for _, s := range sides {
			if s.Subspace() {
				n += int64(len(s.Inner) + len(s.Outer))
			} else {
				n += s.Params()
			}
		}
	}
	return n
}

// Apply returns v with the adapter beside it, in the place of any other. It moves no weight.
func (a *Adapter) Apply(v *transformer.Variant) (*transformer.Variant, error) {
	return v.Adapt(a.Sides)
}

// dropout is that of the options.
func (a *Adapter) dropout() float64 {
	if a.LoRA != nil {
		return a.LoRA.Dropout
	}
	if a.Subspace != nil {
		return a.Subspace.Dropout
	}
	return 0
}
