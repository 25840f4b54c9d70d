package importance

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/internal/oracle"
	"github.com/parelab/pare/gomlxops/internal/tensorfile"
	"github.com/parelab/pare/gomlxops/transformer"
)

// tolerance is relative to the largest sum of a linear. Gradients are float32; measured 6e-6. A gradient of the batch instead of each sequence is off by tenths.
const tolerance = 3e-5

// reference is one of the oracle's models.
func reference(t *testing.T, name string) (*transformer.Model, map[string][][]int32) {
	t.Helper()
	m, err := transformer.Open(oracle.Path(t, "models/"+name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	var tokens map[string][][]int32
	oracle.JSON(t, "models/"+name+"/tokens.json", &tokens)
	return m, tokens
}

func collectFisher(t *testing.T, m *transformer.Model, sequences [][]int32) *Fisher {
	t.Helper()
	f, err := Collect(t.Context(), m, sequences, Options{Data: "novels"})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFisherMatchesReference(t *testing.T) {
	for _, name := range []string{"mha", "gqa"} {
		m, tokens := reference(t, name)
		calib := oracle.Tensors(t, "models/"+name+"/calib.safetensors")
		f := collectFisher(t, m, tokens["calib"])
		worst := 0.0
		for _, s := range f.Linears {
			for what, got := range map[string][]float64{".fisher_row": s.Row, ".fisher_col": s.Col} {
				d := apart(t, got, calib[s.Linear.Name+what].Data)
				worst = max(worst, d)
				if !(d < tolerance) {
					t.Errorf("%s %s%s: apart by %.2g", name, s.Linear.Name, what, d)
				}
			}
			if d := math.Abs(total(s.Col)/s.Total() - 1); d > 1e-12 {
				t.Errorf("%s %s: rows and columns add up apart by %.2g", name, s.Linear.Name, d)
			}
		}
		if len(f.Linears) != len(m.Linears()) {
			t.Errorf("%s: %d linears", name, len(f.Linears))
		}
		t.Logf("%s: worst difference %.2g", name, worst)
	}
}

func total(v []float64) (sum float64) {
	for _, x := range v {
		sum += x
	}
	return sum
}

func apart(t *testing.T, got, want []float64) float64 {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	scale, worst := 0.0, 0.0
	for i, w := range want {
		scale = max(scale, math.Abs(w))
		if d := math.Abs(got[i] - w); !(d <= worst) {
			worst = d
		}
	}
	return worst / scale
}

// The mean over sequences is that of the parts, weighted by their numbers of sequences.
func TestSequencesCountAlike(t *testing.T) {
	m, tokens := reference(t, "gqa")
	seq := tokens["calib"][:3]
	all, one, two := collectFisher(t, m, seq), collectFisher(t, m, seq[:1]), collectFisher(t, m, seq[1:])
	for i, s := range all.Linears {
		mean := make([]float64, len(s.Row))
		for k := range mean {
			mean[k] = (one.Linears[i].Row[k] + 2*two.Linears[i].Row[k]) / 3
		}
		if d := apart(t, s.Row, mean); d > 1e-12 {
			t.Errorf("%s: apart by %.2g", s.Linear.Name, d)
		}
	}
	if all.Digest() == one.Digest() || all.Sequences != 3 || all.Length != 32 || all.Data != "novels" {
		t.Errorf("%+v", all)
	}
}

// Salience against its definition, from the reference's sums.
func TestSalience(t *testing.T) {
	m, tokens := reference(t, "mha")
	f := collectFisher(t, m, tokens["calib"][:2])
	all, err := f.Salience(m)
	if err != nil || len(all) != 21 {
		t.Fatalf("%d linears, %v", len(all), err)
	}
	for _, s := range f.Linears {
		w, _, err := m.Float32(s.Linear.Name + ".weight")
		if err != nil {
			t.Fatal(err)
		}
		want := 0.0
		for at, v := range w {
			want += s.Row[at/s.Linear.In] / float64(s.Linear.In) * float64(v) * float64(v)
		}
		if got := all[s.Linear.Name]; math.Abs(got/want-1) > 1e-12 || got <= 0 {
			t.Errorf("%s: %g, want %g", s.Linear.Name, got, want)
		}
	}
}

func TestSaveLoad(t *testing.T) {
	m, tokens := reference(t, "gqa")
	other, _ := reference(t, "mha")
	f := collectFisher(t, m, tokens["calib"][:1])
	path := filepath.Join(t.TempDir(), "fisher")
	if err := f.Save(path); err != nil {
		t.Fatal(err)
	}
	back, err := Load(path, m)
	if err != nil || !reflect.DeepEqual(f, back) {
		t.Errorf("what was read differs from what was saved: %v", err)
	}
	wrong := filepath.Join(t.TempDir(), "wrong")
	for want, c := range map[string]struct {
		with   *transformer.Model
		change map[string]string
	}{
		"another model": {other, nil}, "expected kind": {m, map[string]string{"kind": "pare moments"}},
		"collect again": {m, map[string]string{"version": "9"}}, "sequences": {m, map[string]string{"sequences": "0"}},
		"length": {m, map[string]string{"length": "1"}}, ".fisher_row": {m, nil},
	} {
		head := map[string]string{"kind": fileKind, "version": fileVersion, "model": f.Model, "sequences": "1", "length": "32"}
		for k, v := range c.change {
			head[k] = v
		}
		if err := tensorfile.Write(wrong, nil, head); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(wrong, c.with); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), wrong) {
			t.Errorf("got %v, want %q and the path", err, want)
		}
	}
	f.Linears[0].Row[0] = -1
	if err := f.Save(wrong); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(wrong, m); err == nil || !strings.Contains(err.Error(), "found -1 at 0") {
		t.Errorf("a negative sum of squares: %v", err)
	}
}

func TestCollectRefuses(t *testing.T) {
	m, _ := reference(t, "gqa")
	for want, sequences := range map[string][][]int32{
		"no sequence": nil, "sequence 1": {{1, 2, 3}, {1, 2}}, "at least 2": {{1}}, "found 9999": {{1, 9999}},
	} {
		if _, err := Collect(t.Context(), m, sequences, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Collect(ctx, m, [][]int32{{1, 2}}, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
