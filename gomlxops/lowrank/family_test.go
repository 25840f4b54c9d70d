package lowrank

import (
	"testing"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/importance"
	"github.com/parelab/pare/gomlxops/internal/oracle"
	"github.com/parelab/pare/gomlxops/transformer"
)

// Linears that share a tensor, lie transposed in it or have biases are taken apart like any other: at full rank every method gives the
// dense model's losses, and below it, block after block too, what is counted is what is held.
func TestOtherFamilies(t *testing.T) {
	for _, name := range []string{"gpt2", "chatglm"} {
		m, err := transformer.Open(oracle.Path(t, "models/"+name))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		var tokens map[string][][]int32
		oracle.JSON(t, "models/"+name+"/tokens.json", &tokens)
		moments, err := covariance.Collect(t.Context(), m.Dense(), tokens["forward"], covariance.Options{})
		if err != nil {
			t.Fatal(err)
		}
		fisher, err := importance.Collect(t.Context(), m, tokens["forward"], importance.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, method := range Methods() {
			spectra, err := DecomposeAll(t.Context(), m, moments, method, Options{Fisher: fisher, Keep: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			checkFullRank(t, m, spectra, tokens["forward"])
			_, a, err := Uniform(spectra, 0.3)
			if err != nil {
				t.Fatal(err)
			}
			forms, a, err := Sequential(t.Context(), m, spectra, a, tokens["forward"], SequentialOptions{Mode: Update, Target: Original})
			if err != nil {
				t.Fatal(err)
			}
			v, err := m.With(forms)
			if err != nil || len(forms) != len(m.Linears()) || v.LinearParams() != a.After || m.Dense().LinearParams() != a.Before {
				t.Errorf("%s by %s: %d of %d linears, counted %d of %d, %v", name, method, len(forms), len(m.Linears()), a.After, a.Before, err)
			}
		}
	}
}

func checkFullRank(t *testing.T, m *transformer.Model, spectra []*Spectrum, tokens [][]int32) {
	t.Helper()
	forms := map[string]transformer.Form{}
	for _, s := range spectra {
		f, err := s.Factors(s.Kept)
		if err != nil {
			t.Fatal(err)
		}
		forms[s.Linear.Name] = f
	}
	v, err := m.With(forms)
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Losses(t.Context(), tokens, transformer.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := m.Dense().Losses(t.Context(), tokens, transformer.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := apart(t, got.Sum, want.Sum); !(d < 1e-5) {
		t.Errorf("%s by %s: losses at full rank are off by %.2g", m.Config().ModelType, spectra[0].Method, d)
	}
}
