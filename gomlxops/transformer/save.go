package transformer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parelab/pare/gomlxops"
)

// SaveOptions says how a model is saved; the zero value keeps the base's dtypes and overwrites nothing.
type SaveOptions struct {
	DType      string // of every tensor: "BF16", "F16" or "F32"; "" as the base's, and for factors as the matrix that they replace
	Overwrite  bool   // a model directory that is there already; any other directory with something in it is never overwritten
	ShardBytes int64  // largest weight file; 0 is 5 GB, beyond which Hugging Face tools shard
	Recorder   gomlxops.Recorder
}

// defaultShard is the size at which Hugging Face transformers starts a new file (max_shard_size "5GB").
const defaultShard = 5_000_000_000

// torchNames spells a dtype as config.json does.
var torchNames = map[string]string{"F32": "float32", "F16": "float16", "BF16": "bfloat16"}

// sideFiles are copied from the base where it has them: the tokenizer's, and the settings for generation.
var sideFiles = []string{
	"tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
	"vocab.json", "merges.txt", "chat_template.json", "chat_template.jinja", "generation_config.json",
}

// Save writes v as a directory in Hugging Face layout that [Open] reads back: config.json, model.safetensors (shards and their
// index where it is too large), and the base's tokenizer files.
//
// A variant whose forms are all plain matrices, with biases where the family has them, is an ordinary checkpoint that any program
// loads, in the family's own layout. Otherwise a linear with form factored is saved as <linear>.A.weight [r, in], <linear>.B.weight
// [out, r] and <linear>.B.bias [out], and config.json gets a section "pare" that lists form, rank and bias of each, with model_type
// "pare", so that programs that would misread it refuse it. Linears that share a tensor with such a one are listed and saved by
// themselves too. What is not replaced is written as it was, byte for byte.
//
// The directory appears when all of it is on disk. On an error, and when ctx ends, nothing is left behind.
func Save(ctx context.Context, dir string, v *Variant, opt SaveOptions) error {
	if err := checkDType(opt.DType, true); err != nil {
		return err
	}
	config := *v.m.config
	config.forms = v.entries()
	if opt.DType != "" {
		config.DType = torchNames[opt.DType]
	}
	side, err := readSideFiles(v.m.dir)
	if err != nil {
		return err
	}
	tensors, err := v.outputs(opt.DType)
	if err != nil {
		return err
	}
	return save(ctx, dir, &config, tensors, side, opt)
}

// SaveTensors writes logical tensors, by name, as a model directory of configuration c in its family's layout, with the extra files named
// beside them. dtype is "BF16", "F16" or "F32"; c's DType is set to match in what is written. The directory must not be there already.
func SaveTensors(ctx context.Context, dir string, c *Config, tensors map[string][]float32, dtype string, extra map[string][]byte) error {
	if err := errors.Join(checkDType(dtype, false), c.Validate(), checkExtra(extra)); err != nil {
		return err
	}
	config := *c
	config.forms, config.DType = nil, torchNames[dtype]
	var outputs []output
	for _, t := range config.storedTensors() {
		for _, p := range t.parts {
			if values, ok := tensors[p.Name]; !ok || len(values) != p.Elements() {
				return fmt.Errorf("cannot save the model: tensor %s: expected %d numbers for shape %v, found %d", p.Name, p.Elements(), p.Shape, len(values))
			}
		}
		outputs = append(outputs, t.output(dtype, func(part int, dst []float32) error {
			copy(dst, tensors[t.parts[part].Name])
			return nil
		}))
	}
	return save(ctx, dir, &config, outputs, extra, SaveOptions{})
}

func checkDType(dtype string, mayBeEmpty bool) error {
	if widens(dtype) || mayBeEmpty && dtype == "" {
		return nil
	}
	return fmt.Errorf("cannot save the model: expected dtype BF16, F16 or F32, found %q", dtype)
}

// checkExtra refuses names that lead elsewhere or belong to what is written anyway.
func checkExtra(extra map[string][]byte) error {
	for name := range extra {
		if !plainName(name) || name == "config.json" || name == indexName || strings.HasSuffix(name, ".safetensors") {
			return fmt.Errorf("cannot save the model: expected extra files to have plain names of their own, found %q", name)
		}
	}
	return nil
}

// entries describes the linears that an ordinary checkpoint cannot hold, by name.
func (v *Variant) entries() map[string]formEntry {
	entries := make(map[string]formEntry)
	for _, t := range v.m.config.storedTensors() {
		if !t.isWeights() || v.keeping(t) != keptApart {
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

func (v *Variant) keeping(t storedTensor) keeping {
	k := keptAsIs
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
func (v *Variant) outputs(dtype string) (all []output, err error) {
	for _, t := range v.m.config.storedTensors() {
		switch v.keeping(t) {
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
		all[i].name = v.m.spell(all[i].name)
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

// output is a tensor of the model's files: its bytes as they are where the dtype stays.
func (m *Model) output(name, dtype string) (output, error) {
	t, err := m.stored(name)
	if err != nil {
		return output{}, err
	}
	if dtype == "" || dtype == t.dtype {
		return output{name, t.dtype, t.shape, func() ([]byte, error) {
			return t.data, t.finite(m.spell(name), firstNonFinite(t.dtype, t.data))
		}}, nil
	}
	return output{name, dtype, t.shape, func() ([]byte, error) {
		values := make([]float32, len(t.data)/dtypeSizes[t.dtype])
		if err := t.finite(m.spell(name), widen(t.dtype, values, t.data)); err != nil {
			return nil, err
		}
		return encode(dtype, values)
	}}, nil
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

// encode narrows values to the dtype; one that is not finite in it is an error.
func encode(dtype string, values []float32) ([]byte, error) {
	if err := checkFinite("cannot save", values); err != nil {
		return nil, err
	}
	data := make([]byte, len(values)*dtypeSizes[dtype])
	narrow(dtype, data, values)
	if at := firstNonFinite(dtype, data); at >= 0 {
		return nil, fmt.Errorf("expected numbers that are finite as %s, found %v at index %d", dtype, values[at], at)
	}
	return data, nil
}

func readSideFiles(dir string) (map[string][]byte, error) {
	files := make(map[string][]byte)
	for _, name := range sideFiles {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot copy a tokenizer file: %w", err)
		}
		files[name] = data
	}
	return files, nil
}

// save writes all files of a model directory.
func save(ctx context.Context, dir string, c *Config, tensors []output, side map[string][]byte, opt SaveOptions) error {
	files := maps.Clone(side)
	if files == nil {
		files = map[string][]byte{}
	}
	var err error
	if files["config.json"], err = c.JSON(); err != nil {
		return fmt.Errorf("cannot save the model: %w", err)
	}
	if err := c.checkSaid(files["config.json"]); err != nil {
		return fmt.Errorf("cannot save the model: %w", err)
	}
	rec, done := gomlxops.OrDiscard(opt.Recorder), 0
	written := func() { done++; rec.Progress("save", done, len(tensors)) }
	return replaceDir(dir, opt.Overwrite, func(fresh string) error {
		shards := cutShards(tensors, opt.ShardBytes)
		if len(shards) > 1 {
			files[indexName] = shardIndex(shards)
		}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			if err := writeFile(filepath.Join(fresh, name), files[name]); err != nil {
				return err
			}
		}
		for i, shard := range shards {
			if err := writeSafetensors(ctx, filepath.Join(fresh, shardFile(i, len(shards))), shard, written); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}
