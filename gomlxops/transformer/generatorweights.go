package transformer

import (
	"fmt"
	"math"

	"github.com/parelab/pare/gomlxops/internal/layer"
	"github.com/parelab/pare/gomlxops/internal/matvec"
)

// stepBlock is one block as a [Generator] uses it.
type stepBlock struct {
	inputNorm, mlpNorm stepNorm
	queryNorm, keyNorm []float32 // [head dim]; nil where there is none
	linears            map[Kind]*stepLinear
	sees               int // tokens, itself among them; 0: all
}

// window is how many of n tokens the last one sees.
func (b *stepBlock) window(n int) int {
	if b.sees == 0 {
		return n
	}
	return min(b.sees, n)
}

// stepNorm is a norm; bias is nil in an RMSNorm.
type stepNorm struct{ scale, bias []float32 }

// stepMatrix is a matrix [out, in], or the transpose of one.
type stepMatrix struct {
	matvec.Matrix
	transposed bool
}

func (m stepMatrix) times(y, x []float32) {
	if m.transposed {
		m.TransposedTimes(y, x)
		return
	}
	m.Times(y, x)
}

// outputs is the number of rows of the matrix that m stands for.
func (m stepMatrix) outputs() int {
	if m.transposed {
		return m.Cols
	}
	return m.Rows
}

// stepLinear is a linear: its matrices in the order that they are applied in, a bias or nil, and the branches beside it.
type stepLinear struct {
	matrices []stepMatrix
	bias     []float32
	sides    []*Side
}

// times returns the linear's output.
func (s *stepLinear) times(x []float32) []float32 {
	in := x
	for i, m := range s.matrices {
		y := make([]float32, m.outputs())
		m.times(y, x)
		s.beside([]string{"A", "B"}[i], y, x)
		x = y
	}
	if s.bias != nil {
		addTo(x, s.bias)
	}
	s.beside("", x, in)
	return x
}

// beside adds to y what the branches at a place make of x.
func (s *stepLinear) beside(at string, y, x []float32) {
	for _, side := range s.sides {
		if side.At == at {
			side.addTimes(y, x)
		}
	}
}

// addTimes adds to y what the branch makes of x.
func (s *Side) addTimes(y, x []float32) {
	z, b := make([]float32, s.Rank), make([]float32, len(y))
	matvec.Of(s.A, s.Rank, len(x)).Times(z, x)
	for i := range z {
		if s.Subspace() {
			z[i] *= s.Inner[i]
		} else {
			z[i] *= s.Scale
		}
	}
	matvec.Of(s.B, len(y), s.Rank).Times(b, z)
	for i := range b {
		if s.Subspace() {
			b[i] *= s.Outer[i]
		}
		y[i] += b[i]
	}
}

// load finds all weights: matrices where they lie in the files, or in a form's memory; norms and biases are read.
func (g *Generator) load() (err error) {
	c, m := g.c, g.v.m
	for _, t := range c.embeddings() {
		table, err := m.view(t.Name)
		if err != nil {
			return err
		}
		g.tables = append(g.tables, table)
	}
	g.blocks = make([]stepBlock, c.Layers)
	for l := range g.blocks {
		if err := g.loadBlock(l); err != nil {
			return err
		}
	}
	if g.final, _, err = g.loadNorm(c.finalNorm()); err != nil {
		return err
	}
	g.head, err = g.mapped(c.head().Name)
	return err
}

func (g *Generator) loadBlock(l int) (err error) {
	c, b := g.c, &g.blocks[l]
	b.linears = map[Kind]*stepLinear{}
	if l < len(c.Positions.Windows) {
		b.sees = c.Positions.Windows[l]
	}
	norms := c.blockNorms(l)
	if b.inputNorm, norms, err = g.loadNorm(norms); err != nil {
		return err
	}
	if b.mlpNorm, norms, err = g.loadNorm(norms); err != nil {
		return err
	}
	if c.Block.QKNorm {
		if b.queryNorm, _, err = g.v.m.Float32(norms[0].Name); err != nil {
			return err
		}
		if b.keyNorm, _, err = g.v.m.Float32(norms[1].Name); err != nil {
			return err
		}
	}
	for _, k := range c.Kinds() {
		linear := c.linear(l, k)
		if b.linears[k], err = g.loadLinear(linear); err != nil {
			return fmt.Errorf("%s: %w", linear.Name, err)
		}
	}
	return nil
}

// loadNorm reads a norm from the front of the tensors that are listed, and returns the others.
func (g *Generator) loadNorm(tensors []TensorShape) (n stepNorm, rest []TensorShape, err error) {
	if n.scale, _, err = g.v.m.Float32(tensors[0].Name); err != nil || !g.c.Block.LayerNorm {
		return n, tensors[1:], err
	}
	n.bias, _, err = g.v.m.Float32(tensors[1].Name)
	return n, tensors[2:], err
}

// loadLinear finds the parts of a linear, in the order of its form.
func (g *Generator) loadLinear(l Linear) (*stepLinear, error) {
	s, form := &stepLinear{}, g.v.held(l)
	if adapted, ok := form.(*Adapted); ok {
		s.sides, form = adapted.Sides, adapted.Base
	}
	for i, p := range form.Parts() {
		if _, ok := form.(*stored); ok && len(p.Shape) == 2 {
			m, err := g.mapped(l.Name + "." + p.Suffix)
			if err != nil {
				return nil, err
			}
			s.matrices = append(s.matrices, m)
			continue
		}
		values, err := inMemory(form, i, p)
		if err != nil {
			return nil, err
		}
		if len(p.Shape) == 1 {
			s.bias = values
			continue
		}
		s.matrices = append(s.matrices, stepMatrix{Matrix: matvec.Of(values, p.Shape[0], p.Shape[1])})
	}
	return s, nil
}

// inMemory returns part i of a form: its own memory where it has it, else a copy.
func inMemory(form Form, i int, p Part) ([]float32, error) {
	switch f := form.(type) {
	case *Dense:
		return [][]float32{f.W, f.Bias}[i], nil
	case *Factored:
		return [][]float32{f.A, f.B, f.Bias}[i], nil
	}
	values := make([]float32, p.Elements())
	return values, form.Read(i, values)
}

// mapped finds a matrix of the files.
func (g *Generator) mapped(name string) (stepMatrix, error) {
	v, err := g.v.m.view(name)
	if err != nil {
		return stepMatrix{}, err
	}
	out, in, size := v.shape[0], v.shape[1], dtypeSizes[v.dtype]
	m := stepMatrix{matvec.Matrix{DType: v.dtype, Rows: out, Cols: in, Stride: in, Data: v.data[v.at*size:]}, v.transposed}
	if v.transposed {
		m.Rows, m.Cols, m.Stride = in, out, v.tensor.shape[1]
	}
	if err := m.Check(); err != nil {
		return stepMatrix{}, fmt.Errorf("%s: tensor %s: %w", v.file.path, v.name, err)
	}
	return m, nil
}

// apply writes the norm of x to y.
func (n stepNorm) apply(c *Config, y, x []float32) {
	mean := 0.0
	if n.bias != nil {
		for _, v := range x {
			mean += float64(v)
		}
		mean /= float64(len(x))
	}
	square := 0.0
	for _, v := range x {
		square += (float64(v) - mean) * (float64(v) - mean)
	}
	r := 1 / math.Sqrt(square/float64(len(x))+c.NormEps)
	for i, v := range x {
		y[i] = float32((float64(v)-mean)*r) * n.scale[i]
	}
	if n.bias != nil {
		addTo(y, n.bias)
	}
}

// headNorm is an RMSNorm over the channels of each head of x, in place.
func headNorm(c *Config, x, scale []float32) {
	for ; len(x) > 0; x = x[c.HeadDim:] {
		stepNorm{scale: scale}.apply(c, x[:c.HeadDim], x[:c.HeadDim])
	}
}

// layerRotary gives the rotation of each position. The frequencies are worked out once, but for dynamic scaling.
type layerRotary struct {
	known  bool
	rotary layer.Rotary
}

// quarterTurns are the rotation at one position.
type quarterTurns struct {
	layer.Rotary
	cos, sin []float32
}

func (r *layerRotary) at(c *Config, t int) quarterTurns {
	if !r.known || c.Positions.Scaling.Type == scaleDynamic {
		r.known, r.rotary = true, c.rotary(t+1)
	}
	q := quarterTurns{r.rotary, make([]float32, len(r.rotary.Freq)), make([]float32, len(r.rotary.Freq))}
	scale := 1.0
	if r.rotary.Scale != 0 {
		scale = r.rotary.Scale
	}
	for j, f := range r.rotary.Freq {
		sin, cos := math.Sincos(float64(t) * f)
		q.cos[j], q.sin[j] = float32(scale*cos), float32(scale*sin)
	}
	return q
}

// apply turns every head of x, in place.
func (q quarterTurns) apply(x []float32, hd int) {
	for ; len(x) > 0; x = x[hd:] {
		for j := range q.cos {
			a, b := q.Pair(j)
			x[a], x[b] = x[a]*q.cos[j]-x[b]*q.sin[j], x[b]*q.cos[j]+x[a]*q.sin[j]
		}
	}
}
