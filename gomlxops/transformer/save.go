package transformer

import (
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
	"github.com/parelab/pare/internal/durable"
)

// SaveOptions says how a model is saved; the zero value keeps the base's dtypes and overwrites nothing.
type SaveOptions struct {
	DType      string // of every tensor: "BF16", "F16" or "F32"; "" as the base's, and for factors as the matrix that they replace
	Overwrite  bool   // a model directory that is there already; any other directory with something in it is never overwritten
	ShardBytes int64  // largest weight file; 0 is 5 GB, beyond which Hugging Face tools shard
	Code       *Code  // a program to go along with a model that stock programs cannot run; an ordinary checkpoint needs none and gets none
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
	if err := v.unadapted(); err != nil {
		return err
	}
	config := *v.m.config
	config.forms = v.entries(false)
	apart := opt.Code != nil && !config.ordinary()
	if apart {
		config.forms = v.entries(true)
		config.code = opt.Code.of(&config)
	}
	if opt.DType != "" {
		config.DType = torchNames[opt.DType]
	}
	side, err := v.m.SideFiles()
	if err != nil {
		return err
	}
	tensors, err := v.outputs(opt.DType, apart)
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

// SaveRead is [SaveTensors] for tensors that read makes one at a time, by logical name, so that the model may be larger than memory. Of opt the
// Recorder, Overwrite and ShardBytes count.
func SaveRead(ctx context.Context, dir string, c *Config, read func(tensor string, dst []float32) error, dtype string, extra map[string][]byte, opt SaveOptions) error {
	return saveParts(ctx, dir, c, func(t storedTensor, part int, dst []float32) error { return read(t.parts[part].Name, dst) }, dtype, extra, opt)
}

// saveParts writes a dense model from the parts of its stored tensors.
func saveParts(ctx context.Context, dir string, c *Config, read func(t storedTensor, part int, dst []float32) error, dtype string, extra map[string][]byte, opt SaveOptions) error {
	if err := errors.Join(checkDType(dtype, false), c.Validate(), checkExtra(extra)); err != nil {
		return err
	}
	config := *c
	config.forms, config.DType = nil, torchNames[dtype]
	var outputs []output
	for _, t := range config.storedTensors() {
		outputs = append(outputs, t.output(dtype, func(part int, dst []float32) error { return read(t, part, dst) }))
	}
	return save(ctx, dir, &config, outputs, extra, opt)
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

// SideFiles reads what [Save] copies beside the weights: the tokenizer's files, settings for generation, and programs where the configuration names some.
// [SaveTensors] takes them as its extra files.
func (m *Model) SideFiles() (map[string][]byte, error) {
	names := sideFiles
	if _, programs := m.config.Rest[autoMapField]; programs {
		found, err := filepath.Glob(filepath.Join(globbed(m.dir), "*.py"))
		if err != nil {
			return nil, err
		}
		names = slices.Clone(names)
		for _, path := range found {
			names = append(names, filepath.Base(path))
		}
	}
	files := make(map[string][]byte)
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(m.dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot copy a file beside the model: %w", err)
		}
		files[name] = data
	}
	return files, nil
}

// globbed is a path as a pattern that matches itself.
func globbed(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
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
	if c.code != nil {
		maps.Copy(files, c.code.Files)
	}
	rec, done := gomlxops.OrDiscard(opt.Recorder), 0
	written := func() { done++; rec.Progress("save", done, len(tensors)) }
	return replaceDir(dir, opt.Overwrite, func(fresh string) error {
		shards := cutShards(tensors, opt.ShardBytes)
		if len(shards) > 1 {
			files[indexName] = shardIndex(shards)
		}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			if err := durable.WriteFile(filepath.Join(fresh, name), files[name]); err != nil {
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
