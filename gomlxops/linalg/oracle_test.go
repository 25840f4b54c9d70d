package linalg

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/internal/oracle"
)

// solvers returns what this machine can factorise with; each test runs on all. It skips the library's part aloud where
// there is none, and there is always our own.
func solvers(t testing.TB) map[string]solver {
	t.Helper()
	all := map[string]solver{"go": blocked{}}
	if s, err := anyLibrary(libraries); err == nil {
		all["lapack"] = s
	} else {
		t.Logf("SKIPPED on LAPACK: %v", err)
	}
	return all
}

type reference struct {
	Sym map[string]struct {
		N              int
		Scale          float64
		ProjectorRanks []int `json:"projector_ranks"`
	}
	SVD map[string]struct {
		Shape []int
		Scale float64
		Ranks []int
	}
	Cholesky map[string]struct {
		N         int
		Condition float64
		LogDet    float64 `json:"log_det"`
	}
	MustFail map[string]string `json:"must_fail"`
}

func load(t *testing.T) (reference, map[string]oracle.Array) {
	t.Helper()
	var ref reference
	oracle.JSON(t, "linalg.json", &ref)
	return ref, oracle.Tensors(t, "linalg.safetensors")
}

// tensor fails the test where the oracle has no such tensor.
func tensor(t *testing.T, all map[string]oracle.Array, name string) []float64 {
	t.Helper()
	a, ok := all[name]
	if !ok {
		t.Fatalf("oracle: no tensor %s", name)
	}
	return a.Data
}

// worst returns max |x−y| / scale; a difference that is not a number is infinite.
func worst(t testing.TB, x, y []float64, scale float64) float64 {
	t.Helper()
	if len(x) != len(y) {
		t.Fatalf("%d numbers, want %d", len(x), len(y))
	}
	top := 0.0
	for i := range x {
		d := math.Abs(x[i]/scale - y[i]/scale)
		if !(d <= math.MaxFloat64) {
			return math.Inf(1)
		}
		top = max(top, d)
	}
	return top
}

func TestOracleSymmetric(t *testing.T) {
	ref, all := load(t)
	for name, by := range solvers(t) {
		checked, values, projectors := 0, 0.0, 0.0
		for key, c := range ref.Sym {
			e, err := symmetricBy(by, tensor(t, all, "sym."+key+".matrix"), c.N)
			if err != nil {
				t.Errorf("%s %s: %v", name, key, err)
				continue
			}
			d := worst(t, e.Values, tensor(t, all, "sym."+key+".eig"), c.Scale)
			if values = max(values, d); d > 1e-13 {
				t.Errorf("%s %s: eigenvalues are off by %.1e of the scale", name, key, d)
			}
			for _, k := range c.ProjectorRanks {
				v := e.Top(k)
				p, err := MulT(v, c.N, k, v, c.N)
				if err != nil {
					t.Fatal(err)
				}
				d := worst(t, p, tensor(t, all, "sym."+key+".proj."+itoa(k)), 1)
				if projectors = max(projectors, d); d > 1e-9 {
					t.Errorf("%s %s: projector %d is off by %.1e", name, key, k, d)
				}
				checked++
			}
			checked++
		}
		t.Logf("%s: %d checks, eigenvalues within %.1e of the scale, projectors within %.1e", name, checked, values, projectors)
		if want := count(all, "sym.", "eig") + count(all, "sym.", "proj"); checked != want || want == 0 {
			t.Errorf("%s: %d checks ran, the oracle has %d", name, checked, want)
		}
	}
}

func TestOracleSVD(t *testing.T) {
	ref, all := load(t)
	for name, by := range solvers(t) {
		checked, values, best := 0, 0.0, 0.0
		for key, c := range ref.SVD {
			m, n := c.Shape[0], c.Shape[1]
			a := tensor(t, all, "svd."+key+".matrix")
			u, s, vt, err := svdBy(by, a, m, n)
			if err != nil {
				t.Errorf("%s %s: %v", name, key, err)
				continue
			}
			d := worst(t, s, tensor(t, all, "svd."+key+".s"), c.Scale)
			if values = max(values, d); d > 1e-13 {
				t.Errorf("%s %s: singular values are off by %.1e of the scale", name, key, d)
			}
			for _, r := range append(c.Ranks, min(m, n)) {
				want := a // at full rank
				if slices.Contains(c.Ranks, r) {
					want = tensor(t, all, "svd."+key+".best_rank."+itoa(r))
				}
				d := worst(t, truncated(t, u, s, vt, m, n, r), want, c.Scale)
				if best = max(best, d); d > 1e-11 {
					t.Errorf("%s %s: best rank %d is off by %.1e of the scale", name, key, r, d)
				}
				checked++
			}
			checked++
		}
		t.Logf("%s: %d checks, singular values within %.1e of the scale, best ranks within %.1e", name, checked, values, best)
		// One more for each matrix: the product of all ranks is the matrix.
		if want := 2*count(all, "svd.", "s") + count(all, "svd.", "best_rank"); checked != want || want == 0 {
			t.Errorf("%s: %d checks ran, the oracle has %d", name, checked, want)
		}
	}
}

// truncated returns U_r diag(s_r) Vt_r by plain loops.
func truncated(t *testing.T, u, s, vt []float64, m, n, r int) []float64 {
	t.Helper()
	k := min(m, n)
	if len(u) != m*k || len(s) != k || len(vt) != k*n {
		t.Fatalf("SVD of %d×%d returned %d, %d and %d numbers", m, n, len(u), len(s), len(vt))
	}
	out := make([]float64, m*n)
	for i := range m {
		for c := range r {
			axpyScalar(u[i*k+c]*s[c], vt[c*n:(c+1)*n], out[i*n:(i+1)*n])
		}
	}
	return out
}

func TestOracleCholesky(t *testing.T) {
	ref, all := load(t)
	for name, by := range solvers(t) {
		checked, factors, solutions := 0, 0.0, 0.0
		for key, c := range ref.Cholesky {
			l, err := choleskyBy(by, tensor(t, all, "chol."+key+".matrix"), c.N)
			if err != nil {
				t.Errorf("%s %s: %v", name, key, err)
				continue
			}
			want := tensor(t, all, "chol."+key+".L")
			d := worst(t, l, want, peak(want)) / c.Condition
			if factors = max(factors, d); d > 1e-14 {
				t.Errorf("%s %s: L is off by %.1e of its largest entry, per condition number", name, key, d)
			}
			x, err := SolveCholesky(l, c.N, tensor(t, all, "chol."+key+".rhs"), 2)
			if err != nil {
				t.Errorf("%s %s: %v", name, key, err)
				continue
			}
			want = tensor(t, all, "chol."+key+".solution")
			d = worst(t, x, want, peak(want)) / c.Condition
			if solutions = max(solutions, d); d > 1e-14 {
				t.Errorf("%s %s: the solution is off by %.1e of its largest entry, per condition number", name, key, d)
			}
			logDet := 0.0
			for i := range c.N {
				logDet += 2 * math.Log(l[i*c.N+i])
			}
			if math.Abs(logDet-c.LogDet) > 1e-12*max(1, math.Abs(c.LogDet))+1e-15*c.Condition {
				t.Errorf("%s %s: log-determinant %.15g, want %.15g", name, key, logDet, c.LogDet)
			}
			checked += 3
		}
		t.Logf("%s: %d checks, L within %.1e of its scale per condition number, solutions within %.1e", name, checked, factors, solutions)
		if want := count(all, "chol.", "L") + 2*count(all, "chol.", "solution"); checked != want || want == 0 {
			t.Errorf("%s: %d checks ran, the oracle has %d", name, checked, want)
		}
	}
}

func TestOracleMustFail(t *testing.T) {
	ref, all := load(t)
	for name, by := range solvers(t) {
		checked := 0
		for key := range ref.MustFail {
			m := all[key+".matrix"]
			n := m.Shape[0]
			if strings.HasPrefix(key, "chol_fail.") {
				l, err := choleskyBy(by, m.Data, n)
				var npd *NotPositiveDefinite
				if !errors.Is(err, ErrNotPositiveDefinite) || !errors.As(err, &npd) || npd.Value > 0 || l != nil {
					t.Errorf("%s %s: error %v, want a NotPositiveDefinite", name, key, err)
				}
				checked++
				continue
			}
			_, errEigh := symmetricBy(by, m.Data, n)
			_, _, _, errSVD := svdBy(by, m.Data, n, n)
			_, errCholesky := choleskyBy(by, m.Data, n)
			for op, err := range map[string]error{"Eigh": errEigh, "SVD": errSVD, "Cholesky": errCholesky} {
				if err == nil || !strings.Contains(err.Error(), op) || !strings.Contains(err.Error(), "row ") {
					t.Errorf("%s %s: %s: error %v, want one that names the row", name, key, op, err)
				}
				checked++
			}
		}
		if want := count(all, "chol_fail.", "matrix") + 3*count(all, "nonfinite.", "matrix"); checked != want || want == 0 {
			t.Errorf("%s: %d checks ran, the oracle has %d", name, checked, want)
		}
	}
}

// count returns how many tensors of the oracle begin with prefix and have part among the words of their name.
func count(all map[string]oracle.Array, prefix, part string) int {
	n := 0
	for name := range all {
		rest, ok := strings.CutPrefix(name, prefix)
		if ok && slices.Contains(strings.Split(rest, "."), part) {
			n++
		}
	}
	return n
}

func itoa(i int) string { return strconv.Itoa(i) }

func peak(x []float64) float64 {
	top := 0.0
	for _, v := range x {
		top = max(top, math.Abs(v))
	}
	return top
}
