package lowrank

import (
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		method Method
		given  Settings
		want   string // of String; "!" begins a part of the error
	}{
		{ASVD, Settings{}, "alpha=0.5"}, {ASVD, Settings{Alpha: 0.3}, "alpha=0.3"}, {ASVD, Settings{Alpha: 1}, "alpha=1"},
		{FeaturePCM, Settings{}, "centring=mean"}, {FeatureSCM, Settings{Centring: Uncentred}, "centring=uncentred"},
		{FeatureSCM, Settings{Centring: NoBias}, "centring=no-bias"}, {SVDLLM, Settings{}, ""}, {PlainSVD, Settings{}, ""},
		{ASVD, Settings{Alpha: 1.5}, "!found 1.5"}, {ASVD, Settings{Alpha: -1}, "!found -1"}, {ASVD, Settings{Alpha: math.NaN()}, "!found NaN"},
		{PlainSVD, Settings{Alpha: 0.5}, `!"svd" has none`}, {SVDLLM, Settings{Centring: KeepMean}, `!"svdllm" has none`},
		{FeaturePCM, Settings{Centring: "zero"}, `!found "zero"`}, {"pca", Settings{}, `!found "pca"`},
	} {
		got, err := c.given.For(c.method)
		if part, refused := strings.CutPrefix(c.want, "!"); refused {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s %+v: got %v, want %q", c.method, c.given, err, part)
			}
			continue
		}
		if err != nil || got.String() != c.want {
			t.Errorf("%s %+v: got %q, %v, want %q", c.method, c.given, got, err, c.want)
		}
		if again, err := got.For(c.method); err != nil || again != got {
			t.Errorf("%s %+v: resolved twice gives %+v, %v", c.method, got, again, err)
		}
	}
}

// Settings travel with the spectra, and differing ones do not mix.
func TestSettingsAreKept(t *testing.T) {
	r := references(t)[0]
	for method, settings := range map[Method]Settings{ASVD: {Alpha: 0.25}, FeaturePCM: {Centring: Uncentred}, FeatureSCM: {Centring: NoBias}} {
		spectra := r.spectraWith(t, method, Options{Settings: settings})
		path := filepath.Join(t.TempDir(), "spectra")
		if err := Save(path, spectra); err != nil {
			t.Fatal(err)
		}
		back, err := Load(path, r.model)
		if err != nil {
			t.Fatal(err)
		}
		if back[0].Settings != settings || !reflect.DeepEqual(back, spectra) {
			t.Errorf("%s: %+v came back as %+v", method, settings, back[0].Settings)
		}
		mixed := append(spectra[:1:1], r.spectra(t, method)[1])
		if _, _, err := Uniform(mixed, 0.5); err == nil || !strings.Contains(err.Error(), settings.String()) {
			t.Errorf("%s: mixed settings: %v", method, err)
		}
	}
}
