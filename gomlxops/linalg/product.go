package linalg

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	_ "github.com/gomlx/compute/gobackend" // registers the pure Go backend "go"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// productBackend gives one matrix product all processors: nothing else runs on this backend.
const productBackend = "go:ops_sequential"

// multiplier holds the two compiled products. Their three dimensions are dynamic, so each is compiled once for all shapes.
type multiplier struct {
	backend compute.Backend
	plain   *graph.Exec // A·B
	turned  *graph.Exec // A·Bᵀ
}

// products is linalg's own Go backend, started at the first product. It is not the session's backend: no tensor of linalg
// leaves linalg, and a session on XLA does its dense linear algebra on the host all the same.
var products = sync.OnceValues(func() (*multiplier, error) {
	backend, err := compute.NewWithConfig(productBackend)
	if err != nil {
		return nil, fmt.Errorf("linalg: backend %q did not start: %w", productBackend, err)
	}
	contract := func(axis int, names []string) (*graph.Exec, error) {
		exec, err := graph.NewExec(backend, func(a, b *graph.Node) *graph.Node {
			return graph.DotGeneral(a, []int{1}, nil, b, []int{axis}, nil)
		})
		if err != nil {
			return nil, fmt.Errorf("linalg: matrix product: %w", err)
		}
		return exec.WithDynamicAxes([]string{"rows", "inner"}, names), nil
	}
	m := &multiplier{backend: backend}
	if m.plain, err = contract(0, []string{"inner", "columns"}); err != nil {
		return nil, err
	}
	m.turned, err = contract(1, []string{"columns", "inner"})
	return m, err
})

// Mul returns A·B (m×n) of A (m×k) and B (k×n), row-major.
//
// Cost 2mkn operations on every processor; operands are copied once. The error names the operand whose length disagrees.
func Mul(a []float64, m, k int, b []float64, n int) ([]float64, error) {
	if err := checkLengths("Mul", a, m, k, b, k, n); err != nil {
		return nil, err
	}
	return collect(m*n, func(use func([]float64)) error { return multiply(a, m, k, b, n, use) })
}

// MulT returns A·Bᵀ (m×n) of A (m×k) and B (n×k), row-major; it is the cheapest of the three. See [Mul].
func MulT(a []float64, m, k int, b []float64, n int) ([]float64, error) {
	if err := checkLengths("MulT", a, m, k, b, n, k); err != nil {
		return nil, err
	}
	return collect(m*n, func(use func([]float64)) error { return multiplyT(a, m, k, b, n, use) })
}

// TMul returns Aᵀ·B (m×n) of A (k×m) and B (k×n), row-major. See [Mul].
func TMul(a []float64, k, m int, b []float64, n int) ([]float64, error) {
	if err := checkLengths("TMul", a, k, m, b, k, n); err != nil {
		return nil, err
	}
	at := Transpose(a, k, m)
	return collect(m*n, func(use func([]float64)) error { return multiply(at, m, k, b, n, use) })
}

// Congruence returns W·C·Wᵀ (m×m), exactly symmetric, of W (m×n) and a symmetric C (n×n): the covariance of Wx from that of x.
func Congruence(w []float64, m, n int, c []float64) ([]float64, error) {
	wc, err := Mul(w, m, n, c, n)
	if err != nil {
		return nil, err
	}
	out, err := MulT(wc, m, n, w, m)
	if err != nil {
		return nil, err
	}
	return out, Symmetrize(out, m)
}

func checkLengths(op string, a []float64, ar, ac int, b []float64, br, bc int) error {
	if err := checkShape(op, "the left matrix", a, ar, ac); err != nil {
		return err
	}
	return checkShape(op, "the right matrix", b, br, bc)
}

func collect(size int, product func(use func([]float64)) error) ([]float64, error) {
	out := make([]float64, size)
	err := product(func(p []float64) { copy(out, p) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

// multiply hands A·B to use, which may read it only until it returns. A dimension of zero gives zeros.
func multiply(a []float64, m, k int, b []float64, n int, use func(p []float64)) error {
	return onBackend(func(p *multiplier) *graph.Exec { return p.plain }, operand{a, m, k}, operand{b, k, n}, m*n, use)
}

// multiplyT hands A·Bᵀ to use. See [multiply].
func multiplyT(a []float64, m, k int, b []float64, n int, use func(p []float64)) error {
	return onBackend(func(p *multiplier) *graph.Exec { return p.turned }, operand{a, m, k}, operand{b, n, k}, m*n, use)
}

type operand struct {
	data       []float64
	rows, cols int
}

func onBackend(pick func(*multiplier) *graph.Exec, a, b operand, size int, use func(p []float64)) error {
	if size == 0 || a.cols == 0 {
		use(make([]float64, size))
		return nil
	}
	p, err := products()
	if err != nil {
		return err
	}
	ta, err := p.tensor(a)
	if err != nil {
		return err
	}
	defer ta.FinalizeAll()
	tb, err := p.tensor(b)
	if err != nil {
		return err
	}
	defer tb.FinalizeAll()
	out, err := pick(p).Call(ta, tb)
	if err != nil {
		return fmt.Errorf("linalg: matrix product of %d×%d and %d×%d: %w", a.rows, a.cols, b.rows, b.cols, err)
	}
	defer out[0].FinalizeAll()
	return tensors.ConstFlatData(out[0], use)
}

// tensor copies an operand to the private backend.
func (p *multiplier) tensor(x operand) (*tensors.Tensor, error) {
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&x.data[0])), 8*x.rows*x.cols)
	t, err := tensors.FromRaw(p.backend, 0, shapes.Make(dtypes.Float64, x.rows, x.cols), bytes)
	if err != nil {
		return nil, fmt.Errorf("linalg: operand of %d×%d: %w", x.rows, x.cols, err)
	}
	return t, nil
}

// must lets numerical code, which runs under [catch], take products without an error path at every line.
func must(err error) {
	if err != nil {
		panic(failure{err})
	}
}
