package lab

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/lowrank"
)

// Every method under both allocations; a second time everything is read back and the result is the same.
func TestShrink(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	files := map[string]bool{}
	for _, method := range lowrank.Methods() {
		for _, by := range []lowrank.By{lowrank.ByUniform, lowrank.ByEnergy} {
			c := Compression{Method: method, Ratio: 0.4, Allocate: by, Weigh: by == lowrank.ByEnergy, Calibration: little}
			first, err := l.Shrink(t.Context(), m, c)
			if err != nil {
				t.Fatal(err)
			}
			again, err := l.Shrink(t.Context(), m, c)
			if err != nil {
				t.Fatal(err)
			}
			a := first.Allocation
			if !reflect.DeepEqual(a, again.Allocation) || a.By != by || a.Method != method {
				t.Errorf("%s by %s: %+v, then %+v", method, by, a, again.Allocation)
			}
			if a.After != first.Variant.LinearParams() || a.Removed() < 0.37 || a.Removed() > 0.45 {
				t.Errorf("%s by %s: removed %v", method, by, a.Removed())
			}
		}
		found, err := filepath.Glob(filepath.Join(l.Home, "results", "spectra-"+string(method)+"-*"))
		if err != nil || len(found) != 1 {
			t.Errorf("%s: kept %v, %v", method, found, err)
		}
		files[strings.Join(found, " ")] = true
	}
	if len(files) != len(lowrank.Methods()) {
		t.Errorf("%d files for %d methods", len(files), len(lowrank.Methods()))
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
