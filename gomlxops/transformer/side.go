package transformer

import (
	"fmt"
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
)

// Side is a branch of low rank beside a linear, which leaves the linear itself as it is: an adapter.
//
//	y = (what the linear makes of x) + s · B (A x)          LoRA: Scale is s
//	y = (what the linear makes of x) + g ∘ B (d ∘ (A x))    subspace form: Inner is d, Outer is g
//
//	symbol  meaning                  shape
//	A       inner matrix             [Rank, in]
//	B       outer matrix             [out, Rank]
//	s       Scale, α/r               scalar
//	d, g    two diagonals            [Rank], [out]
//
// Edward J. Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022, section 4.1. The subspace form is the
// post-training of "Bayesian optimization for low-rank compression" (Bolaco), where A and B are rows and columns of the
// linear's own factors, and only the diagonals are trained.
type Side struct {
	// At is empty for a branch beside the whole linear; "A" or "B" for one beside that factor of a factored linear, whose in
	// or out is then the linear's rank.
	At           string
	Rank         int
	A, B         []float32
	Scale        float32   // of LoRA
	Inner, Outer []float32 // of the subspace form; nil in LoRA
}

// Subspace says whether the branch is of the subspace form; otherwise it is LoRA.
func (s *Side) Subspace() bool { return s.Inner != nil || s.Outer != nil }

// kind names the branch in the name of a form: "lora", "lora.B", "subspace".
func (s *Side) kind() sideKind { return sideKind{s.Subspace(), s.At} }

// Parts lists what a graph takes, named from the linear: "lora_A.weight", "lora_B.weight" and "lora_scale", or "subspace_A.weight",
// "subspace_B.weight", "subspace_inner" and "subspace_outer"; beside a factor with its letter and a dot before.
func (s *Side) Parts() []Part {
	out, in := 0, 0
	if s.Rank > 0 {
		out, in = len(s.B)/s.Rank, len(s.A)/s.Rank
	}
	return s.kind().parts(out, in, s.Rank)
}

// Values are the numbers of Parts, in their order; changing them changes the branch, but for the scale.
func (s *Side) Values() [][]float32 {
	if s.Subspace() {
		return [][]float32{s.A, s.B, s.Inner, s.Outer}
	}
	return [][]float32{s.A, s.B, {s.Scale}}
}

// Params counts the numbers held, a scale not among them.
func (s *Side) Params() int64 { return int64(len(s.A) + len(s.B) + len(s.Inner) + len(s.Outer)) }

// sideKind is what a graph must know of a branch.
type sideKind struct {
	subspace bool
	at       string
}

// sideKinds are all there are, in the order in which [Weights] are searched for them.
var sideKinds = []sideKind{{false, ""}, {false, "A"}, {false, "B"}, {true, ""}}

func (k sideKind) String() string {
	name := "lora"
	if k.subspace {
		name = "subspace"
	}
	if k.at != "" {
		name += "." + k.at
	}
	return name
}

// count is the number of parts.
func (k sideKind) count() int { return len(k.parts(0, 0, 0)) }

func (k sideKind) parts(out, in, rank int) []Part {
	prefix := ""
	if k.at != "" {
		prefix = k.at + "."
	}
	if k.subspace {
		return []Part{{prefix + "subspace_A.weight", []int{rank, in}}, {prefix + "subspace_B.weight", []int{out, rank}},
			{prefix + "subspace_inner", []int{rank}}, {prefix + "subspace_outer", []int{out}}}
	}
	return []Part{{prefix + "lora_A.weight", []int{rank, in}}, {prefix + "lora_B.weight", []int{out, rank}}, {prefix + "lora_scale", []int{1}}}
}

// maskName is the weight, where there is one, that the branch's input is multiplied by: dropout.
func (k sideKind) maskName(linear string) string {
	if k.at != "" {
		linear += "." + k.at
	}
	return linear + maskSuffix
}

const maskSuffix = ".side_mask"

// SideMask names the weight of [Weights], [tokens, in], that multiplies the input of a branch of the linear; at is as in [Side].
// It is how dropout comes into a graph.
func SideMask(linear, at string) string { return sideKind{at: at}.maskName(linear) }

// branch is a side inside a graph.
type branch struct {
	sideKind
	parts []*Node
	mask  *Node // nil is none
}

// splitForm cuts the name of a form into that of its base and the branches.
func splitForm(name string) (base string, kinds []sideKind) {
	base, rest, _ := strings.Cut(name, "+")
	for word := range strings.SplitSeq(rest, "+") {
		at := slices.IndexFunc(sideKinds, func(k sideKind) bool { return k.String() == word })
		if at >= 0 {
			kinds = append(kinds, sideKinds[at])
		}
	}
	return base, kinds
}

// takeOperand makes an operand of a form's parts: the base's, then those of each branch.
func takeOperand(h held, parts []*Node) operand {
	base, kinds := splitForm(h.form)
	o := operand{form: base}
	rest := len(parts)
	for _, k := range kinds {
		rest -= k.count()
	}
	o.parts, parts = parts[:rest], parts[rest:]
	for _, k := range kinds {
		o.sides = append(o.sides, branch{k, parts[:k.count()], nil})
		parts = parts[k.count():]
	}
	return o
}

// beside adds to y, made of x by a linear or by its factor at, what the branches there make of x.
func (d *decoder) beside(o operand, at string, x, y *Node) *Node {
	for _, s := range o.sides {
		if s.at == at {
			y = Add(y, d.branch(s, x))
		}
	}
	return y
}

func (d *decoder) branch(s branch, x *Node) *Node {
	if s.mask != nil {
		x = Mul(x, s.mask)
	}
	z := Mul(d.Linear(x, s.parts[0], nil), ExpandLeftToRank(s.parts[2], 2))
	y := d.Linear(z, s.parts[1], nil)
	if s.subspace {
		y = Mul(y, ExpandLeftToRank(s.parts[3], 2))
	}
	return y
}

// factored applies a factored linear and the branches beside its factors.
func (d *decoder) factored(o operand, x, b, a, bias *Node) *Node {
	if len(o.sides) == 0 {
		return d.Factored(x, b, a, bias)
	}
	z := d.beside(o, "A", x, d.Linear(x, a, nil))
	return d.beside(o, "B", z, d.Linear(z, b, bias))
}

// sides finds the branches of linear l, held as o.
func (w Weights) sides(l Linear, o operand) (sides []branch) {
	for _, k := range sideKinds {
		a, ok := w[l.Name+"."+k.parts(0, 0, 0)[0].Suffix]
		if !ok {
			continue
		}
		out, in := l.Out, l.In
		switch k.at {
		case "A":
			out = o.parts[0].Shape().Dim(0)
		case "B":
			in = o.parts[0].Shape().Dim(0)
		}
		s := branch{sideKind: k, mask: w[k.maskName(l.Name)]}
		for _, p := range k.parts(out, in, a.Shape().Dim(0)) {
			s.parts = append(s.parts, w.get(l.Name+"."+p.Suffix, p.Shape...))
		}
		sides = append(sides, s)
	}
	return sides
}

// check says what is wrong with the branch beside linear l, held as base.
func (s *Side) check(l Linear, base Form) error {
	out, in := l.Out, l.In
	if s.At != "" {
		parts := base.Parts()
		if base.Name() != formFactored || s.At != "A" && s.At != "B" || s.Subspace() {
			return fmt.Errorf("%s: expected a branch beside the linear, or LoRA beside factor A or B of a factored one, found one at %q of a %s linear", l.Name, s.At, base.Name())
		}
		p := parts[slices.Index([]string{"A", "B"}, s.At)]
		out, in = p.Shape[0], p.Shape[1]
	}
	if s.Rank < 1 || s.Rank > min(out, in) {
		return fmt.Errorf("%s: expected a branch of rank 1 to %d, found %d", l.Name, min(out, in), s.Rank)
	}
	if v := float64(s.Scale); v-v != 0 {
		return fmt.Errorf("%s: expected a finite scale, found %v", l.Name, s.Scale)
	}
	values := s.Values()
	for i, p := range s.kind().parts(out, in, s.Rank) {
		if len(values[i]) != p.Elements() {
			return fmt.Errorf("%s.%s: expected shape %v, %d numbers, found %d", l.Name, p.Suffix, p.Shape, p.Elements(), len(values[i]))
		}
		if err := checkFinite(l.Name+"."+p.Suffix, values[i]); err != nil {
			return err
		}
	}
	return nil
}
