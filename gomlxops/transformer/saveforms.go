package transformer

import "cmp"

// entries describes the linears that an ordinary checkpoint cannot hold, by name; with apart those too that it holds otherwise than one
// matrix [out, in] by itself.
func (v *Variant) entries(apart bool) map[string]formEntry {
	entries := make(map[string]formEntry)
	for _, t := range v.m.config.storedTensors() {
		if !t.isWeights() || v.keeping(t, apart) != keptApart {
			continue
		}
		for _, l := range t.linears {
			f := v.held(l)
			parts := f.Parts()
			entry := formEntry{Form: f.Name(), Bias: len(parts[len(parts)-1].Shape) == 1}
			if entry.Form == formFactored {
				entry.Rank = parts[0].Shape[0]
			}
			entries[l.Name] = entry
		}
	}
	return entries
}

// keeping says how the linears of a stored tensor are saved.
type keeping int

const (
	keptAsIs  keeping = iota // as in the base
	keptWhole                // in a tensor as the family's checkpoints have it
	keptApart                // each by itself, in whatever form
)

func (v *Variant) keeping(t storedTensor, apart bool) keeping {
	k := keptAsIs
	if apart && t.packed {
		return keptApart
	}
	for _, l := range t.linears {
		f, replaced := v.forms[l.Name]
		if replaced && (f.Name() != formDense || (len(f.Parts()) > 1) != l.Bias) {
			return keptApart
		}
		if replaced {
			k = keptWhole
		}
	}
	return k
}

// outputs lists the variant's tensors in checkpoint order, in the dtype given or, where it is empty, the base's.
func (v *Variant) outputs(dtype string, apart bool) (all []output, err error) {
	for _, t := range v.m.config.storedTensors() {
		switch v.keeping(t, apart) {
		case keptAsIs:
			o, err := v.m.output(t.Name, dtype)
			if err != nil {
				return nil, err
			}
			all = append(all, o)
		case keptWhole:
			all = append(all, v.wholeOutput(t, dtype))
		case keptApart:
			if t.isWeights() { // a bias goes with its weight
				all = append(all, v.apartOutputs(t, dtype)...)
			}
		}
	}
	for i := range all {
		if !apart { // the section and what reads it have names in full
			all[i].name = v.m.spell(all[i].name)
		}
	}
	return all, nil
}

// wholeOutput puts the dense linears of a stored tensor together.
func (v *Variant) wholeOutput(t storedTensor, dtype string) output {
	part := 0
	if !t.isWeights() {
		part = 1
	}
	return t.output(cmp.Or(dtype, v.m.dtypeOf(t.linears[0])), func(i int, dst []float32) error { return v.held(t.linears[i]).Read(part, dst) })
}

// output is a stored tensor put together from its parts.
func (t storedTensor) output(dtype string, read func(part int, dst []float32) error) output {
	return output{t.Name, dtype, t.Shape, func() ([]byte, error) {
		values, err := t.assemble(read)
		if err != nil {
			return nil, err
		}
		return encode(dtype, values)
	}}
}

// apartOutputs lists the linears of a stored tensor by themselves, part by part: the file's own bytes where they lie so in the base,
// otherwise their values in the base's dtype.
func (v *Variant) apartOutputs(t storedTensor, dtype string) (all []output) {
	for _, l := range t.linears {
		f := v.held(l)
		for i, p := range f.Parts() {
			name := l.Name + "." + p.Suffix
			if s, ok := f.(*stored); ok && s.m.config.apart(l) {
				if o, err := s.m.output(name, dtype); err == nil {
					all = append(all, o)
					continue
				}
			}
			dtype := cmp.Or(dtype, v.m.dtypeOf(l))
			all = append(all, output{name, dtype, p.Shape, func() ([]byte, error) {
				values := make([]float32, p.Elements())
				if err := f.Read(i, values); err != nil {
					return nil, err
				}
				return encode(dtype, values)
			}})
		}
	}
	return all
}

// dtypeOf returns the dtype in which the model's files hold linear l, in whatever form.
func (m *Model) dtypeOf(l Linear) string {
	name := l.Name + ".weight"
	if f, ok := m.forms[l.Name]; ok {
		name = l.Name + "." + f.Parts()[0].Suffix
	}
	v, _ := m.view(name) // Open has found it
	return v.dtype
}
