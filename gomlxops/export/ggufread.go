package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/gomlxops/export/gguf"
	"github.com/parelab/pare/gomlxops/transformer"
)

// scalingKey holds the rope_scaling of a configuration, as JSON, where the file has a table of factors instead.
const scalingKey = "pare.rope_scaling"

// scalingText is the rope_scaling of c.
func scalingText(c *transformer.Config) (string, error) {
	text, err := c.JSON()
	if err != nil {
		return "", err
	}
	var said struct {
		Scaling    json.RawMessage `json:"rope_scaling"`
		Parameters json.RawMessage `json:"rope_parameters"`
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return "", err
	}
	if len(said.Parameters) > 0 {
		return string(said.Parameters), nil
	}
	return string(said.Scaling), nil
}

// ReadGGUF makes a model directory of a GGUF file of one of the architectures that [GGUF] writes, in F32. The tokenizer stays in the file. The file
// may come from anywhere: what is wrong with it is an error that names it, and the key or tensor.
func ReadGGUF(ctx context.Context, path, dir string, rec gomlxops.Recorder) (err error) {
	f, err := gguf.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r := &ggufReader{f: f}
	if err := r.open(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return transformer.SaveRead(ctx, dir, r.c, r.read, "F32", nil, transformer.SaveOptions{Recorder: rec})
}

// ggufReader reads logical tensors from a file.
type ggufReader struct {
	f      *gguf.File
	arch   string
	c      *transformer.Config
	places map[string]ggufPlace // by logical name
}

// ggufPlace is where a logical tensor lies: some rows of a tensor of the file.
type ggufPlace struct {
	name   string
	shape  []int // of the tensor of the file
	first  int   // row
	turned bool  // its rows are those of interleave
	absent bool  // a bias that the file leaves out, which is zero
}

func (r *ggufReader) open() error {
	r.arch, _ = r.f.Metadata.Get("general.architecture").(string)
	if err := r.config(); err != nil {
		return err
	}
	r.place()
	for name, p := range r.places {
		t, ok := r.f.Tensor(p.name)
		if !ok && strings.HasSuffix(p.name, ".bias") && r.mayLack() {
			p.absent = true
			r.places[name] = p
			continue
		}
		if !ok {
			return fmt.Errorf("tensor %s is missing: expected it with shape %v", p.name, p.shape)
		}
		if fmt.Sprint(t.Shape) != fmt.Sprint(p.shape) {
			return fmt.Errorf("tensor %s: expected shape %v, as the metadata has it, found %v", p.name, p.shape, t.Shape)
		}
	}
	return r.checkFactors()
}

// mayLack says whether biases may be left out.
func (r *ggufReader) mayLack() bool { return r.arch != archGPT2 }

// has says whether some tensor's name ends so.
func (r *ggufReader) has(endings ...string) bool {
	for _, t := range r.f.Tensors {
		for _, e := range endings {
			if strings.HasSuffix(t.Name, e) {
				return true
			}
		}
	}
	return false
}

// place notes where the logical tensors lie.
func (r *ggufReader) place() {
	r.places = map[string]ggufPlace{}
	for _, t := range r.c.Tables() {
		r.places[t.Name+".weight"] = ggufPlace{name: ggufNames[t.Place] + ".weight", shape: []int{t.Rows, t.Columns}}
	}
	for _, n := range r.c.Norms() {
		name := layered(ggufNames[n.Place], n.Layer)
		r.places[n.Name+".weight"] = ggufPlace{name: name + ".weight", shape: []int{n.Width}}
		if n.Bias {
			r.places[n.Name+".bias"] = ggufPlace{name: name + ".bias", shape: []int{n.Width}}
		}
	}
	for l := range r.c.Layers {
		for _, f := range packs(r.arch, r.c) {
			r.placePack(l, f)
		}
	}
}

func (r *ggufReader) placePack(layer int, f fusion) {
	var linears []transformer.Linear
	rows := 0
	for _, l := range r.c.Linears()[layer*len(r.c.Kinds()):][:len(r.c.Kinds())] {
		for _, k := range f.kinds {
			if l.Kind == k {
				linears = append(linears, l)
				rows += l.Out
			}
		}
	}
	name, first := fmt.Sprintf(f.name, layer), 0
	for _, l := range linears {
		turned := turnsInPairs(r.arch) && (l.Kind == transformer.Query || l.Kind == transformer.Key)
		r.places[l.Name+".weight"] = ggufPlace{name: name + ".weight", shape: []int{rows, l.In}, first: first, turned: turned}
		if l.Bias {
			r.places[l.Name+".bias"] = ggufPlace{name: name + ".bias", shape: []int{rows}, first: first, turned: turned}
		}
		first += l.Out
	}
}

// read fills dst with a logical tensor.
func (r *ggufReader) read(tensor string, dst []float32) error {
	p, ok := r.places[tensor]
	if !ok {
		return fmt.Errorf("nothing in the file is %s", tensor)
	}
	if p.absent {
		clear(dst)
		return nil
	}
	t, _ := r.f.Tensor(p.name)
	columns := 1
	if len(t.Shape) > 1 {
		columns = t.Shape[1]
	}
	whole := dst
	if t.Elements() != len(dst) {
		whole = make([]float32, t.Elements())
	}
	if err := r.f.Read(t, whole); err != nil {
		return err
	}
	copy(dst, whole[p.first*columns:])
	if p.turned {
		separate(dst, r.c.HeadDim, columns)
	}
	return nil
}

// checkFactors compares the table of factors with what the configuration makes of them.
func (r *ggufReader) checkFactors() error {
	t, ok := r.f.Tensor(ropeFactors)
	if !ok || r.c.Positions.Scaling.Type != "llama3" {
		if ok {
			return fmt.Errorf("tensor %s: a table of factors, of which no metadata %s says what it was made of: not supported", ropeFactors, scalingKey)
		}
		return nil
	}
	want := r.c.FrequencyFactors()
	got := make([]float32, len(want))
	if err := r.f.Read(t, got); err != nil {
		return err
	}
	for i := range want {
		if !(math.Abs(float64(got[i])/want[i]-1) < 1e-5) {
			return fmt.Errorf("tensor %s: expected %v at index %d, as %s has it, found %v", ropeFactors, want[i], i, scalingKey, got[i])
		}
	}
	return nil
}
