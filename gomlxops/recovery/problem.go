package recovery

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Array is a float32 array, row-major, that is read when it is needed.
type Array struct {
	Shape []int
	Read  func(dst []float32) error // fills all elements
}

// Numbers is an array that is in memory already; it is not copied.
func Numbers(values []float32, shape ...int) Array {
	return Array{shape, func(dst []float32) error {
		if len(dst) != len(values) {
			return fmt.Errorf("expected %d numbers for shape %v, found %d", len(dst), shape, len(values))
		}
		copy(dst, values)
		return nil
	}}
}

// Problem says what is trained and what is not. All arrays together are the [transformer.Weights] of a model of the configuration.
type Problem struct {
	Config  *transformer.Config
	Trained map[string]Array
	Frozen  map[string]Array // read by every step, with no gradient and no optimizer's state
	Dropout float64          // share of the inputs of every branch that a step leaves out, in [0,1); the rest is scaled by 1/(1−Dropout)
	Teacher *Teacher         // nil trains on the tokens alone

	// Recompute has every block computed again on the way back: a step takes another forward pass and less memory; see
	// [transformer.Config.PredictAgain]. The gradient is the same.
	Recompute bool

	// DType is what matrices are multiplied in: [Float32], which empty is too, or [BFloat16]; dtype.go says how.
	DType string
}

// Teacher is a model whose predictions are learnt beside the tokens: knowledge distillation from logits.
//
//	loss = (1 − Share) · CE(tokens) + Share · T² · KL(softmax(teacher/T) ‖ softmax(student/T))
//
// Geoffrey Hinton, Oriol Vinyals and Jeff Dean, Distilling the Knowledge in a Neural Network, 2015, https://arxiv.org/abs/1503.02531, section 2.
type Teacher struct {
	Config      *transformer.Config
	Weights     map[string]Array
	Share       float64 // in (0,1]
	Temperature float64 // T, above 0; 0 is 1
}

// teacherPrefix is before the names of a teacher's arrays.
const teacherPrefix = "teacher/"

// with returns the problem as the options change it.
func (p *Problem) with(opt TrainOptions) *Problem {
	changed := *p
	changed.Recompute = p.Recompute || opt.Recompute
	changed.DType = cmp.Or(opt.DType, p.DType)
	if opt.Teacher != nil {
		changed.Teacher = opt.Teacher
	}
	return &changed
}

// validate says what cannot be.
func (p *Problem) validate() error {
	if p.Config == nil {
		return errors.New("cannot train: expected a configuration, found none")
	}
	if err := p.Config.Validate(); err != nil {
		return err
	}
	if len(p.Trained) == 0 {
		return errors.New("cannot train: expected at least one array to train, found none")
	}
	for name := range p.Trained {
		if _, twice := p.Frozen[name]; twice {
			return fmt.Errorf("cannot train: array %s is trained and frozen at once", name)
		}
	}
	if !(p.Dropout >= 0 && p.Dropout < 1) {
		return fmt.Errorf("cannot train: expected Dropout of at least 0 and below 1, found %v", p.Dropout)
	}
	if p.DType != "" && p.DType != Float32 && p.DType != BFloat16 {
		return fmt.Errorf("cannot train: expected a DType of %s or %s, found %q", Float32, BFloat16, p.DType)
	}
	if t := p.Teacher; t != nil && !(t.Share > 0 && t.Share <= 1 && t.Temperature >= 0 && t.Config != nil && t.Config.VocabSize == p.Config.VocabSize) {
		return fmt.Errorf("cannot train: expected a Teacher of the same vocabulary, with Share above 0 and at most 1 and a Temperature of at least 0, found Share %v and Temperature %v", t.Share, t.Temperature)
	}
	return nil
}

// loaded is a problem on the backend.
type loaded struct {
	names, frozenNames []string
	trained, frozen    []*tensors.Tensor
	loss               lossFunc
}

func (p *Problem) load(b compute.Backend) (*loaded, error) {
	frozen := maps.Clone(p.Frozen)
	if frozen == nil {
		frozen = map[string]Array{}
	}
	if p.Teacher != nil {
		for name, a := range p.Teacher.Weights {
			frozen[teacherPrefix+name] = a
		}
	}
	l := &loaded{names: slices.Sorted(maps.Keys(p.Trained)), frozenNames: slices.Sorted(maps.Keys(frozen)), loss: p.loss}
	for _, name := range l.names {
		t, err := p.Trained[name].load(b)
		if err != nil {
			return nil, fmt.Errorf("cannot train: tensor %s: %w", name, err)
		}
		l.trained = append(l.trained, t)
	}
	for _, name := range l.frozenNames {
		t, err := frozen[name].loadAs(b, p.frozenType(frozen[name]))
		if err != nil {
			return nil, fmt.Errorf("cannot train: tensor %s: %w", name, err)
		}
		l.frozen = append(l.frozen, t)
	}
	return l, nil
}

// load reads the array straight into the backend's memory.
func (a Array) load(b compute.Backend) (*tensors.Tensor, error) {
	t, err := tensors.FromShapeForBackend(b, 0, shapes.Make(dtypes.Float32, a.Shape...))
	if err != nil {
		return nil, err
	}
	var read error
	err = tensors.MutableFlatData(t, func(dst []float32) {
		if read = a.Read(dst); read == nil {
			read = finiteNumbers(dst)
		}
	})
	if err = errors.Join(read, err); err != nil {
		return nil, errors.Join(err, t.FinalizeAll())
	}
	return t, nil
}

func finiteNumbers(values []float32) error {
	for i, v := range values {
		if v-v != 0 {
			return fmt.Errorf("expected finite numbers, found %v at index %d", v, i)
		}
	}
	return nil
}

// loss builds what a step differentiates: the weighted mean over the predictions.
func (p *Problem) loss(in inputs, w transformer.Weights) *graph.Node {
	p.mask(in, w)
	p.narrow(w)
	losses, logits := p.predict(in, w)
	if p.Teacher != nil && in.random != nil {
		losses = p.Teacher.mix(in, w, losses, logits)
	}
	weights := graph.ConvertDType(in.weights, losses.DType())
	scale := graph.ConvertDType(in.scale, losses.DType())
	return graph.Mul(graph.ReduceAllSum(graph.Mul(losses, weights)), scale)
}

// predict builds the losses of all predictions and the logits.
func (p *Problem) predict(in inputs, w transformer.Weights) (losses, logits *graph.Node) {
	if !p.Recompute {
		return p.Config.Predict(in.tokens, w)
	}
	return p.Config.PredictAgain(in.tokens, w)
}

// mix adds the teacher's part to the losses, [B, T].
func (t *Teacher) mix(in inputs, w transformer.Weights, losses, logits *graph.Node) *graph.Node {
	own := transformer.Weights{}
	for name, node := range w {
		if len(name) > len(teacherPrefix) && name[:len(teacherPrefix)] == teacherPrefix {
			own[name[len(teacherPrefix):]] = node
		}
	}
	temperature := t.Temperature
	if temperature == 0 {
		temperature = 1
	}
	_, taught := t.Config.Predict(in.tokens, own)
	target := logSoftmax(graph.DivScalar(graph.StopGradient(taught), temperature))
	student := logSoftmax(graph.DivScalar(logits, temperature))
	kl := graph.ReduceSum(graph.Mul(graph.Exp(target), graph.Sub(target, student)), -1)
	kl = graph.MulScalar(graph.Reshape(kl, losses.Shape().Dimensions...), t.Share*temperature*temperature)
	return graph.Add(graph.MulScalar(losses, 1-t.Share), kl)
}

func logSoftmax(x *graph.Node) *graph.Node {
	x = graph.Sub(x, graph.StopGradient(graph.ReduceAndKeep(x, graph.ReduceMax, -1)))
	return graph.Sub(x, graph.Log(graph.ReduceAndKeep(graph.Exp(x), graph.ReduceSum, -1)))
}

// mask draws the dropout of every branch: each number of its input is left out by itself, and each branch draws anew.
func (p *Problem) mask(in inputs, w transformer.Weights) {
	if p.Dropout == 0 || in.random == nil {
		return
	}
	tokens := in.tokens.Shape().Dim(0) * (in.tokens.Shape().Dim(1) - 1)
	random := in.random
	for _, l := range p.Config.Linears() {
		for _, at := range []string{"", "A", "B"} {
			prefix := l.Name
			if at != "" {
				prefix += "." + at
			}
			for _, name := range []string{prefix + ".lora_A.weight", prefix + ".subspace_A.weight"} {
				a := w[name]
				if a == nil {
					continue
				}
				var u *graph.Node
				random, u = graph.RandomUniform(random, shapes.Make(dtypes.Float32, tokens, a.Shape().Dim(1)))
				keep := graph.ConvertDType(graph.GreaterOrEqual(u, graph.Scalar(u.Graph(), u.DType(), p.Dropout)), u.DType())
				w[transformer.SideMask(l.Name, at)] = graph.MulScalar(keep, 1/(1-p.Dropout))
			}
		}
	}
}
