package linalg

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// sizes surround the leaf of divide and conquer (32), a panel, a block of reflectors, and the first fork (256).
var sizes = []int{1, 2, 3, 31, 32, 33, 64, 65, 200, 257}

// kinds are matrices that truly have the property they are named for.
var kinds = map[string]func(n int, rng *rand.Rand) []float64{
	"random":     randomSymmetric,
	"covariance": func(n int, rng *rand.Rand) []float64 { return gramOf(graded(rng, n, 2*n+1, 0.5), n, 2*n+1) },
	"low rank":   func(n int, rng *rand.Rand) []float64 { r := n/8 + 1; return gramOf(gaussian(rng, n*r), n, r) },
	"steep":      func(n int, rng *rand.Rand) []float64 { return gramOf(graded(rng, n, n, 6), n, n) },
	"Wilkinson":  func(n int, _ *rand.Rand) []float64 { return wilkinson(n) },
	"glued":      func(n int, _ *rand.Rand) []float64 { return glued(n) },
	"identity":   func(n int, _ *rand.Rand) []float64 { return identity(n) },
	"zero":       func(n int, _ *rand.Rand) []float64 { return make([]float64, n*n) },
	"clustered":  clustered,
	"constant": func(n int, _ *rand.Rand) []float64 {
		a := make([]float64, n*n)
		for i := range a {
			a[i] = 1
		}
		return a
	},
	"negative diagonal": func(n int, _ *rand.Rand) []float64 {
		a := make([]float64, n*n)
		for i := range n {
			a[i*n+i] = -float64(i % 5)
		}
		return a
	},
	"underflowing": func(n int, rng *rand.Rand) []float64 { // squares of the entries are below the range of float64
		a := randomSymmetric(n, rng)
		for i := range n {
			for j := range n {
				if i != j {
					a[i*n+j] *= 1e-160
				}
			}
		}
		return a
	},
}

func TestSymmetricIsAccurate(t *testing.T) {
	for name, by := range solvers(t) {
		checked, residual, orthogonality := 0, 0.0, 0.0
		for kind, make := range kinds {
			for _, n := range sizes {
				a := make(n, rand.New(rand.NewPCG(7, uint64(n))))
				e, err := symmetricBy(by, a, n)
				if err != nil {
					t.Errorf("%s %s n=%d: %v", name, kind, n, err)
					continue
				}
				r, o := residuals(t, a, e)
				residual, orthogonality = max(residual, r), max(orthogonality, o)
				if !(r <= 1e-12) || !(o <= 1e-12) {
					t.Errorf("%s %s n=%d: residual %.1e, orthogonality %.1e", name, kind, n, r, o)
				}
				for k := 1; k < n; k++ {
					if e.Values[k] > e.Values[k-1] {
						t.Errorf("%s %s n=%d: value %d is larger than the one before", name, kind, n, k)
					}
				}
				checked++
			}
		}
		t.Logf("%s: %d matrices, residual at most %.1e, orthogonality %.1e", name, checked, residual, orthogonality)
		if checked == 0 {
			t.Errorf("%s: nothing checked", name)
		}
	}
}

// TestSymmetricAgreesWithGonum uses gonum's solver as the slow twin.
func TestSymmetricAgreesWithGonum(t *testing.T) {
	for name, by := range solvers(t) {
		for kind, make := range kinds {
			for _, n := range sizes[:9] {
				a := make(n, rand.New(rand.NewPCG(8, uint64(n))))
				e, err := symmetricBy(by, a, n)
				if err != nil {
					t.Fatalf("%s %s n=%d: %v", name, kind, n, err)
				}
				var twin mat.EigenSym
				if !twin.Factorize(mat.NewSymDense(n, a), false) {
					t.Fatalf("gonum failed on %s n=%d", kind, n)
				}
				if d := worst(t, e.Values, reversedCopy(twin.Values(nil)), max(peak(e.Values), 1e-300)); d > 1e-13 {
					t.Errorf("%s %s n=%d: eigenvalues differ from gonum's by %.1e of the largest", name, kind, n, d)
				}
			}
		}
	}
}

// TestSolversAgree holds the vectors themselves together, where eigenvalues are apart.
func TestSolversAgree(t *testing.T) {
	all := solvers(t)
	if len(all) < 2 {
		t.Skip("SKIPPED: one solver only on this machine")
	}
	for _, n := range sizes {
		rng := rand.New(rand.NewPCG(9, uint64(n)))
		a := randomSymmetric(n, rng)
		for i := range n {
			a[i*n+i] += 20 * float64(i) // eigenvalues about 20 apart
		}
		x, err := symmetricBy(all["go"], a, n)
		if err != nil {
			t.Fatal(err)
		}
		y, err := symmetricBy(all["lapack"], a, n)
		if err != nil {
			t.Fatal(err)
		}
		if d := worst(t, x.Vectors, y.Vectors, 1); d > 1e-11 {
			t.Errorf("n=%d: vectors differ by %.1e", n, d)
		}
	}
}

func TestSVDIsAccurate(t *testing.T) {
	shapes := [][2]int{{1, 1}, {1, 5}, {5, 1}, {3, 3}, {40, 33}, {33, 40}, {130, 130}, {200, 64}, {64, 257}}
	for name, by := range solvers(t) {
		checked, residual, orthogonality := 0, 0.0, 0.0
		for kind, fill := range rectangles {
			for _, shape := range shapes {
				m, n := shape[0], shape[1]
				a := fill(m, n, rand.New(rand.NewPCG(uint64(m), uint64(n))))
				u, s, vt, err := svdBy(by, a, m, n)
				if err != nil {
					t.Errorf("%s %s %d×%d: %v", name, kind, m, n, err)
					continue
				}
				k := min(m, n)
				r := worst(t, truncated(t, u, s, vt, m, n, k), a, max(norm(a), 1e-300))
				o := max(departure(t, Transpose(u, m, k), k, m), departure(t, vt, k, n))
				residual, orthogonality = max(residual, r), max(orthogonality, o)
				if !(r <= 1e-13) || !(o <= 1e-12) {
					t.Errorf("%s %s %d×%d: residual %.1e, orthogonality %.1e", name, kind, m, n, r, o)
				}
				var twin mat.SVD
				if !twin.Factorize(mat.NewDense(m, n, a), mat.SVDNone) {
					t.Fatalf("gonum failed on %s %d×%d", kind, m, n)
				}
				if d := worst(t, s, twin.Values(nil), max(s[0], 1e-300)); d > 1e-13 {
					t.Errorf("%s %s %d×%d: values differ from gonum's by %.1e of the largest", name, kind, m, n, d)
				}
				checked++
			}
		}
		t.Logf("%s: %d matrices, residual at most %.1e, orthogonality %.1e", name, checked, residual, orthogonality)
		if checked == 0 {
			t.Errorf("%s: nothing checked", name)
		}
	}
}

// rectangles are the shapes of spectrum that SVD's levels meet.
var rectangles = map[string]func(m, n int, rng *rand.Rand) []float64{
	"gaussian": func(m, n int, rng *rand.Rand) []float64 { return gaussian(rng, m*n) },
	"steep":    func(m, n int, rng *rand.Rand) []float64 { return graded(rng, m, n, 8) },
	"one large": func(m, n int, rng *rand.Rand) []float64 {
		a := gaussian(rng, m*n)
		for i := range a {
			a[i] = 1 + 1e-7*a[i]
		}
		return a
	},
	"rank 2": func(m, n int, rng *rand.Rand) []float64 {
		x, y, z, w := gaussian(rng, m), gaussian(rng, n), gaussian(rng, m), gaussian(rng, n)
		a := make([]float64, m*n)
		for i := range m {
			for j := range n {
				a[i*n+j] = x[i]*y[j] + 1e-5*z[i]*w[j]
			}
		}
		return a
	},
	"zero": func(m, n int, _ *rand.Rand) []float64 { return make([]float64, m*n) },
	"scaled identity": func(m, n int, _ *rand.Rand) []float64 {
		a := make([]float64, m*n)
		for i := range min(m, n) {
			a[i*n+i] = -3
		}
		return a
	},
}

func TestCholeskyIsAccurate(t *testing.T) {
	for name, by := range solvers(t) {
		for _, n := range sizes {
			rng := rand.New(rand.NewPCG(10, uint64(n)))
			a := gramOf(gaussian(rng, n*2*n), n, 2*n)
			l, err := choleskyBy(by, a, n)
			if err != nil {
				t.Errorf("%s n=%d: %v", name, n, err)
				continue
			}
			back, err := MulT(l, n, n, l, n)
			if err != nil {
				t.Fatal(err)
			}
			if d := worst(t, back, a, peak(a)); d > 1e-14 {
				t.Errorf("%s n=%d: L Lᵀ differs by %.1e of the largest entry", name, n, d)
			}
			checkSolves(t, fmt.Sprintf("%s n=%d", name, n), l, n, gaussian(rng, n*3))
		}
	}
}

// checkSolves solves for three right-hand sides x and multiplies back.
func checkSolves(t *testing.T, what string, l []float64, n int, x []float64) {
	t.Helper()
	lx, err := Mul(l, n, n, x, 3)
	if err != nil {
		t.Fatal(err)
	}
	ltx, err := TMul(l, n, n, x, 3)
	if err != nil {
		t.Fatal(err)
	}
	down, err := SolveLower(l, n, lx, 3)
	if err != nil {
		t.Fatal(err)
	}
	up, err := SolveLowerT(l, n, ltx, 3)
	if err != nil {
		t.Fatal(err)
	}
	for which, got := range map[string][]float64{"L": down, "Lᵀ": up} {
		if d := worst(t, got, x, peak(x)); d > 1e-11 {
			t.Errorf("%s: solving with %s is off by %.1e", what, which, d)
		}
	}
}

// residuals returns ‖AV − VΛ‖/‖A‖ in the Frobenius norm, and max |VᵀV − I|.
func residuals(t testing.TB, a []float64, e *Eigen) (residual, orthogonality float64) {
	t.Helper()
	av, err := Mul(a, e.N, e.N, e.Vectors, e.N)
	if err != nil {
		t.Fatal(err)
	}
	for i := range e.N {
		for k, l := range e.Values {
			av[i*e.N+k] -= l * e.Vectors[i*e.N+k]
		}
	}
	if r := norm(av); r != 0 {
		residual = r / norm(a)
	}
	return residual, departure(t, Transpose(e.Vectors, e.N, e.N), e.N, e.N)
}

// departure returns max |V Vᵀ − I| of V (k×n), or infinity where it is not a number.
func departure(t testing.TB, v []float64, k, n int) float64 {
	t.Helper()
	g, err := MulT(v, k, n, v, k)
	if err != nil {
		t.Fatal(err)
	}
	return worst(t, g, identity(k), 1)
}

func norm(a []float64) float64 {
	top := peak(a)
	if top == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range a {
		sum += v / top * (v / top)
	}
	return top * math.Sqrt(sum)
}

func gaussian(rng *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	return x
}

// graded returns an m×n Gaussian matrix whose row i is scaled by (i+1)^-power.
func graded(rng *rand.Rand, m, n int, power float64) []float64 {
	x := gaussian(rng, m*n)
	for i := range x {
		x[i] *= math.Pow(float64(i/n+1), -power)
	}
	return x
}

// gramOf returns X·Xᵀ (n×n) of X (n×k).
func gramOf(x []float64, n, k int) []float64 {
	g, err := MulT(x, n, k, x, n)
	if err != nil {
		panic(err)
	}
	if err := Symmetrize(g, n); err != nil {
		panic(err)
	}
	return g
}

func randomSymmetric(n int, rng *rand.Rand) []float64 {
	a := gaussian(rng, n*n)
	_ = Symmetrize(a, n)
	return a
}

// wilkinson returns W⁺, whose large eigenvalues come in pairs that agree to many digits.
func wilkinson(n int) []float64 {
	a := make([]float64, n*n)
	for i := range n {
		a[i*n+i] = math.Abs(float64(i) - float64(n-1)/2)
		if i > 0 {
			a[i*n+i-1], a[(i-1)*n+i] = 1, 1
		}
	}
	return a
}

// glued returns copies of a Wilkinson matrix of 21 joined by 1e-8: clusters of nearly equal eigenvalues.
func glued(n int) []float64 {
	a := make([]float64, n*n)
	for i := range n {
		a[i*n+i] = math.Abs(float64(i%21) - 10)
		if i > 0 {
			off := 1.0
			if i%21 == 0 {
				off = 1e-8
			}
			a[i*n+i-1], a[(i-1)*n+i] = off, off
		}
	}
	return a
}

// clustered returns Q diag(1, …, 1, 1+1e-13, …, 3) Qᵀ for a random rotation Q.
func clustered(n int, rng *rand.Rand) []float64 {
	q, _, _, err := svdBy(blocked{}, gaussian(rng, n*n), n, n)
	if err != nil {
		panic(err)
	}
	scaled := make([]float64, n*n)
	for i := range n {
		for k := range n {
			l := []float64{1, 1 + 1e-13, 1 + 1e-9, 3}[k%4]
			scaled[i*n+k] = q[i*n+k] * l
		}
	}
	a, err := MulT(scaled, n, n, q, n)
	if err != nil {
		panic(err)
	}
	_ = Symmetrize(a, n)
	return a
}

func reversedCopy(x []float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[len(x)-1-i] = v
	}
	return out
}
