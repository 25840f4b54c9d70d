package transformer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Derived is a model made of another: of another configuration, and with tensors that are made of the other's.
type Derived struct {
	Config *Config
	// From names the logical tensor of the base that a logical tensor of Config is made of, whose dtype it gets.
	From func(tensor string) string
	// Read fills a logical tensor of Config, row-major. It is called once for each, when its turn to be written comes.
	Read func(tensor string, dst []float32) error
	// Forms holds the linears of Config that are held otherwise; their tensors are not read. A linear of it has a dtype by From of its
	// weight too.
	Forms map[string]Form
}

// SaveDerived writes a derived model as a directory that [Open] reads back, one tensor in memory at a time, with the side files of the
// model that base is a variant of. What is written, and what is left behind on an error, is as for [Save].
func SaveDerived(ctx context.Context, dir string, base *Variant, d Derived, opt SaveOptions) error {
	if err := checkDType(opt.DType, true); err != nil {
		return err
	}
	if err := d.Config.Validate(); err != nil {
		return err
	}
	config := *d.Config
	config.forms = nil
	if opt.DType != "" {
		config.DType = torchNames[opt.DType]
	}
	side, err := base.m.SideFiles()
	if err != nil {
		return err
	}
	linears := make(map[string]Linear)
	for _, l := range config.Linears() {
		linears[l.Name] = l
	}
	for _, name := range slices.Sorted(maps.Keys(d.Forms)) {
		l, ok := linears[name]
		if !ok {
			return fmt.Errorf("cannot save the model: a form of %s, which it has no linear of", name)
		}
		if err := checkForm(l, d.Forms[name]); err != nil {
			return fmt.Errorf("cannot save the model: %w", err)
		}
	}
	written := writer{&config, d, base, opt.DType, false}
	tensors, forms := written.outputs()
	if config.forms = forms; opt.Code != nil && !config.ordinary() {
		written.all = true
		tensors, config.forms = written.outputs()
		config.code = opt.Code.of(&config)
	}
	return save(ctx, dir, &config, tensors, side, opt)
}

// writer lists what is written of a derived model.
type writer struct {
	c     *Config
	d     Derived
	base  *Variant
	dtype string
	all   bool // linears lie each by itself
}

// outputs lists the tensors, and the entries of linears that an ordinary checkpoint cannot hold.
func (w writer) outputs() (all []output, entries map[string]formEntry) {
	entries = make(map[string]formEntry)
	for _, t := range w.c.storedTensors() {
		if !w.apart(t) {
			all = append(all, t.output(w.dtypeOf(t.parts[0].Name), func(part int, dst []float32) error { return w.read(t, part, dst) }))
			continue
		}
		if !t.isWeights() { // a bias goes with its weight
			continue
		}
		for _, l := range t.linears {
			f := w.form(l)
			entries[l.Name] = entryOf(f)
			for i, p := range f.Parts() {
				all = append(all, w.partOutput(l, f, i, p))
			}
		}
	}
	return all, entries
}

// apart says whether a linear of t is held in a form that its family's checkpoints have no room for.
func (w writer) apart(t storedTensor) bool {
	return w.all && t.packed || slices.ContainsFunc(t.linears, func(l Linear) bool {
		f, ok := w.d.Forms[l.Name]
		return ok && (f.Name() != formDense || (len(f.Parts()) > 1) != l.Bias)
	})
}

// read fills part i of t: a tensor of the derived model, or of a form that fits the checkpoint.
func (w writer) read(t storedTensor, part int, dst []float32) error {
	if len(t.linears) > 0 {
		if f, ok := w.d.Forms[t.linears[part].Name]; ok {
			of := 0
			if !t.isWeights() {
				of = 1
			}
			return f.Read(of, dst)
		}
	}
	return w.d.Read(t.parts[part].Name, dst)
}

// form is how linear l is held: as Forms says, or dense.
func (w writer) form(l Linear) Form {
	if f, ok := w.d.Forms[l.Name]; ok {
		return f
	}
	return &derivedForm{w.d.Read, l}
}

func (w writer) partOutput(l Linear, f Form, i int, p Part) output {
	dtype := w.dtypeOf(l.Name + ".weight")
	return output{l.Name + "." + p.Suffix, dtype, p.Shape, func() ([]byte, error) {
		values := make([]float32, p.Elements())
		if err := f.Read(i, values); err != nil {
			return nil, err
		}
		return encode(dtype, values)
	}}
}

// dtypeOf is what a logical tensor is written in.
func (w writer) dtypeOf(tensor string) string {
	if w.dtype != "" {
		return w.dtype
	}
	from := w.d.From(tensor)
	linear := strings.TrimSuffix(strings.TrimSuffix(from, ".weight"), ".bias")
	if at, ok := w.base.m.index[linear]; ok {
		return w.base.m.dtypeOf(w.base.m.linears[at])
	}
	v, err := w.base.m.view(from)
	if err != nil { // Read will say what is wrong
		return "F32"
	}
	return v.dtype
}

// entryOf describes a form for the section "pare".
func entryOf(f Form) formEntry {
	parts := f.Parts()
	e := formEntry{Form: f.Name(), Bias: len(parts[len(parts)-1].Shape) == 1}
	if e.Form == formFactored {
		e.Rank = parts[0].Shape[0]
	}
	return e
}

// derivedForm is a dense linear of a derived model.
type derivedForm struct {
	read   func(tensor string, dst []float32) error
	linear Linear
}

var _ Form = (*derivedForm)(nil)

func (f *derivedForm) Name() string        { return formDense }
func (f *derivedForm) Size() (out, in int) { return f.linear.Out, f.linear.In }
func (f *derivedForm) Params() int64       { return f.linear.Params() }
func (f *derivedForm) Parts() []Part       { return denseParts(f.linear.Out, f.linear.In, f.linear.Bias) }

func (f *derivedForm) Read(i int, dst []float32) error {
	return f.read(f.linear.Name+"."+f.Parts()[i].Suffix, dst)
}
