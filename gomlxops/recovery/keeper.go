package recovery

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops/internal/tensorfile"
	"github.com/parelab/pare/internal/durable"
)

// The state of a training lies in a directory as pairs of files:
//
//	step-00000120.safetensors   trained weights, m and v of AdamW as of step 120, and the best weights where patience keeps them
//	step-00000120.json          which step, what was measured, digests of the problem and of the other file
//
// The second is written when the first is on disk, and makes it valid. Two pairs are kept: whatever happens to the newest, the one
// before is whole. Random numbers and the place in the data follow from the seed and the step, and need no file.

// keeper writes and reads the state of a training.
type keeper struct {
	dir, digest string
	shapes      map[string][]int
}

// keptStates is how many states stay.
const keptStates = 2

// stateVersion is raised when an older program could no longer read what is kept.
const stateVersion = 1

// state is what the JSON file says.
type state struct {
	Version int        `json:"version"`
	Digest  string     `json:"training"` // of the problem and the options
	Step    int        `json:"step"`
	Tokens  int64      `json:"tokens"`
	Losses  []float64  `json:"losses"`
	Held    []HeldLoss `json:"held"`
	Best    *HeldLoss  `json:"best"`
	Worse   int        `json:"evaluations_since_best"`
	Batch   int        `json:"evaluation_batch"`
	SHA256  string     `json:"sha256"` // of the tensors' file
}

// newKeeper is nil where no directory is asked for.
func newKeeper(p *Problem, opt TrainOptions) (*keeper, error) {
	if opt.Dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(opt.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot keep the state of the training: %w", err)
	}
	k := &keeper{dir: opt.Dir, shapes: map[string][]int{}}
	for name, a := range p.Trained {
		k.shapes[name] = a.Shape
	}
	var err error
	k.digest, err = digest(p, opt)
	return k, err
}

// digest names a training by all that its numbers follow from.
func digest(p *Problem, opt TrainOptions) (string, error) {
	h := sha256.New()
	c, err := p.Config.JSON()
	if err != nil {
		return "", err
	}
	opt.Dir, opt.SaveEvery, opt.Checkpoint, opt.Teacher = "", 0, nil, nil // the teacher is the problem's
	opt.DType, opt.Recompute = p.DType, p.Recompute                       // and so are these, whichever of the two said them
	fmt.Fprintf(h, "pare training %d\n%s\n%v %+v\n", stateVersion, c, p.Dropout, opt)
	if err := hashArrays(h, "trained", p.Trained); err != nil {
		return "", err
	}
	if err := hashArrays(h, "frozen", p.Frozen); err != nil {
		return "", err
	}
	if t := p.Teacher; t != nil {
		if c, err = t.Config.JSON(); err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s\n%v %v\n", c, t.Share, t.Temperature)
		if err := hashArrays(h, "teacher", t.Weights); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hashArrays(h hash.Hash, what string, arrays map[string]Array) error {
	piece := make([]byte, 0, 1<<16)
	for _, name := range slices.Sorted(maps.Keys(arrays)) {
		a, n := arrays[name], 1
		for _, d := range a.Shape {
			n *= d
		}
		values := make([]float32, n)
		if err := a.Read(values); err != nil {
			return fmt.Errorf("cannot train: tensor %s: %w", name, err)
		}
		fmt.Fprintf(h, "%s %q %v\n", what, name, a.Shape)
		for part := range slices.Chunk(values, 1<<14) {
			piece = piece[:0]
			for _, v := range part {
				piece = binary.LittleEndian.AppendUint32(piece, math.Float32bits(v))
			}
			h.Write(piece)
		}
	}
	return nil
}

func (k *keeper) path(step int, ext string) string {
	return filepath.Join(k.dir, fmt.Sprintf("step-%08d.%s", step, ext))
}

// save keeps the state as it is now, unless it is kept already.
func (t *training) save() error {
	if t.keep == nil || t.kept == t.result.Steps || len(t.stepper.state) == 0 {
		return nil
	}
	r := t.result
	s := state{stateVersion, t.keep.digest, r.Steps, r.Tokens, r.Losses, r.Held, r.Best, t.worse, t.batch, ""}
	if err := t.keep.write(s, t.stateTensors()); err != nil {
		return fmt.Errorf("cannot keep the state after step %d: %w; the state before it is still in %s", r.Steps, err, t.keep.dir)
	}
	t.kept = r.Steps
	return nil
}

// stateKinds are the prefixes of the arrays of a state, in the stepper's order.
var stateKinds = []string{"weight/", "m/", "v/"}

const bestKind = "best/"

func (t *training) stateTensors() (all []tensorfile.Tensor) {
	n := len(t.stepper.names)
	for k, kind := range stateKinds {
		for i, name := range t.stepper.names {
			values := tensors.MustCopyFlatData[float32](t.stepper.state[k*n+i])
			all = append(all, tensorfile.Tensor{Name: kind + name, Shape: t.keep.shapes[name], Data: values})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.best)) {
		all = append(all, tensorfile.Tensor{Name: bestKind + name, Shape: t.keep.shapes[name], Data: t.best[name]})
	}
	return all
}

// write puts the tensors on disk, then the JSON, and then removes what is too old.
func (k *keeper) write(s state, all []tensorfile.Tensor) (err error) {
	path := k.path(s.Step, "safetensors")
	if err := os.Remove(k.path(s.Step, "json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // an old one would speak of other tensors
	}
	if err := tensorfile.Write(path, all, nil); err != nil {
		return err
	}
	if s.SHA256, err = fileDigest(path); err != nil {
		return err
	}
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(k.path(s.Step, "json"), data); err != nil {
		return err
	}
	return k.prune()
}

func fileDigest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// steps lists the states of the directory, the newest first.
func (k *keeper) steps() ([]int, error) {
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		return nil, err
	}
	var all []int
	for _, e := range entries {
		step := 0
		if _, err := fmt.Sscanf(e.Name(), "step-%d.json", &step); err == nil && filepath.Base(k.path(step, "json")) == e.Name() {
			all = append(all, step)
		}
	}
	slices.Sort(all)
	slices.Reverse(all)
	return all, nil
}

// prune removes states that are too old, what a killed save left behind, and tensors without a JSON file.
func (k *keeper) prune() error {
	steps, err := k.steps()
	if err != nil {
		return err
	}
	var errs []error
	for _, step := range steps[min(keptStates, len(steps)):] {
		errs = append(errs, os.Remove(k.path(step, "json")))
	}
	keep := map[string]bool{}
	for _, step := range steps[:min(keptStates, len(steps))] {
		keep[k.path(step, "safetensors")] = true
	}
	for _, pattern := range []string{"step-*.safetensors", ".step-*.safetensors.*", ".step-*.json.*"} {
		paths, _ := filepath.Glob(filepath.Join(k.dir, pattern))
		for _, path := range paths {
			if !keep[path] {
				errs = append(errs, os.Remove(path))
			}
		}
	}
	return errors.Join(errs...)
}
