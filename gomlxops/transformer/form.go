package transformer

import "fmt"

// Form is how a linear is held.
//
// A form is a list of named parts (matrices and biases) whose values are read one part at a time, so that a form on disk
// needs no memory until it runs. Two forms with equal Name and equal Parts share one graph.
//
// Laws: Params is the number of elements of all Parts; Read fills every element or returns an error.
type Form interface {
	// Name is "dense" (parts weight, then bias where there is one) or "factored" (parts A.weight, B.weight, then B.bias
	// where there is one); an [Adapted] form adds its branches.
	Name() string
	// Size returns the linear's output and input dimension.
	Size() (out, in int)
	// Params counts the numbers held.
	Params() int64
	// Parts lists the matrices and vectors in the order that a graph takes them.
	Parts() []Part
	// Read fills dst with the values of part i, widened to float32, row-major. dst has the part's number of elements.
	Read(i int, dst []float32) error
}

// Part is one matrix or vector of a form.
type Part struct {
	Suffix string // behind the linear's name and a dot: "weight", "A.weight", "B.weight", "B.bias", "bias"
	Shape  []int
}

// Elements counts the part's numbers.
func (p Part) Elements() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Dense holds the whole matrix: y = W x + Bias.
type Dense struct {
	Out, In int
	W       []float32 // [Out, In]
	Bias    []float32 // [Out], or nil
}

// Factored holds a product of two thin matrices: y = B (A x) + Bias.
type Factored struct {
	Rank int
	B    []float32 // [out, Rank]
	A    []float32 // [Rank, in]
	Bias []float32 // [out], or nil
}

var (
	_ Form = (*Dense)(nil)
	_ Form = (*Factored)(nil)
)

// Name returns "dense".
func (d *Dense) Name() string { return formDense }

// Size returns Out and In.
func (d *Dense) Size() (out, in int) { return d.Out, d.In }

// Params returns Out·In, and Out more with a bias.
func (d *Dense) Params() int64 { return int64(len(d.W) + len(d.Bias)) }

// Parts lists weight, then bias where there is one.
func (d *Dense) Parts() []Part { return denseParts(d.Out, d.In, d.Bias != nil) }

// Read copies part i into dst.
func (d *Dense) Read(i int, dst []float32) error { return readPart(d.Parts(), i, dst, d.W, d.Bias) }

// Padded returns factors of a higher rank with the same product: zeros follow. Variants whose factors have one rank share their graphs, whatever
// the ranks behind that. A rank that is no higher returns f itself.
func (f *Factored) Padded(rank int) *Factored {
	if rank <= f.Rank {
		return f
	}
	out, in := f.Size()
	p := &Factored{Rank: rank, B: make([]float32, out*rank), A: make([]float32, rank*in), Bias: f.Bias}
	copy(p.A, f.A)
	for i := range out {
		copy(p.B[i*rank:], f.B[i*f.Rank:(i+1)*f.Rank])
	}
	return p
}

// Name returns "factored".
func (f *Factored) Name() string { return formFactored }

// Size returns the dimensions that follow from the factors; zeros where Rank is not positive.
func (f *Factored) Size() (out, in int) {
	if f.Rank <= 0 {
		return 0, 0
	}
	return len(f.B) / f.Rank, len(f.A) / f.Rank
}

// Params returns r(out+in), and out more with a bias.
func (f *Factored) Params() int64 { return int64(len(f.A) + len(f.B) + len(f.Bias)) }

// Parts lists A.weight, B.weight, then B.bias where there is one.
func (f *Factored) Parts() []Part {
	out, in := f.Size()
	return factoredParts(out, in, f.Rank, f.Bias != nil)
}

// Read copies part i into dst.
func (f *Factored) Read(i int, dst []float32) error {
	return readPart(f.Parts(), i, dst, f.A, f.B, f.Bias)
}

// The names of the forms, as saved.
const (
	formDense    = "dense"
	formFactored = "factored"
)

func denseParts(out, in int, bias bool) []Part {
	parts := []Part{{"weight", []int{out, in}}}
	if bias {
		parts = append(parts, Part{"bias", []int{out}})
	}
	return parts
}

func factoredParts(out, in, rank int, bias bool) []Part {
	parts := []Part{{"A.weight", []int{rank, in}}, {"B.weight", []int{out, rank}}}
	if bias {
		parts = append(parts, Part{"B.bias", []int{out}})
	}
	return parts
}

func readPart(parts []Part, i int, dst []float32, values ...[]float32) error {
	if i < 0 || i >= len(parts) {
		return fmt.Errorf("form has %d parts, part %d was asked for", len(parts), i)
	}
	if len(dst) != len(values[i]) {
		return fmt.Errorf("part %s holds %d values, %d were asked for", parts[i].Suffix, len(values[i]), len(dst))
	}
	copy(dst, values[i])
	return nil
}

// stored is a form whose parts are tensors of the model's files, read when asked for.
type stored struct {
	m      *Model
	linear Linear
	name   string
	parts  []Part
}

var _ Form = (*stored)(nil)

func (s *stored) Name() string        { return s.name }
func (s *stored) Size() (out, in int) { return s.linear.Out, s.linear.In }
func (s *stored) Parts() []Part       { return s.parts }

func (s *stored) Params() int64 {
	var n int64
	for _, p := range s.parts {
		n += int64(p.Elements())
	}
	return n
}

func (s *stored) Read(i int, dst []float32) error {
	if i < 0 || i >= len(s.parts) {
		return fmt.Errorf("form has %d parts, part %d was asked for", len(s.parts), i)
	}
	return s.m.Read(s.linear.Name+"."+s.parts[i].Suffix, dst)
}

// checkForm says what is wrong with f as a form of l: its sizes and its values, where they are in memory.
func checkForm(l Linear, f Form) error {
	switch f := f.(type) {
	case nil:
		return fmt.Errorf("%s: the form is nil", l.Name)
	case *Factored:
		if f == nil {
			return fmt.Errorf("%s: the form is nil", l.Name)
		}
		return f.check(l)
	case *Dense:
		if f == nil {
			return fmt.Errorf("%s: the form is nil", l.Name)
		}
		return f.check(l)
	}
	if out, in := f.Size(); out != l.Out || in != l.In {
		return fmt.Errorf("%s: expected a form of size [%d %d], found [%d %d]", l.Name, l.Out, l.In, out, in)
	}
	return nil
}

func (f *Factored) check(l Linear) error {
	if f.Rank < 1 {
		return fmt.Errorf("%s: expected a rank of at least 1, found %d", l.Name, f.Rank)
	}
	for _, p := range []struct {
		what        string
		values      []float32
		rows, width int
	}{{"B", f.B, l.Out, f.Rank}, {"A", f.A, f.Rank, l.In}} {
		if len(p.values) != p.rows*p.width {
			return fmt.Errorf("%s: expected %s of shape [%d %d], %d values, found %d", l.Name, p.what, p.rows, p.width, p.rows*p.width, len(p.values))
		}
		if err := checkFinite(l.Name+"."+p.what, p.values); err != nil {
			return err
		}
	}
	return checkBias(l, f.Bias)
}

func (d *Dense) check(l Linear) error {
	if d.Out != l.Out || d.In != l.In || len(d.W) != l.Out*l.In {
		return fmt.Errorf("%s: expected a matrix of shape [%d %d], found [%d %d] with %d values", l.Name, l.Out, l.In, d.Out, d.In, len(d.W))
	}
	if err := checkFinite(l.Name, d.W); err != nil {
		return err
	}
	return checkBias(l, d.Bias)
}

func checkBias(l Linear, bias []float32) error {
	if bias == nil {
		return nil
	}
	if len(bias) != l.Out {
		return fmt.Errorf("%s: expected a bias of %d values, found %d", l.Name, l.Out, len(bias))
	}
	return checkFinite(l.Name+" bias", bias)
}
