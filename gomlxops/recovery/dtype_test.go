package recovery

import (
	"maps"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"

	"github.com/parelab/pare/gomlxops"
)

// TestBFloat16 trains in both types, an adapter and everything: losses stay near each other and are not the same, both fall, and what is trained has
// more digits than bfloat16.
func TestBFloat16(t *testing.T) {
	for _, what := range []string{"adapter", "adapter, computed again", "everything"} {
		t.Run(what, func(t *testing.T) {
			p, next := deep(2, 64, 4)
			p.Dropout = 0
			p.Recompute = strings.HasSuffix(what, "again")
			if what == "everything" {
				p.Trained, p.Frozen = p.Frozen, nil
				maps.DeleteFunc(p.Trained, func(name string, _ Array) bool { return strings.Contains(name, "lora") })
			}
			var results [2]*TrainResult
			for i, dtype := range []string{Float32, BFloat16} {
				var err error
				if results[i], err = Tune(t.Context(), p, next, TrainOptions{Steps: 12, LearningRate: 1e-2, DType: dtype}, nil); err != nil {
					t.Fatal(err)
				}
			}
			same, furthest := 0, 0.0
			for step, loss := range results[0].Losses {
				narrow := results[1].Losses[step]
				furthest = max(furthest, math.Abs(narrow/loss-1))
				if narrow == loss {
					same++
				}
			}
			first, last := results[1].Losses[0], results[1].Losses[11]
			t.Logf("loss %v to %v, in float32 to %v; at most %.2g apart", first, last, results[0].Losses[11], furthest)
			if furthest > 0.02 || same > 2 || last > 0.98*first {
				t.Errorf("losses in float32 %v, in bfloat16 %v", results[0].Losses, results[1].Losses)
			}
			if got := share(results[1].Weights); got < 0.9 {
				t.Errorf("%v of the trained numbers have more digits than bfloat16: expected nearly all", got)
			}
		})
	}
}

// share is that of the numbers which bfloat16 does not hold.
func share(weights map[string][]float32) float64 {
	n, beyond := 0, 0
	for _, values := range weights {
		for _, v := range values {
			if n++; bfloat16.FromFloat32(v).Float32() != v {
				beyond++
			}
		}
	}
	return float64(beyond) / float64(n)
}

// TestBFloat16Dropout has masks of the type that activations have.
func TestBFloat16Dropout(t *testing.T) {
	p, next := deep(2, 64, 4)
	p.Dropout, p.DType = 0.5, BFloat16
	got, err := Tune(t.Context(), p, next, TrainOptions{Steps: 3, LearningRate: 1e-2}, nil)
	if err != nil || len(got.Losses) != 3 {
		t.Fatalf("%v: expected 3 losses, found %+v", err, got)
	}
}

// TestBFloat16Memory looks at what the frozen arrays take: matrices half.
func TestBFloat16Memory(t *testing.T) {
	p, _ := deep(4, 256, 1)
	b, err := gomlxops.Backend()
	if err != nil {
		t.Fatal(err)
	}
	var held [2]int64
	for i, dtype := range []string{Float32, BFloat16} {
		p.DType = dtype
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		l, err := p.load(b)
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		held[i] = int64(after.HeapAlloc) - int64(before.HeapAlloc)
		for _, frozen := range append(l.frozen, l.trained...) {
			if err := frozen.FinalizeAll(); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 { // pools let go of what is in them at the second
			runtime.GC()
		}
	}
	t.Logf("held %d kB in float32, %d kB in bfloat16", held[0]>>10, held[1]>>10)
	if held[0] < 10<<20 || float64(held[1]) > 0.52*float64(held[0]) {
		t.Errorf("expected half of %d bytes, found %d", held[0], held[1])
	}
}

// TestBFloat16Holds looks at which arrays are narrow on the backend.
func TestBFloat16Holds(t *testing.T) {
	p, _ := deep(1, 64, 1)
	p.DType = BFloat16
	b, err := gomlxops.Backend()
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.load(b)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[dtypes.DType]int{}
	for i, name := range l.frozenNames {
		dtype := l.frozen[i].DType()
		if counts[dtype]++; (dtype == dtypes.BFloat16) != (len(p.Frozen[name].Shape) == 2) {
			t.Errorf("%s, %v: held in %s", name, p.Frozen[name].Shape, dtype)
		}
	}
	for _, w := range l.trained {
		if w.DType() != dtypes.Float32 {
			t.Errorf("a trained array is held in %s", w.DType())
		}
	}
	if counts[dtypes.BFloat16] != 8 || counts[dtypes.Float32] == 0 {
		t.Errorf("expected the embedding and 7 linears in bfloat16, found %v", counts)
	}
}

func TestBFloat16Refused(t *testing.T) {
	p, next := deep(1, 64, 1)
	_, err := Tune(t.Context(), p, next, TrainOptions{Steps: 1, DType: "f16"}, nil)
	if err == nil || !strings.Contains(err.Error(), `expected f32 or bf16, found "f16"`) {
		t.Errorf("expected an error that names what there is, found %v", err)
	}
	p.DType = "bfloat16"
	if _, err = Tune(t.Context(), p, next, TrainOptions{Steps: 1}, nil); err == nil || !strings.Contains(err.Error(), `f32 or bf16, found "bfloat16"`) {
		t.Errorf("expected an error that names what there is, found %v", err)
	}
}
