package recovery

import (
	"fmt"
	"math"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/parelab/pare/gomlxops/internal/oracle"
	"github.com/parelab/pare/gomlxops/transformer"
)

// loraCase is one section of the oracle's lora.json.
type loraCase struct {
	Scale   float64   `json:"scale"`
	Rate    float64   `json:"lr"`
	Betas   []float64 `json:"betas"`
	Epsilon float64   `json:"eps"`
	Decay   float64   `json:"weight_decay"`
	DInit   float64   `json:"d_init"`
	Modules []string  `json:"modules"`
	Before  []float64 `json:"loss_before_each_step"`
	After   []float64 `json:"loss_after_training_on_each_batch"`
	Held    float64   `json:"heldout_loss_after"`
}

// adapterOracle is a model of the oracle with all that its lora.* files say.
type adapterOracle struct {
	m      *transformer.Model
	cases  map[string]loraCase
	tokens map[string][][]int32
	arrays map[string]oracle.Array
	again  bool // every block is computed again on the way back
}

func openAdapterOracle(t *testing.T, name string) adapterOracle {
	t.Helper()
	o := adapterOracle{arrays: oracle.Tensors(t, "models/"+name+"/lora.safetensors")}
	oracle.JSON(t, "models/"+name+"/lora.json", &o.cases)
	oracle.JSON(t, "models/"+name+"/tokens.json", &o.tokens)
	var err error
	if o.m, err = transformer.Open(oracle.Path(t, "models/"+name)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.m.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// wideProblem is a problem in float64, for the stepper.
type wideProblem struct {
	*loaded
	keys []string // of names, in the oracle
}

func (p *wideProblem) train(name, key string, a oracle.Array) {
	p.names, p.keys = append(p.names, name), append(p.keys, key)
	p.trained = append(p.trained, tensors.FromFlatDataAndDimensions(a.Data, a.Shape...))
}

func (p *wideProblem) freeze(name string, a oracle.Array) {
	p.frozenNames = append(p.frozenNames, name)
	p.frozen = append(p.frozen, tensors.FromFlatDataAndDimensions(a.Data, a.Shape...))
}

// base freezes the model's own weights, but for the linears that skip names.
func (o adapterOracle) base(t *testing.T, skip []string) *wideProblem {
	t.Helper()
	p := &wideProblem{loaded: &loaded{loss: (&Problem{Config: o.m.Config(), Recompute: o.again}).loss}}
	left := map[string]bool{}
	for _, name := range skip {
		left[name+".weight"] = true
	}
	for _, s := range o.m.Config().TensorShapes() {
		if left[s.Name] {
			continue
		}
		narrow, shape, err := o.m.Float32(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		p.freeze(s.Name, oracle.Array{Shape: shape, Data: widened(narrow)})
	}
	return p
}

func widened(narrow []float32) []float64 {
	wide := make([]float64, len(narrow))
	for i, v := range narrow {
		wide[i] = float64(v)
	}
	return wide
}

// lora sets up one of the oracle's LoRA cases.
func (o adapterOracle) lora(t *testing.T, which string) *wideProblem {
	t.Helper()
	c := o.cases[which]
	p := o.base(t, nil)
	for _, module := range c.Modules {
		for _, part := range []string{"A", "B"} {
			p.train(module+".lora_"+part+".weight", module+"."+part, o.arrays[which+"."+module+"."+part+"_init"])
		}
		p.freeze(module+".lora_scale", oracle.Array{Shape: []int{1}, Data: []float64{c.Scale}})
	}
	return p
}

// vector sets up the oracle's subspace case.
func (o adapterOracle) vector(t *testing.T) *wideProblem {
	t.Helper()
	c := o.cases["vector"]
	p := o.base(t, c.Modules)
	for _, module := range c.Modules {
		get := func(part string) oracle.Array { return o.arrays["vector."+module+"."+part] }
		a, b, index := get("A"), get("B"), get("idx").Data
		p.freeze(module+".A.weight", a)
		p.freeze(module+".B.weight", b)
		p.freeze(module+".B.bias", get("bias"))
		rank, in, out := len(index), a.Shape[1], b.Shape[0]
		rows, columns := make([]float64, 0, rank*in), make([]float64, out*rank)
		inner := make([]float64, rank)
		for j, i := range index {
			rows = append(rows, a.Data[int(i)*in:(int(i)+1)*in]...)
			for r := range out {
				columns[r*rank+j] = b.Data[r*b.Shape[1]+int(i)]
			}
			inner[j] = c.DInit
		}
		p.freeze(module+".subspace_A.weight", oracle.Array{Shape: []int{rank, in}, Data: rows})
		p.freeze(module+".subspace_B.weight", oracle.Array{Shape: []int{out, rank}, Data: columns})
		p.train(module+".subspace_inner", module+".d", oracle.Array{Shape: []int{rank}, Data: inner})
		p.train(module+".subspace_outer", module+".b", oracle.Array{Shape: []int{out}, Data: make([]float64, out)})
	}
	return p
}

// TestAdapterOracle trains the oracle's adapters with torch's AdamW for five steps: LoRA without and with decay, and the subspace form, all in
// float64, as they are and with every block computed again on the way back. It compares every loss before, after and held out, every gradient of the first step and every final number.
func TestAdapterOracle(t *testing.T) {
	losses, numbers := 0, 0
	for i, name := range []string{"mha", "gqa", "mha", "gqa"} {
		o := openAdapterOracle(t, name)
		o.again = i >= 2
		for _, which := range []string{"lora", "lora_wd", "vector"} {
			p := o.vector
			if which != "vector" {
				p = func(t *testing.T) *wideProblem { return o.lora(t, which) }
			}
			l, n := o.check(t, which, p(t))
			losses, numbers = losses+l, numbers+n
		}
	}
	t.Logf("%d losses, %d gradients and final numbers", losses, numbers)
	if losses != 132 || numbers < 20000 {
		t.Errorf("compared %d losses and %d numbers", losses, numbers)
	}
}

func (o adapterOracle) check(t *testing.T, which string, p *wideProblem) (losses, numbers int) {
	t.Helper()
	c := o.cases[which]
	s := newLoadedStepper(t, p.loaded, adamW{c.Betas[0], c.Betas[1], c.Epsilon, c.Decay}, 0)
	batch := func(step int) []piece { return []piece{{tokens: o.tokens[fmt.Sprintf("lora_step%d", step)]}} }
	near := func(what string, got, want float64) {
		t.Helper()
		losses++
		if !(math.Abs(got-want) <= 1e-8) {
			t.Errorf("%s %s: %s: expected loss %v, found %v", o.m.Dir(), which, what, want, got)
		}
	}
	_, grads, err := s.accumulate(batch(0), 1/weightOf(batch(0)))
	if err != nil {
		t.Fatal(err)
	}
	// Rounding of sums over 46 tokens of numbers of about 1.
	numbers += o.compare(t, which, "_grad_step0", p.keys, grads, 1e-11)
	for step, want := range c.Before {
		got, _, err := s.take(batch(step), c.Rate)
		if err != nil {
			t.Fatal(err)
		}
		near(fmt.Sprint("before step ", step), got, want)
	}
	after := func(tokens [][]int32) float64 {
		sum, err := s.evaluate(piece{tokens: tokens})
		if err != nil {
			t.Fatal(err)
		}
		return sum / weightOf([]piece{{tokens: tokens}})
	}
	for step, want := range c.After {
		near(fmt.Sprint("after, batch ", step), after(batch(step)[0].tokens), want)
	}
	near("held out", after(o.tokens["heldout"]), c.Held)
	// AdamW divides by √v + 1e-8, so rounding of a tiny gradient grows; 1e-6 is a thousandth of a step.
	return losses, numbers + o.compare(t, which, "_final", p.keys, s.state, 1e-6)
}

// compare compares tensors with the oracle's arrays of their keys.
func (o adapterOracle) compare(t *testing.T, which, suffix string, keys []string, got []*tensors.Tensor, tolerance float64) (compared int) {
	t.Helper()
	for i, key := range keys {
		want := o.arrays[which+"."+key+suffix].Data
		values := tensors.MustCopyFlatData[float64](got[i])
		if len(values) != len(want) {
			t.Fatalf("%s: %s%s: expected %d numbers, found %d", which, key, suffix, len(want), len(values))
		}
		for j := range want {
			if !(math.Abs(values[j]-want[j]) <= tolerance) {
				t.Fatalf("%s %s: %s%s[%d]: expected %v, found %v", o.m.Dir(), which, key, suffix, j, want[j], values[j])
			}
			compared++
		}
	}
	return compared
}
