package lab

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/lowrank"
)

// Every method, the allocations in turn; a second time everything is read back and the result is the same.
func TestCompress(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	for i, method := range lowrank.Methods() {
		c := Attempt{Method: method, Ratio: 0.4, Allocate: []lowrank.By{lowrank.ByUniform, lowrank.ByEnergy}[i%2], Calibration: little}
		if method == lowrank.FWSVDCol {
			c.Allocate = ByFisher
		}
		first, err := l.Compress(t.Context(), m, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		a := first.Allocation
		if a.By != c.Allocate || a.Method != method || a.After != first.Variant.LinearParams() || a.Removed() < 0.37 || a.Removed() > 0.45 {
			t.Errorf("%s by %s: %+v, removed %v", method, c.Allocate, a, a.Removed())
		}
		found, err := filepath.Glob(filepath.Join(l.Home, "results", "spectra-"+string(method)+"-*"))
		if err != nil || len(found) != 1 {
			t.Errorf("%s: kept %v, %v", method, found, err)
		}
		if method != lowrank.FWSVDCol {
			continue
		}
		again, err := l.Compress(t.Context(), m, c, nil)
		if err != nil || !reflect.DeepEqual(a, again.Allocation) {
			t.Errorf("%s: %+v, then %+v, %v", method, a, again, err)
		}
		if g, err := l.Gradients(t.Context(), m, little); err != nil || g.ReadBack == "" {
			t.Errorf("gradients were computed again: %v", err)
		}
	}
}

// Settings of a method make results of their own.
func TestCompressKeepsSettingsApart(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	for _, alpha := range []float64{0, 0.5, 0.9} {
		c := Attempt{Method: lowrank.ASVD, Ratio: 0.4, Settings: lowrank.Settings{Alpha: alpha}, Calibration: little}
		small, err := l.Compress(t.Context(), m, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := max(alpha, 0.5); small.Allocation.Settings.Alpha != want {
			t.Errorf("alpha %v became %v", alpha, small.Allocation.Settings.Alpha)
		}
	}
	found, err := filepath.Glob(filepath.Join(l.Home, "results", "spectra-asvd-*"))
	if err != nil || len(found) != 2 { // 0 means 0.5
		t.Errorf("kept %v, %v", found, err)
	}
}

func TestCompressRefuses(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	for want, c := range map[string]Attempt{
		`found "pca"`:  {Method: "pca", Ratio: 0.5},
		"found 1.5":    {Method: "svd", Ratio: 1.5},
		`found "best"`: {Method: "pcm", Ratio: 0.5, Allocate: "best"},
		"has no say":   {Method: "pcm", Ratio: 0.5, Target: "original"},
		"no inputs":    {Method: "svd", Ratio: 0.5, Sequential: "both"},
		"alpha":        {Method: "pcm", Ratio: 0.5, Settings: lowrank.Settings{Alpha: 0.5}},
	} {
		if _, err := l.Compress(t.Context(), m, c, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
