//go:build linux || darwin || freebsd

package linalg

import (
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/ebitengine/purego"
)

// lapack is a LAPACK library loaded at run time, without cgo.
//
// Every integer passed to it lies in an int64 that is not negative (but the -1 of a workspace query, all ones in either width): on
// a little-endian machine a library of 32-bit integers reads its lower half and one of 64-bit integers the whole, so
// both kinds work without asking which it is.
//
// Fortran adds the length of each character argument at the end of the list; leaving it out works until a compiler relies on it.
type lapack struct {
	file   string
	mutex  sync.Mutex // calls use the library's own threads; two at once would only contend
	dsyevd func(jobz, uplo *byte, n *int64, a *float64, lda *int64, w, work *float64, lwork *int64, iwork, liwork, info *int64, l1, l2 uintptr)
	dsytrd func(uplo *byte, n *int64, a *float64, lda *int64, d, e, tau, work *float64, lwork, info *int64, l1 uintptr)
	dstedc func(compz *byte, n *int64, d, e, z *float64, ldz *int64, work *float64, lwork, iwork, liwork, info *int64, l1 uintptr)
	dormtr func(side, uplo, trans *byte, m, n *int64, a *float64, lda *int64, tau, c *float64, ldc *int64, work *float64, lwork, info *int64, l1, l2, l3 uintptr)
	dgesdd func(jobz *byte, m, n *int64, a *float64, lda *int64, s, u *float64, ldu *int64, vt *float64, ldvt *int64, work *float64, lwork, iwork, info *int64, l1 uintptr)
	dpotrf func(uplo *byte, n *int64, a *float64, lda, info *int64, l1 uintptr)
}

// openLibrary loads the named library and tries it on a matrix of known answer. Each file is loaded once per process.
func openLibrary(name string) (_ solver, err error) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return nil, fmt.Errorf("LAPACK library %s: not used on a big-endian machine", name)
	}
	handle, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("LAPACK library %s cannot be loaded: %w", name, err)
	}
	l := &lapack{file: filepath.Base(name)}
	for symbol, function := range map[string]any{
		"dsyevd_": &l.dsyevd, "dsytrd_": &l.dsytrd, "dstedc_": &l.dstedc, "dormtr_": &l.dormtr, "dgesdd_": &l.dgesdd, "dpotrf_": &l.dpotrf,
	} {
		address, err := purego.Dlsym(handle, symbol)
		if err != nil {
			return nil, fmt.Errorf("LAPACK library %s has no %s: %w", name, symbol, err)
		}
		purego.RegisterFunc(function, address)
	}
	limitThreads(handle)
	return l, l.try()
}

// limitThreads makes OpenBLAS use as many threads as Go does: it counts the machine's processors, not the container's.
func limitThreads(handle uintptr) {
	if address, err := purego.Dlsym(handle, "openblas_set_num_threads"); err == nil {
		var set func(n int32)
		purego.RegisterFunc(&set, address)
		set(int32(runtime.GOMAXPROCS(0)))
	}
}

// try solves the eigenproblem of [2 1; 1 2], whose eigenvalues are 3 and 1, and factorises it.
func (l *lapack) try() (err error) {
	defer catch(&err)
	values, _ := l.eigh([]float64{2, 1, 1, 2}, 2, 2)
	a := []float64{2, 1, 1, 2}
	if ok := l.cholesky(a, 2); !ok || math.Abs(values[0]-3) > 1e-14 || math.Abs(values[1]-1) > 1e-14 || math.Abs(a[3]-math.Sqrt(1.5)) > 1e-14 {
		return fmt.Errorf("LAPACK library %s computes the eigenvalues of [2 1; 1 2] as %v", l.file, values)
	}
	return nil
}

func (l *lapack) name() string { return "lapack (" + l.file + ")" }

// eigh calls dsyevd, LAPACK's divide and conquer, or its three steps where the last is needed in part. A symmetric matrix reads the same by
// rows and by columns.
func (l *lapack) eigh(a []float64, n, top int) (values, vectors []float64) {
	// The sizes that the documentation of dsyevd asks for, for jobz = 'V'.
	p := &eigenproblem{n: int64(n), w: make([]float64, n), work: make([]float64, 1+6*n+2*n*n), iwork: make([]int64, 3+5*n)}
	p.lwork, p.liwork = int64(len(p.work)), int64(len(p.iwork))
	if p.lwork > math.MaxInt32 {
		fail("linalg: Eigh: n = %d is too large for LAPACK's 32-bit sizes; set PARE_LAPACK=none", n)
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if top < n {
		z := l.eighSteps(p, a, top)
		return reversed(p.w), turned(z, top, n)
	}
	jobz, uplo := byte('V'), byte('L')
	l.dsyevd(&jobz, &uplo, &p.n, &a[0], &p.n, &p.w[0], &p.work[0], &p.lwork, &p.iwork[0], &p.liwork, &p.info, 1, 1)
	p.check(l, "dsyevd")
	return reversed(p.w), turned(a, n, n)
}

// eigenproblem is what LAPACK's eigensolvers share.
type eigenproblem struct {
	n, lwork, liwork, info int64
	w, work                []float64
	iwork                  []int64
}

func (p *eigenproblem) check(l *lapack, routine string) {
	if int32(p.info) != 0 {
		fail("linalg: Eigh: %s of %s did not converge (info %d)", routine, l.file, int32(p.info))
	}
}

// eighSteps does what dsyevd does and turns only the last top vectors back, which it returns by rows.
func (l *lapack) eighSteps(p *eigenproblem, a []float64, top int) []float64 {
	n, count := int(p.n), int64(top)
	e, tau, z := make([]float64, n), make([]float64, n), make([]float64, n*n)
	uplo, all, left, plain := byte('L'), byte('I'), byte('L'), byte('N')
	l.dsytrd(&uplo, &p.n, &a[0], &p.n, &p.w[0], &e[0], &tau[0], &p.work[0], &p.lwork, &p.info, 1)
	p.check(l, "dsytrd")
	l.dstedc(&all, &p.n, &p.w[0], &e[0], &z[0], &p.n, &p.work[0], &p.lwork, &p.iwork[0], &p.liwork, &p.info, 1)
	p.check(l, "dstedc")
	z = z[(n-top)*n:]
	l.dormtr(&left, &uplo, &plain, &p.n, &count, &a[0], &p.n, &tau[0], &z[0], &p.n, &p.work[0], &p.lwork, &p.info, 1, 1, 1)
	p.check(l, "dormtr")
	return z
}

// tall is how many times as many rows as columns a matrix has that is taken apart by the eigenvectors of its Gram matrix, in the levels of svd.go, and not
// by dgesdd: at 1,376×512 that takes half the time.
const tall = 2

// svd calls dgesdd, or dsyevd by way of svd.go. What lies by rows here is the transpose there: a is read as Aᵀ (n×m) = V S Uᵀ, and their U is our Vᵀ.
func (l *lapack) svd(a []float64, m, n int) (u, s, vt []float64) {
	if n == 0 {
		return []float64{}, []float64{}, []float64{}
	}
	if m >= tall*n {
		return takeApart(l, a, m, n).factors()
	}
	u, s, vt = make([]float64, m*n), make([]float64, n), make([]float64, n*n)
	rows, cols, info, jobz := int64(n), int64(m), int64(0), byte('S')
	iwork, best, query := make([]int64, 8*n), 0.0, int64(-1)
	call := func(work *float64, lwork *int64) {
		l.mutex.Lock()
		defer l.mutex.Unlock()
		l.dgesdd(&jobz, &rows, &cols, &a[0], &rows, &s[0], &vt[0], &rows, &u[0], &rows, work, lwork, &iwork[0], &info, 1)
		if int32(info) != 0 {
			fail("linalg: SVD: dgesdd of %s did not converge (info %d)", l.file, int32(info))
		}
	}
	call(&best, &query)
	lwork := int64(best)
	if lwork > math.MaxInt32 {
		fail("linalg: SVD: %d×%d is too large for LAPACK's 32-bit sizes; set PARE_LAPACK=none", m, n)
	}
	work := make([]float64, lwork)
	call(&work[0], &lwork)
	return u, s, vt
}

// cholesky calls dpotrf: the lower half by rows is the upper half by columns.
func (l *lapack) cholesky(a []float64, n int) bool {
	size, info, uplo := int64(n), int64(0), byte('U')
	l.mutex.Lock()
	l.dpotrf(&uplo, &size, &a[0], &size, &info, 1)
	l.mutex.Unlock()
	return int32(info) == 0
}

func reversed(w []float64) []float64 {
	out := make([]float64, len(w))
	for i, v := range w {
		out[len(w)-1-i] = v
	}
	return out
}

// turned makes columns in descending order of LAPACK's vectors, rows of z (k×n) in ascending order.
func turned(z []float64, k, n int) []float64 {
	v := Transpose(z, k, n)
	parallel(n, 64, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			slices.Reverse(v[i*k : (i+1)*k])
		}
	})
	return v
}
