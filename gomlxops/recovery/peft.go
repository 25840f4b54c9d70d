package recovery

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parelab/pare/gomlxops/internal/tensorfile"
	"github.com/parelab/pare/gomlxops/transformer"
	"github.com/parelab/pare/internal/durable"
)

// peftPrefix is before the names of modules: PEFT's wrapper and its tuner.
const peftPrefix = "base_model.model."

// Save writes the adapter as a directory that PEFT reads: adapter_config.json and adapter_model.safetensors, float32. Names are
// base_model.model.<linear>.lora_A.weight [r, in] and .lora_B.weight [out, r].
//
// An adapter of the subspace form is written likewise, with peft_type PARE_SUBSPACE and the tensors <linear>.subspace_inner,
// .subspace_outer and .subspace_index (int64); PEFT has no such method and refuses it. The rows and columns themselves are the model's.
//
// Keys and meanings were held against LoraConfig (src/peft/tuners/lora/config.py) and get_pattern_key (src/peft/utils/other.py) of PEFT's public sources of
// November 2026; PEFT itself has not met these directories.
//
// The directory appears when all of it is on disk, and must not be there already.
func (a *Adapter) Save(dir string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot save the adapter in %s: %w", dir, err)
		}
	}()
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("expected no such directory or an empty one, found %d entries; choose another name", len(entries))
	}
	return durable.WriteDir(dir, a.write)
}

func (a *Adapter) write(dir string) error {
	c := a.config()
	var data bytes.Buffer
	e := json.NewEncoder(&data)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(c); err != nil {
		return err
	}
	var all []tensorfile.Tensor
	for _, linear := range slices.Sorted(maps.Keys(a.Sides)) {
		for _, s := range a.Sides[linear] {
			all = append(all, a.tensors(linear, s)...)
		}
	}
	if err := tensorfile.Write(filepath.Join(dir, adapterWeightsName), all, map[string]string{"format": "pt"}); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, AdapterConfig), bytes.TrimRight(data.Bytes(), "\n"))
}

func (a *Adapter) config() *peftConfig {
	if a.LoRA != nil {
		c := a.LoRA.peftConfig()
		if c.TargetModules == allLinear {
			c.TargetModules = a.ends()
		}
		return c
	}
	o := a.Subspace
	c := &peftConfig{Bias: "none", InferenceMode: true, InitLoRAWeights: true, LoRAAlpha: 1, LoRADropout: o.Dropout, PEFTType: peftSubspace, R: cmp.Or(o.Rank, mostDirections), TaskType: "CAUSAL_LM"}
	c.setTargets(o.Targets, o.Pattern)
	return c.filled()
}

// ends are the last parts of the names that have a branch, as PEFT itself writes all-linear. That word would have PEFT put branches beside both factors of a
// factored linear, and pass over ours, which stand beside the whole, with no more than a warning; given the names it says that it cannot.
func (a *Adapter) ends() []string {
	ends := map[string]bool{}
	for linear := range a.Sides {
		ends[linear[strings.LastIndex(linear, ".")+1:]] = true
	}
	return slices.Sorted(maps.Keys(ends))
}

// tensors are what is saved of one branch: its trained parts, and of the subspace form where they stand.
func (a *Adapter) tensors(linear string, s *transformer.Side) (all []tensorfile.Tensor) {
	values := s.Values()
	for i, p := range s.Parts() {
		if trains(s, i) {
			all = append(all, tensorfile.Tensor{Name: peftPrefix + linear + "." + p.Suffix, Shape: p.Shape, Data: values[i]})
		}
	}
	if s.Subspace() {
		index := make([]int64, s.Rank)
		for i, k := range a.Index[linear] {
			index[i] = int64(k)
		}
		all = append(all, tensorfile.Tensor{Name: peftPrefix + linear + "." + indexSuffix, Shape: []int{s.Rank}, Data: index})
	}
	return all
}

const indexSuffix = "subspace_index"

// LoadAdapter reads an adapter's directory, PEFT's or ours, for the variant that it shall stand beside. Numbers of F16 and BF16 are widened.
//
// A tensor of no module of v, one that a target lacks, and one of another shape than v and the configuration ask for, are errors that name it:
// the adapter belongs to another model. What an adapter may have besides LoRA's matrices is refused by the name of its field or tensor.
func LoadAdapter(dir string, v *transformer.Variant) (*Adapter, error) {
	c, err := readPEFTConfig(filepath.Join(dir, AdapterConfig))
	if err != nil {
		return nil, fmt.Errorf("cannot load the adapter: %w", err)
	}
	path := filepath.Join(dir, adapterWeightsName)
	var a *Adapter
	if c.PEFTType == peftSubspace {
		a, err = loadSubspace(path, c, v)
	} else {
		a, err = loadLoRA(path, c, v)
	}
	if err == nil {
		_, err = a.Apply(v)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot load the adapter: %w", err)
	}
	return a, nil
}

func loadLoRA(path string, c *peftConfig, v *transformer.Variant) (*Adapter, error) {
	shapes, values, err := transformer.ReadTensors(path)
	if err != nil {
		return nil, err
	}
	if err := knownModules(path, shapes, v); err != nil {
		return nil, err
	}
	a := &Adapter{Sides: map[string][]*transformer.Side{}, LoRA: c.lora()}
	found, err := findModules(v, a.LoRA.Targets, a.LoRA.Pattern)
	if err != nil {
		return nil, fmt.Errorf("%s: field target_modules: %w", filepath.Join(filepath.Dir(path), AdapterConfig), err)
	}
	take := func(name string, want ...int) ([]float32, error) {
		shape, ok := shapes[name]
		if !ok {
			return nil, fmt.Errorf("%s: tensor %s is missing: expected it with shape %v, since its module is a target", path, name, want)
		}
		if !slices.Equal(shape, want) {
			return nil, fmt.Errorf("%s: tensor %s: expected shape %v, as model and configuration ask, found %v", path, name, want, shape)
		}
		delete(shapes, name)
		return values[name], nil
	}
	for _, m := range found {
		s, err := a.LoRA.read(m, take)
		if err != nil {
			return nil, err
		}
		a.Sides[m.linear] = append(a.Sides[m.linear], s)
	}
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		return nil, fmt.Errorf("%s: tensor %s: expected tensors of target_modules only; this one belongs to none", path, name)
	}
	return a, nil
}

// read makes the branch of one module; take gives a tensor of the shape asked for.
func (o LoRA) read(m module, take func(name string, want ...int) ([]float32, error)) (*transformer.Side, error) {
	rank, scale, err := o.of(m.name())
	if err != nil {
		return nil, err
	}
	s, name := &transformer.Side{At: m.at, Rank: rank, Scale: scale}, peftPrefix+m.name()
	if s.A, err = take(name+".lora_A.weight", rank, m.in); err != nil {
		return nil, err
	}
	s.B, err = take(name+".lora_B.weight", m.out, rank)
	return s, err
}

// knownModules refuses tensors of modules that the model lacks.
func knownModules(path string, shapes map[string][]int, v *transformer.Variant) error {
	known := map[string]bool{}
	for _, m := range modules(v) {
		known[peftPrefix+m.name()] = true
	}
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		name, ok := name, false
		for _, suffix := range []string{".lora_A.weight", ".lora_B.weight"} {
			if of, is := strings.CutSuffix(name, suffix); is {
				ok = known[of]
			}
		}
		if !ok {
			return fmt.Errorf("%s: tensor %s: expected %s<linear>.lora_A.weight or .lora_B.weight with a linear of %s, which has none of that name; the adapter is of another model, or trains more than linears", path, name, peftPrefix, v.Model().Dir())
		}
	}
	return nil
}

func loadSubspace(path string, c *peftConfig, v *transformer.Variant) (*Adapter, error) {
	f, err := tensorfile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	targets, pattern, _ := c.targets()
	a := &Adapter{Sides: map[string][]*transformer.Side{}, Index: map[string][]int{}, Subspace: &Subspace{Rank: c.R, Dropout: c.LoRADropout, Targets: targets, Pattern: pattern}}
	if pattern == allLinear {
		a.Subspace.Pattern = ""
	}
	left := len(f.Names())
	for _, m := range modules(v) {
		name := peftPrefix + m.linear + "."
		if m.at != "" || !f.Has(name+indexSuffix) {
			continue
		}
		s, index, err := loadDirections(f, path, name, m)
		if err != nil {
			return nil, err
		}
		a.Sides[m.linear], a.Index[m.linear] = []*transformer.Side{s}, index
		left -= 3
	}
	if left != 0 || len(a.Sides) == 0 {
		return nil, fmt.Errorf("%s: expected three tensors for each of some linears of %s, found %d others, as %s; the adapter is of another model", path, v.Model().Dir(), left, f.Names()[0])
	}
	return a, nil
}

// loadDirections reads one branch of the subspace form.
func loadDirections(f *tensorfile.File, path, name string, m module) (*transformer.Side, []int, error) {
	shape := f.Shape(name + indexSuffix)
	if m.rank == 0 {
		return nil, nil, fmt.Errorf("%s: tensor %s: expected %s to be held as two factors, as it was when the adapter was made, found it whole; the adapter is of another model", path, name+indexSuffix, m.linear)
	}
	if len(shape) != 1 || shape[0] < 1 || shape[0] > m.rank {
		return nil, nil, fmt.Errorf("%s: tensor %s: expected from 1 to %d directions, the rank of the factored linear, found shape %v", path, name+indexSuffix, m.rank, shape)
	}
	wide, err := f.Int64(name+indexSuffix, shape...)
	if err != nil {
		return nil, nil, err
	}
	var index []int
	for i, k := range wide {
		if k < 0 || k >= int64(m.rank) || slices.Contains(index, int(k)) {
			return nil, nil, fmt.Errorf("%s: tensor %s: expected different directions from 0 to %d, found %d at index %d", path, name+indexSuffix, m.rank-1, k, i)
		}
		index = append(index, int(k))
	}
	s, err := subspaceSide(m, index)
	if err != nil {
		return nil, nil, err
	}
	if s.Inner, err = f.Float32(name+"subspace_inner", shape...); err != nil {
		return nil, nil, err
	}
	s.Outer, err = f.Float32(name+"subspace_outer", m.out)
	return s, index, err
}
