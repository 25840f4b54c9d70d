package transformer

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/internal/oracle"
)

// TestOpen compares every tensor with what the oracle's own reader says, over one file and over shards.
func TestOpen(t *testing.T) {
	for name, files := range map[string][]string{
		"mha": {"model.safetensors"},
		"gqa": {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"},
	} {
		m := openOracle(t, name)
		compared, params := 0, int64(0)
		for _, file := range files {
			for tensor, want := range oracle.Tensors(t, "models/"+name+"/"+file) {
				got, shape, err := m.Float32(tensor)
				if err != nil || !slices.Equal(shape, want.Shape) {
					t.Fatalf("%s %s: shape %v, error %v; expected shape %v", name, tensor, shape, err, want.Shape)
				}
				for i := range got {
					if float64(got[i]) != want.Data[i] {
						t.Fatalf("%s %s: index %d: expected %v, found %v", name, tensor, i, want.Data[i], got[i])
					}
				}
				compared++
				params += int64(len(got))
			}
		}
		if compared != len(m.Config().TensorShapes()) || m.Params() != params {
			t.Errorf("%s: %d tensors of %d numbers in the files, the model has %d of %d", name, compared, params, len(m.Config().TensorShapes()), m.Params())
		}
		if err := m.Verify(context.Background(), nil); err != nil {
			t.Error(err)
		}
	}
}

// TestOpenChecksDType sees a tensor of integers refused before anything is read.
func TestOpenChecksDType(t *testing.T) {
	if _, err := Open(oracle.Path(t, "data_bad/st_integer_dtype")); err == nil || !strings.Contains(err.Error(), "I32") {
		t.Errorf("expected an error that names I32, found %v", err)
	}
}

// TestCoverAlias sees two tensors refused that lie on the same bytes, though nothing is left over.
func TestCoverAlias(t *testing.T) {
	err := checkCover(map[string]tensor{"a": {begin: 0, end: 8}, "b": {begin: 0, end: 8}, "c": {begin: 8, end: 12}}, 12)
	if err == nil || !strings.Contains(err.Error(), "overlap") {
		t.Errorf("expected an error about the overlap, found %v", err)
	}
}

func TestTiedHead(t *testing.T) {
	m := openOracle(t, "gqa")
	embedding, _, err := m.Float32("model.embed_tokens.weight")
	if err != nil {
		t.Fatal(err)
	}
	head, _, err := m.Float32("lm_head.weight")
	if err != nil || !slices.Equal(embedding, head) {
		t.Errorf("the head of a tied model is not its embedding: %v", err)
	}
}

func TestLinears(t *testing.T) {
	m := openOracle(t, "gqa")
	if n := len(m.Linears()); n != 2*len(Kinds) {
		t.Fatalf("2 layers have %d linears", n)
	}
	for _, l := range m.Linears() {
		_, shape, err := m.Float32(l.Name + ".weight")
		if err != nil || !slices.Equal(shape, []int{l.Out, l.In}) {
			t.Errorf("%s: shape %v, error %v; the linear says [%d %d]", l.Name, shape, err, l.Out, l.In)
		}
		if again, err := m.Linear(l.Name); err != nil || again != l {
			t.Errorf("%s is found as %v, %v", l.Name, again, err)
		}
		if !slices.Contains(Sites, l.Kind.Site()) {
			t.Errorf("%s reads site %q", l.Kind, l.Kind.Site())
		}
	}
	if _, err := m.Linear("lm_head"); err == nil || !strings.Contains(err.Error(), "lm_head") {
		t.Errorf("an unknown linear gives error %v", err)
	}
}

func TestVerifyStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := openOracle(t, "mha").Verify(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("expected the context's error, found %v", err)
	}
}

// TestWith replaces linears, sees the counts change and the model stay, and bad forms refused by name.
func TestWith(t *testing.T) {
	m := openOracle(t, "mha")
	l := m.Linears()[6] // down_proj [48, 112]
	f := factoredFor(l, 5, true)
	v, err := m.With(map[string]Form{l.Name: f})
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(5*(48+112) + 48); f.Params() != want || v.LinearParams() != m.Dense().LinearParams()-l.Params()+want {
		t.Errorf("a factored linear counts %d, expected %d; all linears count %d", f.Params(), want, v.LinearParams())
	}
	if v.Params()-v.LinearParams() != m.Params()-m.Dense().LinearParams() {
		t.Error("what lies outside the linears changed")
	}
	if got, ok := v.Form(l.Name); !ok || got != Form(f) {
		t.Error("the variant does not hold the form that it was given")
	}
	if _, ok := m.Dense().Form(l.Name); ok {
		t.Error("making a variant changed the model")
	}
	wrong := factoredFor(l, 5, true)
	wrong.B = wrong.B[1:]
	inf := factoredFor(l, 5, true)
	inf.A[17] /= 0 * inf.A[17]
	for what, forms := range map[string]map[string]Form{
		"values":   {l.Name: wrong},
		"finite":   {l.Name: inf},
		"nil":      {l.Name: nil},
		"expected": {m.Linears()[0].Name: f},
		"rank":     {l.Name: &Factored{}},
		"bias":     {l.Name: &Factored{5, f.B, f.A, f.Bias[1:]}},
		"matrix":   {l.Name: &Dense{Out: l.Out, In: l.In}},
	} {
		_, err := m.With(forms)
		if name := slices.Collect(maps.Keys(forms))[0]; err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), what) {
			t.Errorf("expected an error with %q and %s, found %v", what, name, err)
		}
	}
}

// factoredFor makes up factors for l.
func factoredFor(l Linear, rank int, bias bool) *Factored {
	f := &Factored{Rank: rank, A: make([]float32, rank*l.In), B: make([]float32, l.Out*rank)}
	fillNormal(f.A, 1, 3, l.Name+"A")
	fillNormal(f.B, 1, 3, l.Name+"B")
	if bias {
		f.Bias = make([]float32, l.Out)
		fillNormal(f.Bias, 1, 3, l.Name+"bias")
	}
	return f
}

// TestDigest sees the same digest over other shards, and another one for another number, dtype or setting.
func TestDigest(t *testing.T) {
	digest := func(m *Model) string {
		t.Helper()
		d, err := m.Digest()
		if err != nil || len(d) != 64 {
			t.Fatalf("digest %q: %v", d, err)
		}
		return d
	}
	m := openOracle(t, "gqa")
	want := digest(m)
	whole := saveAndOpen(t, m.Dense(), SaveOptions{})
	if got := digest(whole); len(whole.files) != 1 || got != want {
		t.Errorf("in one file the digest is %s, in two %s", got, want)
	}
	if digest(saveAndOpen(t, m.Dense(), SaveOptions{DType: "BF16"})) == want {
		t.Error("another dtype has the same digest")
	}
	weights := make(map[string][]float32)
	for _, s := range m.Config().TensorShapes() {
		weights[s.Name], _, _ = m.Float32(s.Name)
	}
	weights["model.norm.weight"][3] += 1
	if digest(saveTensorsAndOpen(t, m.Config(), weights)) == want {
		t.Error("another number has the same digest")
	}
	weights["model.norm.weight"][3] -= 1
	c := *m.Config()
	c.RopeTheta *= 2
	if digest(saveTensorsAndOpen(t, &c, weights)) == want {
		t.Error("another rope_theta has the same digest")
	}
	if digest(saveTensorsAndOpen(t, m.Config(), weights)) != want {
		t.Error("the same tensors have another digest")
	}
}
