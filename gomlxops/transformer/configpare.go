package transformer

import (
	"encoding/json/jsontext"
	json "encoding/json/v2"
	"fmt"
)

// pareField is the section of config.json that says how replaced linears are held. A directory that has one also says
// model_type "pare", so that a program that knows nothing of the section refuses the directory; without that, Hugging Face
// transformers would fill the replaced matrices with random numbers and warn at most.
const pareField = "pare"

// pareVersion is raised when an older program could no longer read what is saved.
const pareVersion = 1

type pareSection struct {
	Version       int                  `json:"version"`
	ModelType     string               `json:"model_type"` // of the base
	Architectures []string             `json:"architectures"`
	Linears       map[string]formEntry `json:"linears"`           // by name; the others are held as in the base's checkpoint
	HeadDim       int                  `json:"head_dim,omitzero"` // where layers are given
	Layers        []Shape              `json:"layers,omitempty"`  // of a model whose layers differ, or fit no configuration of its family
	Network       jsontext.Value       `json:"network,omitempty"` // the whole of it, for the program that lies beside; not read back
}

// pareSection is what the section says of c, and whether it is needed.
func (c *Config) pareSection() (pareSection, bool) {
	s := pareSection{Version: pareVersion, ModelType: c.ModelType, Architectures: c.Architectures, Linears: c.forms}
	says := c.family().says
	if c.Shapes != nil || says != nil && !says(c) {
		s.HeadDim = c.HeadDim
		for l := range c.Layers {
			s.Layers = append(s.Layers, c.Shape(l))
		}
	}
	return s, len(c.forms) > 0 || s.Layers != nil
}

// formEntry says how one linear is held.
type formEntry struct {
	Form string `json:"form"`          // "factored" or "dense"
	Rank int    `json:"rank,omitzero"` // of "factored"
	Bias bool   `json:"bias,omitzero"`
}

// pare reads the section, and puts the base's model_type and architectures where [fields.modelType] looks for them.
func (f *fields) pare(c *Config) {
	section := &f.section
	v, ok := f.take(pareField)
	if !ok {
		return
	}
	if err := json.Unmarshal(v, section); err != nil {
		f.fail(pareField, "a section that pare wrote", err.Error())
		return
	}
	if section.Version != pareVersion {
		f.fail(pareField+".version", fmt.Sprint(pareVersion), fmt.Sprint(section.Version))
		return
	}
	if string(f.values["model_type"]) != `"pare"` {
		f.fail("model_type", `"pare", as in every configuration with a section "pare"`, excerpt(f.values["model_type"]))
		return
	}
	c.forms, c.Shapes = section.Linears, section.Layers
	delete(f.values, autoMapField) // names the program beside, which is not part of the model
	f.values["model_type"] = mustJSON(section.ModelType)
	f.values["architectures"] = mustJSON(section.Architectures)
}

// parts lists the tensors that the entry promises for linear l.
func (e formEntry) parts(l Linear) ([]Part, error) {
	switch e.Form {
	case formDense:
		return denseParts(l.Out, l.In, e.Bias), nil
	case formFactored:
		if e.Rank < 1 || e.Rank > mostWidth {
			return nil, fmt.Errorf("%s: expected a rank from 1 to %d, found %d", l.Name, mostWidth, e.Rank)
		}
		return factoredParts(l.Out, l.In, e.Rank, e.Bias), nil
	}
	return nil, fmt.Errorf("%s: expected form %q or %q, found %q", l.Name, formDense, formFactored, e.Form)
}

// mustJSON encodes strings, integers and structs of them, which cannot fail.
func mustJSON(v any) jsontext.Value {
	data, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	return data
}
