package transformer

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
)

// Model is a directory in Hugging Face layout, mapped into memory. Its weights are read when they are asked for.
//
// A Model may be used from several goroutines, until Close.
type Model struct {
	dir     string
	config  *Config
	files   []*mapped
	tensors map[string]tensor // of all files, by name
	bare    bool              // the files leave out the prefix of the family's names
	places  map[string]place  // of logical tensors, by name
	linears []Linear
	index   map[string]int  // linears by name
	forms   map[string]Form // that the directory itself replaces

	digestOnce sync.Once
	digest     string
	digestErr  error

	engine engine // built graphs and widened weights, kept between runs
}

// Open maps the configuration and the weights of the model in dir: model.safetensors, or where there is none the shards that
// model.safetensors.index.json lists. It checks every name, shape and dtype against the configuration and reads no weights;
// [Model.Verify] does.
//
// Errors name the file, the tensor or field, what was expected and what was found. Tensors that the model does not use are
// passed over.
func Open(dir string) (*Model, error) {
	config, err := ReadConfig(filepath.Join(dir, "config.json"))
	if err != nil {
		return nil, err
	}
	m := &Model{dir: dir, config: config, linears: config.Linears()}
	m.index = make(map[string]int, len(m.linears))
	for i, l := range m.linears {
		m.index[l.Name] = i
	}
	if err := m.open(); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *Model) open() (err error) {
	if m.files, m.tensors, err = openWeights(m.dir); err != nil {
		return err
	}
	m.findSpelling()
	m.placeTensors()
	return m.checkTensors()
}

// Close unmaps the files. Nothing of the model may be read afterwards, nor by variants of it.
func (m *Model) Close() error {
	var errs []error
	for _, f := range m.files {
		errs = append(errs, f.close())
	}
	m.files, m.tensors = nil, nil
	errs = append(errs, m.engine.close())
	return errors.Join(errs...)
}

// Config returns the model's configuration; leave it unchanged.
func (m *Model) Config() *Config { return m.config }

// Dir returns the directory that the model was opened from.
func (m *Model) Dir() string { return m.dir }

// Linears lists the decoder linears in forward order, layer by layer.
func (m *Model) Linears() []Linear { return m.linears }

// Linear finds a decoder linear by its name.
func (m *Model) Linear(name string) (Linear, error) {
	if i, ok := m.index[name]; ok {
		return m.linears[i], nil
	}
	return Linear{}, fmt.Errorf("%s has no linear %q; it has %d, from %s to %s", m.dir, name,
		len(m.linears), m.linears[0].Name, m.linears[len(m.linears)-1].Name)
}

// Params counts the numbers of the whole model as it lies on disk: a tied head once, buffers that the model does not use not at all.
func (m *Model) Params() int64 { return m.Dense().Params() }

// outsideParams counts everything but decoder linears: embeddings, norms, and the head where it is not tied.
func (m *Model) outsideParams() int64 {
	var n int64
	for _, t := range m.config.storedTensors() {
		if len(t.linears) == 0 {
			n += int64(t.Elements())
		}
	}
	return n
}
