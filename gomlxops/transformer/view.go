package transformer

import (
	"fmt"
	"slices"
	"strings"
)

// view is a logical tensor where it lies in a file.
type view struct {
	tensor
	name       string // of the stored tensor, as the file spells it
	shape      []int  // of the logical tensor
	at         int    // where it begins: elements before it, or columns where transposed
	transposed bool   // the stored tensor is [in, columns], and this is [out, in] from column at on
}

// place says which part of a stored tensor a logical one is.
type place struct {
	stored string
	shape  []int // of the part
	at     int   // rows before it, along the part's first axis
	turned bool  // the stored tensor is transposed
}

// placeTensors notes where each logical tensor lies. Those of replaced linears lie by themselves, under their own names.
func (m *Model) placeTensors() {
	m.places = map[string]place{}
	for _, t := range m.config.storedTensors() {
		at := 0
		for i, p := range t.parts {
			if len(t.linears) == 0 || !m.config.apart(t.linears[i]) {
				m.places[p.Name] = place{t.Name, p.Shape, at, t.transposed}
			}
			at += p.Shape[0]
		}
	}
}

// apart says whether the "pare" section lists the linear.
func (c *Config) apart(l Linear) bool {
	_, ok := c.forms[l.Name]
	return ok
}

// spell returns a stored tensor's name as this model's files spell it.
func (m *Model) spell(name string) string {
	if m.bare {
		return strings.TrimPrefix(name, m.config.family().layout.prefix)
	}
	return name
}

// findSpelling notes whether the files leave out the prefix that the family's checkpoints may leave out.
func (m *Model) findSpelling() {
	prefix, embedding := m.config.family().layout.prefix, m.config.embeddingName()
	if _, ok := m.tensors[embedding]; ok || prefix == "" {
		return
	}
	_, m.bare = m.tensors[strings.TrimPrefix(embedding, prefix)]
}

// stored finds a tensor of the files.
func (m *Model) stored(name string) (tensor, error) {
	name = m.spell(name)
	t, ok := m.tensors[name]
	if !ok {
		return tensor{}, fmt.Errorf("%s: tensor %s is missing", m.weightsPath(), name)
	}
	if !widens(t.dtype) {
		return tensor{}, fmt.Errorf("%s: tensor %s: expected dtype F32, F16 or BF16, found %s", t.file.path, name, t.dtype)
	}
	return t, nil
}

// view finds a logical tensor. The head of a tied model is its embedding.
func (m *Model) view(name string) (view, error) {
	if lay := &m.config.family().layout; m.config.TieEmbeddings && name == lay.head+".weight" {
		name = m.config.embeddingName()
	}
	p, ok := m.places[name]
	if !ok {
		p = place{stored: name}
	}
	t, err := m.stored(p.stored)
	if err != nil {
		return view{}, err
	}
	v := view{tensor: t, name: m.spell(p.stored), shape: p.shape, at: p.at, transposed: p.turned}
	if !ok {
		v.shape = t.shape
	}
	if !v.transposed {
		v.at *= Part{Shape: v.shape[min(1, len(v.shape)):]}.Elements()
	}
	return v, nil
}

func (v view) elements() int { return Part{Shape: v.shape}.Elements() }

// read widens the numbers into dst. One that is not finite is an error that names its place in the stored tensor.
func (v view) read(dst []float32) error {
	if v.transposed {
		return v.finite(v.name, v.turn(dst))
	}
	size := dtypeSizes[v.dtype]
	at := widen(v.dtype, dst, v.data[v.at*size:(v.at+len(dst))*size])
	if at >= 0 {
		at += v.at
	}
	return v.finite(v.name, at)
}

// turnRows is how many rows of a transposed tensor are turned together, so that what is written lies in whole cache lines.
const turnRows = 32

// turn widens the columns [at, at+out) of the stored [in, columns] into dst, [out, in]. It returns the index, in the stored tensor,
// of a number that is not finite, or -1.
func (v view) turn(dst []float32) int {
	out, in, columns, size := v.shape[0], v.shape[1], v.tensor.shape[1], dtypeSizes[v.dtype]
	l, buffer := laneTypes[v.dtype], make([]float32, turnRows*out)
	for from := 0; from < in; from += turnRows {
		rows := min(turnRows, in-from)
		for r := range rows {
			begin := (from+r)*columns + v.at
			if bad := widenRange(v.dtype, l, buffer[r*out:(r+1)*out], v.data[begin*size:(begin+out)*size]); bad >= 0 {
				return begin + bad
			}
		}
		for o := range out {
			for r := range rows {
				dst[o*in+from+r] = buffer[r*out+o]
			}
		}
	}
	return -1
}

// assemble puts parts, as read gives them, together as the stored tensor t.
func (t storedTensor) assemble(read func(part int, dst []float32) error) ([]float32, error) {
	all := make([]float32, t.Elements())
	at := 0
	for i, p := range t.parts {
		if !t.transposed {
			if err := read(i, all[at:at+p.Elements()]); err != nil {
				return nil, err
			}
			at += p.Elements()
			continue
		}
		values := make([]float32, p.Elements())
		if err := read(i, values); err != nil {
			return nil, err
		}
		out, in := p.Shape[0], p.Shape[1]
		for r := range in {
			row := all[r*t.Shape[1]+at:][:out]
			for o := range row {
				row[o] = values[o*in+r]
			}
		}
		at += out
	}
	return all, nil
}

// isWeights says whether t holds weights of linears, and not their biases.
func (t storedTensor) isWeights() bool { return strings.HasSuffix(t.Name, ".weight") }

// anyApart says whether one of t's linears is listed by the "pare" section. All of them are then, or Open refuses the model.
func (c *Config) anyApart(t storedTensor) bool { return slices.ContainsFunc(t.linears, c.apart) }
