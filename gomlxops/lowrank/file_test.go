package lowrank

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/internal/tensorfile"
)

func TestSaveLoad(t *testing.T) {
	r := references(t)[0]
	for _, method := range Methods() {
		spectra := r.spectra(t, method)
		path := filepath.Join(t.TempDir(), "spectra.safetensors")
		if err := Save(path, spectra); err != nil {
			t.Fatal(err)
		}
		back, err := Load(path, r.model)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(spectra, back) {
			t.Errorf("%s: what was read differs from what was saved", method)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	all := references(t)
	r, other := all[0], all[1]
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	spectra := r.spectra(t, FeaturePCM)
	if err := Save(good, spectra); err != nil {
		t.Fatal(err)
	}
	refuse := func(name, path string, with *reference, want string) {
		t.Helper()
		if _, err := Load(path, with.model); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want %q and the path", name, err, want)
		}
	}
	refuse("another model", good, other, "decompose this model")
	refuse("absent", filepath.Join(dir, "absent"), r, "no such file")

	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(dir, "short")
	if err := os.WriteFile(short, whole[:len(whole)-9], 0o644); err != nil {
		t.Fatal(err)
	}
	refuse("truncated", short, r, "truncated")

	digest := spectra[0].Model
	head := func(change map[string]string) map[string]string {
		m := map[string]string{"kind": fileKind, "version": fileVersion, "method": "svd", "model": digest, "linears": "1", "linear.0": spectra[0].Linear.Name}
		for k, v := range change {
			m[k] = v
		}
		return m
	}
	for name, c := range map[string]struct {
		change map[string]string
		want   string
	}{
		"kind":    {map[string]string{"kind": "pare moments"}, "expected kind"},
		"version": {map[string]string{"version": "99"}, "decompose again"},
		"method":  {map[string]string{"method": "pca"}, `found "pca"`},
		"count":   {map[string]string{"linears": "1000"}, `found "1000"`},
		"linear":  {map[string]string{"linear.0": "lm_head"}, "lm_head"},
		"arrays":  {nil, ".basis"},
	} {
		path := filepath.Join(dir, name)
		if err := tensorfile.Write(path, nil, head(c.change)); err != nil {
			t.Fatal(err)
		}
		refuse(name, path, r, c.want)
	}
	mixed := append(r.spectra(t, PlainSVD)[:1:1], spectra[1])
	if err := Save(filepath.Join(dir, "mixed"), mixed); err == nil || !strings.Contains(err.Error(), "svd") {
		t.Errorf("two methods in one file: %v", err)
	}
}
