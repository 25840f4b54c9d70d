package lab

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/lowrank"
)

// Every method, the allocations in turn; a second time everything is read back and the result is the same.
func TestShrink(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	for i, method := range lowrank.Methods() {
		c := Compression{Method: method, Ratio: 0.4, Allocate: []lowrank.By{lowrank.ByUniform, lowrank.ByEnergy}[i%2], Calibration: little}
		c.Weigh = method == lowrank.FWSVDCol
		first, err := l.Shrink(t.Context(), m, c)
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
		again, err := l.Shrink(t.Context(), m, c)
		if err != nil || !reflect.DeepEqual(a, again.Allocation) {
			t.Errorf("%s: %+v, then %+v, %v", method, a, again, err)
		}
		if g, err := l.Gradients(t.Context(), m, little); err != nil || g.ReadBack == "" {
			t.Errorf("gradients were computed again: %v", err)
		}
	}
}

// Settings of a method make results of their own.
func TestShrinkKeepsSettingsApart(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	for _, alpha := range []float64{0, 0.5, 0.9} {
		c := Compression{Method: lowrank.ASVD, Ratio: 0.4, Settings: lowrank.Settings{Alpha: alpha}, Calibration: little}
		small, err := l.Shrink(t.Context(), m, c)
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

func TestShrinkRefuses(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	for want, c := range map[string]Compression{
		`found "pca"`:  {Method: "pca", Ratio: 0.5},
		"found 1.5":    {Ratio: 1.5},
		`found "best"`: {Ratio: 0.5, Allocate: "best"},
		"no say":       {Ratio: 0.5, Weigh: true},
		"alpha":        {Ratio: 0.5, Settings: lowrank.Settings{Alpha: 0.5}},
	} {
		if _, err := l.Shrink(t.Context(), m, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
