package linalg

import (
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

func seeded(n int) *rand.Rand { return rand.New(rand.NewPCG(7, uint64(n))) }

// TestRandomMatrices draws sizes, kinds and scales over six hundred decades from a seed of the day, which it prints.
func TestRandomMatrices(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 0))
	names := slices.Sorted(maps.Keys(kinds))
	for range 40 {
		n, kind, shift := 1+rng.IntN(120), names[rng.IntN(len(names))], rng.IntN(1800)-900
		a := kinds[kind](n, rng)
		rescale(a, shift-power(max(peak(a), 1e-300)))
		for name, by := range solvers(t) {
			e, err := symmetricBy(by, a, n)
			if err != nil {
				t.Fatalf("seed %d: %s %s n=%d 2^%d: %v", seed, name, kind, n, shift, err)
			}
			r, o := residualsScaled(t, a, e)
			if !(r <= 1e-12) || !(o <= 1e-12) {
				t.Errorf("seed %d: %s %s n=%d 2^%d: residual %.1e, orthogonality %.1e", seed, name, kind, n, shift, r, o)
			}
			m := 1 + rng.IntN(n)
			u, s, vt, err := svdBy(by, a[:m*n], m, n)
			if err != nil {
				t.Fatalf("seed %d: %s %s SVD %d×%d: %v", seed, name, kind, m, n, err)
			}
			if d := worst(t, truncated(t, u, s, vt, m, n, m), a[:m*n], max(peak(a), 1e-300)); d > 1e-12 {
				t.Errorf("seed %d: %s %s SVD %d×%d 2^%d is off by %.1e", seed, name, kind, m, n, shift, d)
			}
		}
	}
	t.Logf("seed %d", seed)
}

// residualsScaled is [residuals] of the matrix brought to size 1, so that products neither overflow nor vanish.
func residualsScaled(t *testing.T, a []float64, e *Eigen) (residual, orthogonality float64) {
	t.Helper()
	shift := -power(peak(a))
	return residuals(t, scaled(a, shift), &Eigen{e.N, scaled(e.Values, shift), e.Vectors})
}

// TestScalingChangesNothing: multiplying by a power of two multiplies the eigenvalues and leaves the vectors, bit by bit.
func TestScalingChangesNothing(t *testing.T) {
	const n = 90
	a := randomSymmetric(n, seeded(n))
	for name, by := range solvers(t) {
		e, err := symmetricBy(by, a, n)
		if err != nil {
			t.Fatal(err)
		}
		for _, shift := range []int{-900, -1, 3, 900} {
			f, err := symmetricBy(by, scaled(a, shift), n)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(f.Values, scaled(e.Values, shift)) || !slices.Equal(f.Vectors, e.Vectors) {
				t.Errorf("%s: the result changes with a factor of 2^%d", name, shift)
			}
		}
	}
}

// TestResultsDoNotDependOnProcessors holds our own solver to the same bits on one processor and on many, alone and in a crowd.
func TestResultsDoNotDependOnProcessors(t *testing.T) {
	const n = 530 // several parts in symv, two forks
	a := gramOf(gaussian(seeded(n), n*n), n, n)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	alone, err := symmetricBy(blocked{}, a, n)
	if err != nil {
		t.Fatal(err)
	}
	if r, o := residuals(t, a, alone); !(r <= 1e-12) || !(o <= 1e-12) {
		t.Errorf("n=%d: residual %.1e, orthogonality %.1e", n, r, o)
	}
	runtime.GOMAXPROCS(4)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			e, err := symmetricBy(blocked{}, a, n)
			if err != nil || !slices.Equal(e.Values, alone.Values) || !slices.Equal(e.Vectors, alone.Vectors) {
				t.Errorf("four processors give another result than one: %v", err)
			}
		})
	}
	wg.Wait()
}

// TestConcurrentCalls runs every operation from several goroutines on every solver.
func TestConcurrentCalls(t *testing.T) {
	for name, by := range solvers(t) {
		var wg sync.WaitGroup
		for k := range 8 {
			wg.Go(func() {
				n := 40 + 13*k
				a := gramOf(gaussian(seeded(n), n*2*n), n, 2*n)
				e, err := symmetricBy(by, a, n)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				if r, o := residuals(t, a, e); !(r <= 1e-12) || !(o <= 1e-12) {
					t.Errorf("%s: residual %.1e, orthogonality %.1e", name, r, o)
				}
				if _, _, _, err := svdBy(by, a, n, n); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if _, err := choleskyBy(by, a, n); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		wg.Wait()
	}
}

func TestProductsMatchPlainLoops(t *testing.T) {
	rng := seeded(5)
	for _, s := range [][3]int{{1, 1, 1}, {3, 1, 5}, {1, 7, 1}, {17, 33, 9}, {64, 64, 64}, {65, 31, 130}} {
		m, k, n := s[0], s[1], s[2]
		a, b := gaussian(rng, m*k), gaussian(rng, k*n)
		want := make([]float64, m*n)
		for i := range m {
			for p := range k {
				axpyScalar(a[i*k+p], b[p*n:(p+1)*n], want[i*n:(i+1)*n])
			}
		}
		plain, err1 := Mul(a, m, k, b, n)
		right, err2 := MulT(a, m, k, Transpose(b, k, n), n)
		left, err3 := TMul(Transpose(a, m, k), k, m, b, n)
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatal(err1, err2, err3)
		}
		for what, got := range map[string][]float64{"Mul": plain, "MulT": right, "TMul": left} {
			if d := worst(t, got, want, math.Sqrt(float64(k))); d > 1e-13 {
				t.Errorf("%s %v is off by %.1e", what, s, d)
			}
		}
		c := gramOf(gaussian(rng, k*k), k, k)
		wc, err := Mul(a, m, k, c, k)
		if err != nil {
			t.Fatal(err)
		}
		plain, err = MulT(wc, m, k, a, m)
		if err != nil {
			t.Fatal(err)
		}
		sandwich, err := Congruence(a, m, k, c)
		if err != nil {
			t.Fatal(err)
		}
		if d := worst(t, sandwich, plain, peak(plain)); d > 1e-14 || !slices.Equal(sandwich, Transpose(sandwich, m, m)) {
			t.Errorf("Congruence %v is off by %.1e, or not symmetric", s, d)
		}
	}
}

// TestEigenAnswers holds Top and Tail to what they promise.
func TestEigenAnswers(t *testing.T) {
	e := &Eigen{3, []float64{5, 2, 1}, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}}
	if got := e.Top(2); !slices.Equal(got, []float64{1, 2, 4, 5, 7, 8}) {
		t.Errorf("Top(2) = %v", got)
	}
	if got := []float64{e.Tail(-1), e.Tail(0), e.Tail(1), e.Tail(3), e.Tail(9)}; !slices.Equal(got, []float64{8, 8, 3, 0, 0}) {
		t.Errorf("Tail = %v", got)
	}
	if len(e.Top(-1)) != 0 || len(e.Top(9)) != 9 {
		t.Error("Top is not limited to 0…N")
	}
}
