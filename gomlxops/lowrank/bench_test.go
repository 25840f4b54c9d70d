package lowrank

import (
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/importance"
	"github.com/parelab/pare/gomlxops/linalg"
	"github.com/parelab/pare/gomlxops/transformer"
)

// BenchmarkDecompose takes the tall linear of a LLaMA block (gate or up) and the wide one (down) apart by every method, keeping what may be
// worth keeping, at the sizes of a block of hidden size 4,096 and at an eighth and a half of them:
//
//	go test -run - -bench Decompose/1376 -benchtime 1x ./gomlxops/lowrank
func BenchmarkDecompose(b *testing.B) {
	for _, shape := range [][2]int{{1376, 512}, {512, 1376}, {5504, 2048}, {2048, 5504}, {11008, 4096}, {4096, 11008}} {
		for _, method := range Methods() {
			b.Run(fmt.Sprintf("%d×%d/%s", shape[0], shape[1], method), func(b *testing.B) {
				p := randomProblem(b, shape[0], shape[1])
				settings, err := Settings{}.For(method)
				if err != nil {
					b.Fatal(err)
				}
				p.keep = Options{}.keep(p.linear)
				before := processorTime(b)
				for b.Loop() {
					p.roots = &roots{}
					a, err := methods[method].make(settings).analyse(p)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := newSpectrum(p, a, p.keep); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric((processorTime(b)-before)/float64(b.N), "cpu-s/op")
			})
		}
	}
}

func processorTime(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// randomProblem has a Gaussian weight, and inputs whose variances fall over three decades.
func randomProblem(b *testing.B, out, in int) problem {
	rng := rand.New(rand.NewPCG(uint64(out), uint64(in)))
	p := problem{linear: transformer.Linear{Name: "linear", Kind: transformer.Gate, Out: out, In: in}, w: make([]float64, out*in)}
	for i := range p.w {
		p.w[i] = rng.NormFloat64()
	}
	p.fisher = &importance.Sums{Linear: p.linear, Row: make([]float64, out), Col: make([]float64, in)}
	for _, sums := range [][]float64{p.fisher.Row, p.fisher.Col} {
		for i := range sums {
			sums[i] = rng.ExpFloat64()
		}
	}
	count := 2 * in
	x := make([]float64, in*count)
	for i := range in {
		size := math.Pow(10, -1.5*float64(i)/float64(in))
		for t := range count {
			x[i*count+t] = size * rng.NormFloat64()
		}
	}
	scatter, err := linalg.MulT(x, in, count, x, in)
	if err != nil {
		b.Fatal(err)
	}
	p.input = &covariance.Stats{Dim: in, Groups: []covariance.Group{{Count: count, Mean: make([]float64, in)}}, AbsMean: make([]float64, in)}
	for i := range in {
		p.input.AbsMean[i] = rng.ExpFloat64()
		p.input.Within = append(p.input.Within, scatter[i*in:i*in+i+1]...)
	}
	return p
}
