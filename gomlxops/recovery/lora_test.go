package recovery

import (
	"fmt"
	"math"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
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
	Modules []string  `json:"modules"`
	Before  []float64 `json:"loss_before_each_step"`
}

// TestLoRAOracle trains the oracle's adapters with torch's AdamW for five steps, with and without decay, in float64, and compares
// every loss and every final number. The adapters are the trained weights; the model's own are constants of the loss.
func TestLoRAOracle(t *testing.T) {
	compared := 0
	for _, name := range []string{"mha", "gqa"} {
		var cases map[string]loraCase
		var tokens map[string][][]int32
		oracle.JSON(t, "models/"+name+"/lora.json", &cases)
		oracle.JSON(t, "models/"+name+"/tokens.json", &tokens)
		arrays := oracle.Tensors(t, "models/"+name+"/lora.safetensors")
		m, err := transformer.Open(oracle.Path(t, "models/"+name))
		if err != nil {
			t.Fatal(err)
		}
		for _, which := range []string{"lora", "lora_wd"} {
			compared += cases[which].check(t, m, which, arrays, tokens)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	if compared == 0 {
		t.Error("compared nothing")
	}
}

func (c loraCase) check(t *testing.T, m *transformer.Model, which string, arrays map[string]oracle.Array, tokens map[string][][]int32) (compared int) {
	var names []string
	var start []*tensors.Tensor
	for _, module := range c.Modules {
		for _, part := range []string{"A", "B"} {
			key := module + "." + part
			a := arrays[which+"."+key+"_init"]
			names, start = append(names, key), append(start, tensors.FromFlatDataAndDimensions(a.Data, a.Shape...))
		}
	}
	s := newTestStepper(t, c.loss(t, m), adamW{c.Betas[0], c.Betas[1], c.Epsilon, c.Decay}, 0, names, start...)
	for step, want := range c.Before {
		got, _, err := s.take(tokens[fmt.Sprintf("lora_step%d", step)], c.Rate)
		if err != nil || math.Abs(got-want) > 1e-8 {
			t.Errorf("%s %s: step %d: expected loss %v, found %v, %v", m.Dir(), which, step, want, got, err)
		}
	}
	for i, key := range names {
		want := arrays[which+"."+key+"_final"].Data
		for j, got := range tensors.MustCopyFlatData[float64](s.state[i]) {
			// AdamW divides by √v + 1e-8, so rounding of a tiny gradient grows; 1e-6 is a thousandth of a step.
			if math.Abs(got-want[j]) > 1e-6 {
				t.Fatalf("%s %s: %s[%d]: expected %v, found %v", m.Dir(), which, key, j, want[j], got)
			}
			compared++
		}
	}
	return compared
}

// loss is the model's with W + scale·B·A in place of each adapted W.
func (c loraCase) loss(t *testing.T, m *transformer.Model) lossFunc {
	frozen := map[string]*tensors.Tensor{}
	for _, s := range m.Config().TensorShapes() {
		narrow, shape, err := m.Float32(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		wide := make([]float64, len(narrow))
		for i, v := range narrow {
			wide[i] = float64(v)
		}
		frozen[s.Name] = tensors.FromFlatDataAndDimensions(wide, shape...)
	}
	return func(tokens *graph.Node, w transformer.Weights) *graph.Node {
		all := transformer.Weights{}
		for name, value := range frozen {
			all[name] = graph.ConstTensor(tokens.Graph(), value)
		}
		for _, module := range c.Modules {
			adapter := graph.MulScalar(graph.Dot(w[module+".B"], w[module+".A"]).Product(), c.Scale)
			all[module+".weight"] = graph.Add(all[module+".weight"], adapter)
		}
		return m.Config().Loss(tokens, all)
	}
}
