package linalg

import (
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestBadInputIsNamed goes through every way to call the package wrongly: each gets an error that says what and where.
func TestBadInputIsNamed(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(-1)
	one := []float64{1}
	for _, c := range []struct {
		what string
		call func() error
		says []string
	}{
		{"Eigh of too few numbers", func() error { _, _, err := Eigh(make([]float64, 8), 3); return err }, []string{"Eigh", "3×3 = 9", "holds 8"}},
		{"Eigh of negative size", func() error { _, _, err := Eigh(nil, -1); return err }, []string{"Eigh", "-1×-1"}},
		{"Eigh of a huge size", func() error { _, _, err := Eigh(nil, math.MaxInt/2); return err }, []string{"Eigh", "memory"}},
		{"Eigh with NaN", func() error { _, _, err := Eigh([]float64{1, 2, nan, 4}, 2); return err }, []string{"Eigh", "row 1, column 0", "NaN"}},
		{"Eigh with infinity", func() error { _, _, err := Eigh([]float64{1, inf, inf, 4}, 2); return err }, []string{"row 0, column 1", "-Inf"}},
		{"Eigh of a non-symmetric matrix", func() error { _, _, err := Eigh([]float64{1, 2, 2.001, 4}, 2); return err }, []string{"Eigh", "not symmetric", "(1,0) is 2.001", "(0,1) is 2", "Symmetrize"}},
		{"Cholesky of a non-symmetric matrix", func() error { _, err := Cholesky([]float64{4, 2, 1, 4}, 2); return err }, []string{"Cholesky", "not symmetric"}},
		{"Cholesky of zero", func() error { _, err := Cholesky(make([]float64, 9), 3); return err }, []string{"pivot 0 is 0", "ridge"}},
		{"Cholesky of too many numbers", func() error { _, err := Cholesky(make([]float64, 9), 2); return err }, []string{"Cholesky", "holds 9"}},
		{"SVD of too few numbers", func() error { _, _, _, err := SVD(one, 2, 3); return err }, []string{"SVD", "2×3 = 6", "holds 1"}},
		{"SVD with NaN", func() error { _, _, _, err := SVD([]float64{1, 2, 3, 4, 5, nan}, 2, 3); return err }, []string{"SVD", "row 1, column 2"}},
		{"Mul of another right side", func() error { _, err := Mul(one, 1, 1, one, 2); return err }, []string{"Mul", "right", "1×2"}},
		{"MulT of another left side", func() error { _, err := MulT(one, 2, 1, one, 1); return err }, []string{"MulT", "left", "2×1"}},
		{"TMul of another left side", func() error { _, err := TMul(one, 2, 1, one, 1); return err }, []string{"TMul", "left"}},
		{"Congruence of another middle", func() error { _, err := Congruence(one, 1, 1, []float64{1, 2}); return err }, []string{"right", "holds 2"}},
		{"SolveLower with a zero on the diagonal", func() error { _, err := SolveLower([]float64{1, 0, 1, 0}, 2, []float64{1, 1}, 1); return err }, []string{"SolveLower", "diagonal entry 1", "0"}},
		{"SolveLowerT with NaN", func() error { _, err := SolveLowerT([]float64{1, 0, 1, 1}, 2, []float64{1, nan}, 1); return err }, []string{"SolveLowerT", "row 1, column 0"}},
		{"SolveLowerT with NaN in the triangle", func() error { _, err := SolveLowerT([]float64{1, 0, nan, 1}, 2, []float64{1, 1}, 1); return err }, []string{"SolveLowerT", "row 1, column 0", "NaN"}},
		{"SolveCholesky of another length", func() error { _, err := SolveCholesky(one, 1, one, 3); return err }, []string{"holds 1"}},
		{"Symmetrize of another length", func() error { return Symmetrize(one, 2) }, []string{"Symmetrize", "holds 1"}},
	} {
		err := c.call()
		if err == nil {
			t.Errorf("%s: no error", c.what)
			continue
		}
		for _, s := range c.says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %q does not say %q", c.what, err, s)
			}
		}
	}
}

// TestNotPositiveDefiniteTellsThePivot uses matrices whose pivots are known by hand, one of them behind the first block.
func TestNotPositiveDefiniteTellsThePivot(t *testing.T) {
	const n, late = 150, 140
	a := identity(n)
	a[late*n+late] = 3
	a[late*n+2], a[2*n+late] = 2, 2 // the pivot is 3 − 2²
	for name, by := range solvers(t) {
		_, err := choleskyBy(by, a, n)
		var npd *NotPositiveDefinite
		if !errors.As(err, &npd) || npd.Pivot != late || math.Abs(npd.Value+1) > 1e-14 {
			t.Errorf("%s: %v, want pivot %d of -1", name, err, late)
		}
		_, err = choleskyBy(by, []float64{1e-200, 3e-200, 3e-200, 1e-200}, 2)
		if !errors.As(err, &npd) || npd.Pivot != 1 || math.Abs(npd.Value+8e-200) > 1e-213 {
			t.Errorf("%s: %v, want pivot 1 of -8e-200", name, err)
		}
	}
}

func TestEmptyMatrices(t *testing.T) {
	for name, by := range solvers(t) {
		if e, err := symmetricBy(by, nil, 0); err != nil || len(e.Values) != 0 || len(e.Top(3)) != 0 || e.Tail(0) != 0 {
			t.Errorf("%s: Eigh of 0×0: %v %v", name, e, err)
		}
		if l, err := choleskyBy(by, nil, 0); err != nil || len(l) != 0 {
			t.Errorf("%s: Cholesky of 0×0: %v %v", name, l, err)
		}
		for _, shape := range [][2]int{{0, 0}, {0, 4}, {4, 0}} {
			if u, s, vt, err := svdBy(by, nil, shape[0], shape[1]); err != nil || len(u)+len(s)+len(vt) != 0 {
				t.Errorf("%s: SVD of %v: %v %v %v %v", name, shape, u, s, vt, err)
			}
		}
	}
	if p, err := Mul(nil, 2, 0, nil, 3); err != nil || !slices.Equal(p, make([]float64, 6)) {
		t.Errorf("2×0 times 0×3: %v %v", p, err)
	}
	if x, err := SolveLower(nil, 0, nil, 2); err != nil || len(x) != 0 {
		t.Errorf("solving nothing: %v %v", x, err)
	}
}

func TestInputIsLeftAlone(t *testing.T) {
	a := []float64{2, 1, 1, 3}
	kept := slices.Clone(a)
	for name, by := range solvers(t) {
		_, errEigh := symmetricBy(by, a, 2)
		_, _, _, errSVD := svdBy(by, a, 2, 2)
		l, errCholesky := choleskyBy(by, a, 2)
		_, errSolve := SolveCholesky(l, 2, a, 2)
		if err := errors.Join(errEigh, errSVD, errCholesky, errSolve); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a, kept) {
			t.Fatalf("%s: the input became %v", name, a)
		}
	}
}

func TestSolverIsChosen(t *testing.T) {
	for _, off := range []string{"none", "off", "NONE", "go"} {
		if s, err := choose(off); err != nil || s.name() != "go" {
			t.Errorf("PARE_LAPACK=%s gives %v, %v", off, s, err)
		}
	}
	absent := filepath.Join(t.TempDir(), "libabsent.so")
	if _, err := choose(absent); err == nil || !strings.Contains(err.Error(), absent) || !strings.Contains(err.Error(), "PARE_LAPACK=") {
		t.Errorf("an absent library: %v", err)
	}
	if _, err := choose("libc.so.6"); err == nil || !strings.Contains(err.Error(), "libc.so.6") {
		t.Errorf("a library that is not LAPACK: %v", err)
	}
	s, err := choose("")
	if err != nil {
		t.Fatal(err)
	}
	if len(solvers(t)) == 2 && !strings.HasPrefix(s.name(), "lapack (lib") {
		t.Errorf("a library is there and %s was chosen", s.name())
	}
}

func TestSymmetrizeAndTranspose(t *testing.T) {
	const m, n = 70, 45
	a := gaussian(rand.New(rand.NewPCG(3, 3)), m*n)
	b := Transpose(a, m, n)
	for i := range m {
		for j := range n {
			if a[i*n+j] != b[j*m+i] {
				t.Fatalf("entry (%d,%d) is not turned", i, j)
			}
		}
	}
	s := slices.Clone(a[:n*n])
	if err := Symmetrize(s, n); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		for j := range n {
			if want := a[i*n+j]/2 + a[j*n+i]/2; s[i*n+j] != want {
				t.Fatalf("entry (%d,%d) is %v, want %v", i, j, s[i*n+j], want)
			}
		}
	}
}
