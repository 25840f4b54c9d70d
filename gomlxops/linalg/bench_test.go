package linalg

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The same matrices and operations in NumPy: python3 testdata/numpy_peer.py. Compare within one quiet minute.
//
//	go test -run - -bench . -benchtime 5x ./gomlxops/linalg

var benchSizes = []int{256, 512, 1024, 2048}

func benchmark(b *testing.B, sizes []int, run func(by solver, a []float64, n int) error) {
	for _, n := range sizes {
		matrix := sync.OnceValue(func() []float64 {
			return gramOf(graded(rand.New(rand.NewPCG(1, uint64(n))), n, 2*n, 0.5), n, 2*n)
		})
		for name, by := range solvers(b) {
			b.Run(fmt.Sprintf("n=%d/%s", n, name), func(b *testing.B) {
				if n > 1024 && testing.Short() {
					b.Skip("SKIPPED: n > 1024 with -short")
				}
				a := matrix()
				best, bestCPU := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
				for b.Loop() {
					start, cpu := time.Now(), cpuTime()
					if err := run(by, a, n); err != nil {
						b.Fatal(err)
					}
					best, bestCPU = min(best, time.Since(start)), min(bestCPU, cpuTime()-cpu)
				}
				// What a shared machine disturbs least. The processors' time compares solvers with GOMAXPROCS=1, where no thread waits in a loop.
				b.ReportMetric(float64(best.Microseconds())/1e3, "best-ms")
				b.ReportMetric(float64(bestCPU.Microseconds())/1e3, "best-cpu-ms")
			})
		}
	}
}

func BenchmarkEigh(b *testing.B) {
	benchmark(b, append(benchSizes, 4096), func(by solver, a []float64, n int) error { _, err := symmetricBy(by, a, n); return err })
}

// BenchmarkEighTop is BenchmarkEigh with the vectors of a tenth and of half the eigenvalues.
func BenchmarkEighTop(b *testing.B) {
	for _, part := range []int{10, 2} {
		b.Run(fmt.Sprintf("r=n÷%d", part), func(b *testing.B) {
			benchmark(b, benchSizes, func(by solver, a []float64, n int) error { _, _, err := topBy(by, a, n, n/part); return err })
		})
	}
}

func BenchmarkCholesky(b *testing.B) {
	benchmark(b, benchSizes, func(by solver, a []float64, n int) error { _, err := choleskyBy(by, a, n); return err })
}

// BenchmarkSVD decomposes the same matrices; they need more levels than a weight matrix does.
func BenchmarkSVD(b *testing.B) {
	benchmark(b, benchSizes, func(by solver, a []float64, n int) error {
		_, _, _, err := svdBy(by, a, n, n)
		return err
	})
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkMul(b *testing.B) {
	for _, n := range []int{64, 256, 1024} {
		a := squareGaussian(n)
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := Mul(a, n, n, a, n); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(2*float64(n)*float64(n)*float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

func squareGaussian(n int) []float64 { return gaussian(rand.New(rand.NewPCG(2, uint64(n))), n*n) }
