package transformer

import (
	"encoding/json/jsontext"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// family describes models of one architecture: how their config.json is read and written and how their checkpoints name
// tensors. What their blocks compute stands in [Config]. A new family is a file that registers one.
type family struct {
	modelType    string   // model_type in config.json
	architecture string   // that goes with it
	also         []string // architectures that are read as the same

	// spelling gives the family's own names of fields, by LLaMA's; "-" for what it does not have. Names that are not in
	// it are LLaMA's.
	spelling map[string]string
	optional map[string]int // sizes that the file may leave out, with what it means then; 0 is for read to fill in. num_key_value_heads always may
	layout   layout

	// read takes the keys that are the family's own. The sizes in spelling are read before it, the rest of the
	// configuration after it.
	read func(f *fields, c *Config)
	// write puts those keys into values, which holds the keys of Rest and the sizes.
	write func(c *Config, values map[string]jsontext.Value)
	// says says whether the family's own keys can say all of c, where pruning changed it. nil: they always can.
	says func(c *Config) bool
}

// layout names the tensors of a family's checkpoints, without ".weight" and ".bias"; %d is the layer. Empty: there is none.
type layout struct {
	prefix string // that some checkpoints leave out of every name but the head's

	embedding, positions string
	inputNorm, mlpNorm   string
	queryNorm, keyNorm   string
	finalNorm, head      string

	// linears says which tensor holds each. Linears in one tensor lie in it one after another, in the order of Kinds.
	linears map[Kind]string
	// transposed: linears lie as [in, out], and those in one tensor side by side.
	transposed bool
}

// families are the known ones, by model_type.
var families = map[string]*family{}

// register makes a family known. It returns something so that a file can call it outside of any function.
func register(f family) bool {
	if families[f.modelType] != nil {
		panic("transformer: family " + f.modelType + " is registered twice")
	}
	families[f.modelType] = &f
	return true
}

// Families lists the values of model_type that can be read, sorted.
func Families() []string { return slices.Sorted(maps.Keys(families)) }

func knownList() string {
	var names []string
	for _, name := range Families() {
		names = append(names, fmt.Sprintf("%q (%s)", name, families[name].architecture))
	}
	return "one of the known families " + strings.Join(names, ", ")
}

// familyOf finds the family that an architecture belongs to.
func familyOf(architectures []string) *family {
	for _, name := range Families() {
		f := families[name]
		for _, a := range architectures {
			if a == f.architecture || slices.Contains(f.also, a) {
				return f
			}
		}
	}
	return nil
}

// family returns c's family. A configuration of an unknown one is a wrong program's.
func (c *Config) family() *family {
	f := families[c.ModelType]
	if f == nil {
		panic(fmt.Sprintf("transformer: a configuration with model_type %q, expected %s", c.ModelType, knownList()))
	}
	return f
}

// spelled returns the family's own name of a field of config.json.
func (f *family) spelled(field string) string {
	if own, ok := f.spelling[field]; ok {
		return own
	}
	return field
}

// called is the name of a field for errors: LLaMA's where the family has none.
func (f *family) called(field string) string {
	if f.has(field) {
		return f.spelled(field)
	}
	return field
}

// has says whether the family's config.json has the field.
func (f *family) has(field string) bool { return f.spelled(field) != "-" }

// name fills a layer into a pattern of the layout.
func (lay *layout) name(pattern string, layer int) string {
	return strings.Replace(pattern, "%d", fmt.Sprint(layer), 1)
}

// fused lists the kinds that lie in one tensor with k, k among them, in their order there.
func (lay *layout) fused(k Kind) []Kind {
	var with []Kind
	for _, other := range Kinds {
		if lay.linears[other] == lay.linears[k] && lay.linears[k] != "" {
			with = append(with, other)
		}
	}
	return with
}

// linear names a linear: by its tensor, and by its kind too where it shares the tensor with others.
func (lay *layout) linear(layer int, k Kind) string {
	name := lay.name(lay.linears[k], layer)
	if len(lay.fused(k)) > 1 {
		name += "." + string(k)
	}
	return name
}
