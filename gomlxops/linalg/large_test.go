package linalg

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestLarge takes one matrix of a size of its own apart, by the solvers named, and says how long it took and how exact it is. It wants hours of quiet
// rather than a place among the other tests:
//
//	PARE_LARGE="eigh go 11008" go test -run TestLarge -v -timeout 0 ./gomlxops/linalg
//	PARE_LARGE="svd lapack 11008 4096" …
//
// The operations are eigh, top (a tenth of the vectors), cholesky and svd.
func TestLarge(t *testing.T) {
	words := strings.Fields(os.Getenv("PARE_LARGE"))
	if len(words) < 3 {
		t.Skip("SKIPPED: PARE_LARGE names no operation, solver and size")
	}
	by, ok := solvers(t)[words[1]]
	if !ok {
		t.Fatalf("solver %q: found %v", words[1], solvers(t))
	}
	m, err := strconv.Atoi(words[2])
	if err != nil {
		t.Fatal(err)
	}
	n := m
	if len(words) > 3 {
		if n, err = strconv.Atoi(words[3]); err != nil {
			t.Fatal(err)
		}
	}
	rng := rand.New(rand.NewPCG(1, uint64(m)))
	if words[0] == "svd" {
		largeSVD(t, by, graded(rng, m, n, 0.5), m, n)
		return
	}
	a := gramOf(graded(rng, n, n+n/8, 0.5), n, n+n/8)
	switch words[0] {
	case "eigh":
		largeTop(t, by, a, n, n)
	case "top":
		largeTop(t, by, a, n, n/10)
	case "cholesky":
		largeCholesky(t, by, a, n)
	default:
		t.Fatalf("operation %q", words[0])
	}
}

func timed(t *testing.T, f func() error) {
	t.Helper()
	start, cpu := time.Now(), cpuTime()
	if err := f(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f s, of processors %.1f s", time.Since(start).Seconds(), (cpuTime() - cpu).Seconds())
}

func exactTo(t *testing.T, what string, d float64) {
	t.Helper()
	t.Logf("%s %.1e", what, d)
	if !(d <= 1e-12) {
		t.Errorf("%s: %.1e, allowed 1e-12", what, d)
	}
}

func largeTop(t *testing.T, by solver, a []float64, n, r int) {
	var values, v []float64
	timed(t, func() (err error) { values, v, err = topBy(by, a, n, r); return err })
	residual, orthogonality := topResiduals(t, a, values, v, n, r)
	exactTo(t, "residual", residual)
	exactTo(t, "orthogonality", orthogonality)
}

func largeCholesky(t *testing.T, by solver, a []float64, n int) {
	var l []float64
	timed(t, func() (err error) { l, err = choleskyBy(by, a, n); return err })
	exactTo(t, "residual", worst(t, gram(dense(l, n, n)), a, peak(a)))
}

func largeSVD(t *testing.T, by solver, a []float64, m, n int) {
	var u, s, vt []float64
	timed(t, func() (err error) { u, s, vt, err = svdBy(by, a, m, n); return err })
	k := min(m, n)
	exactTo(t, "residual", worst(t, truncated(t, u, s, vt, m, n, k), a, norm(a)))
	exactTo(t, "orthogonality of U", departure(t, Transpose(u, m, k), k, m))
	exactTo(t, "orthogonality of V", departure(t, vt, k, n))
}
