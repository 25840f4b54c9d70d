package transformer

import (
	"fmt"
	"maps"
	"slices"
)

// Variant is a model with some of its linears held in another form. Making one copies nothing and leaves the model as it was.
type Variant struct {
	m     *Model
	forms map[string]Form // replaced linears only
}

// Dense returns the model as it lies on disk: nothing replaced beyond what its directory replaces itself.
func (m *Model) Dense() *Variant { return &Variant{m, m.forms} }

// With returns a variant of the model in which the named linears are held in the given forms; the others stay as on disk. A form
// stands for the whole linear: where that has a bias, one without leaves the bias out.
// The forms are not copied: leave them unchanged for as long as the variant is used.
//
// An unknown name, a form of another size and a value that is not finite are errors that name the linear.
func (m *Model) With(forms map[string]Form) (*Variant, error) {
	all := maps.Clone(m.forms)
	if all == nil {
		all = make(map[string]Form, len(forms))
	}
	for _, name := range slices.Sorted(maps.Keys(forms)) {
		l, err := m.Linear(name)
		if err != nil {
			return nil, err
		}
		if err := checkForm(l, forms[name]); err != nil {
			return nil, fmt.Errorf("cannot replace a linear: %w", err)
		}
		all[name] = forms[name]
	}
	return &Variant{m, all}, nil
}

// Model returns the model that v is a variant of.
func (v *Variant) Model() *Model { return v.m }

// Form returns the form that replaces the named linear, and false where the linear is held dense as in the checkpoint.
func (v *Variant) Form(name string) (Form, bool) {
	f, ok := v.forms[name]
	return f, ok
}

// Held returns the form of l, the checkpoint's own where nothing replaces it.
func (v *Variant) Held(l Linear) Form { return v.held(l) }

func (v *Variant) held(l Linear) Form {
	if f, ok := v.forms[l.Name]; ok {
		return f
	}
	return &stored{v.m, l, formDense, denseParts(l.Out, l.In, l.Bias)}
}

// Params counts the numbers of the whole variant: embedding, blocks, norms and head, a tied head once.
func (v *Variant) Params() int64 {
	return v.m.outsideParams() + v.LinearParams()
}

// LinearParams counts the numbers held for decoder linears, as held, biases with them: a factored linear counts r(out+in), and out more
// with a bias.
func (v *Variant) LinearParams() int64 {
	var n int64
	for _, l := range v.m.Linears() {
		n += v.held(l).Params()
	}
	return n
}
