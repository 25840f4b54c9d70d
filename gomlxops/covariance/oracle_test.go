package covariance

import (
	"slices"
	"testing"

	"github.com/parelab/pare/gomlxops/internal/oracle"
	"github.com/parelab/pare/gomlxops/linalg"
	"github.com/parelab/pare/gomlxops/transformer"
)

var oracleModels = []string{"mha", "gqa"}

func openOracle(t *testing.T, name string) *transformer.Model {
	t.Helper()
	m, err := transformer.Open(oracle.Path(t, "models/"+name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func weight(t *testing.T, m *transformer.Model, l transformer.Linear) []float32 {
	t.Helper()
	w, _, err := m.Float32(l.Name + ".weight")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// storedMoments makes moments, in one group, from the input moments that the reference stores.
func storedMoments(t *testing.T, m *transformer.Model, calib map[string]oracle.Array) *Moments {
	const tokens = 512
	all := &Moments{Sequences: 16, Length: tokens / 16, Groups: 1}
	for _, l := range m.Linears() {
		if _, err := all.Site(l.Layer, l.Kind.Site()); err == nil {
			continue
		}
		s := newStats(l.Layer, l.Kind.Site(), l.In, 1)
		s.Groups[0] = Group{tokens, calib[l.Name+".input_mean"].Data}
		s.AbsMean = calib[l.Name+".input_absmean"].Data
		s.Within = scaled(calib[l.Name+".input_second_moment"].Data, tokens)
		addOuter(s.Within, -tokens, s.Groups[0].Mean)
		all.Stats = append(all.Stats, s)
	}
	return all
}

// METHODS identity 1, in float64: what the reference measured at the outputs follows from what it measured at the inputs.
func TestOutputsFollowFromInputs(t *testing.T) {
	for _, name := range oracleModels {
		m := openOracle(t, name)
		calib := oracle.Tensors(t, "models/"+name+"/calib.safetensors")
		stored := storedMoments(t, m, calib)
		checked := 0
		for _, l := range m.Linears() {
			out, err := stored.SCM(weight(t, m, l), l)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, name+" "+l.Name+" mean", out.Mean, calib[l.Name+".output_mean"].Data, 1e-12)
			expect(t, name+" "+l.Name+" SCM", out.Cov, oracle.Unpack(calib[l.Name+".output_scm"].Data, l.Out), 1e-12)
			s, _ := stored.Input(l)
			expect(t, name+" "+l.Name+" second moment", s.SecondMoment(), oracle.Unpack(calib[l.Name+".input_second_moment"].Data, l.In), 1e-14)
			values, _, err := linalg.Eigh(out.Cov, l.Out)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, name+" "+l.Name+" eigenvalues", values, calib[l.Name+".output_scm_eig"].Data, 1e-12)
			checked++
		}
		if checked != m.Config().Layers*len(transformer.Kinds) {
			t.Errorf("%s: %d linears checked", name, checked)
		}
	}
}

func TestOutputRefuses(t *testing.T) {
	m := openOracle(t, "mha")
	stored := storedMoments(t, m, oracle.Tensors(t, "models/mha/calib.safetensors"))
	l := m.Linears()[0]
	if _, err := stored.PCM(make([]float32, 3), l); err == nil {
		t.Error("a weight of 3 values was accepted")
	}
	l.In = 3
	if _, err := stored.PCM(make([]float32, 3*l.Out), l); err == nil {
		t.Error("a linear of another size was accepted")
	}
	l.Layer = 99
	if _, err := stored.SCM(nil, l); err == nil {
		t.Error("a layer that was not calibrated was accepted")
	}
	if err := stored.For(m); err == nil {
		t.Error("moments of no known model were accepted for one")
	}
	stored.Model, _ = m.Digest()
	if err := stored.For(m); err != nil {
		t.Error(err)
	}
	if !slices.Equal(stored.Warnings(), nil) {
		t.Errorf("512 tokens are enough: %v", stored.Warnings())
	}
}
