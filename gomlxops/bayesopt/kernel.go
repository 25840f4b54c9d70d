package bayesopt

import (
	"fmt"
	"math"
	"slices"
)

// Notation of this file and of gp.go, evidence.go.
//
//	symbol   meaning                                                  shape
//	X, y     points and values observed                               [n,d], [n]
//	ℓ        length scales; one that all coordinates share, or d      [1] or [d]
//	σ²       signal variance                                          scalar
//	η²       variance of white noise                                  scalar
//	v        variance of a trend                                      [number of trends]
//	r        √Σ ((x_i − z_i)/ℓ_i)²                                    scalar
//	k(r)     correlation of the latent function at distance r         scalar
//	g(r)     −k'(r)/r, so that ∂k/∂x_i = −g(r) (x_i − z_i)/ℓ_i²       scalar
//	K        σ² k + Σ v φφᵀ + η² I, with factor K = L Lᵀ              [n,n]
//	α        K⁻¹ y                                                    [n]

// Kernel names how correlation falls with distance.
type Kernel string

// The kernels. RBF is exp(−r²/2), for functions without an edge. Matern52 is (1 + √5 r + 5r²/3) exp(−√5 r), for functions that can
// be differentiated twice; it is Bolaco's.
const (
	RBF      Kernel = "rbf"
	Matern52 Kernel = "matern52"
)

func (k Kernel) check() error {
	if k != RBF && k != Matern52 {
		return fmt.Errorf("kernel: expected %q or %q, found %q", RBF, Matern52, k)
	}
	return nil
}

var sqrt5 = math.Sqrt(5)

// at returns k and g for a squared distance.
func (k Kernel) at(r2 float64) (value, slope float64) {
	if k == RBF {
		value = math.Exp(-r2 / 2)
		return value, value
	}
	s := sqrt5 * math.Sqrt(r2)
	e := math.Exp(-s)
	return (1 + s + s*s/3) * e, 5.0 / 3 * (1 + s) * e
}

// Trend adds to the kernel what a Bayesian linear regression would: v Σ_i f_i(x_i) f_i(z_i), or with Total
// v (Σ_i f_i(x_i)) (Σ_i f_i(z_i)), or with Pool the same for each pool. It is a mean function whose coefficients are unknown, normal with variance v, and integrated
// out (Rasmussen and Williams, Gaussian Processes for Machine Learning, section 2.7). Where the data are silent a Gaussian process returns
// to its mean; with a trend it goes on as the trend does.
type Trend struct {
	Feature func(i int, x float64) (value, slope float64) // f_i and its derivative
	Total   bool                                          // one coefficient for the sum, instead of one for each coordinate
	Pool    []int                                         // where not nil: coordinates of one number, from 0 on, share a coefficient
}

// at returns which coefficient coordinate i has.
func (t Trend) at(i int) int {
	switch {
	case t.Total:
		return 0
	case t.Pool != nil:
		return t.Pool[i]
	}
	return i
}

// features returns f_i(x_i) for each i, or their sums over those that share a coefficient.
func (t Trend) features(x []float64) []float64 {
	out := make([]float64, t.width(len(x)))
	for i, v := range x {
		f, _ := t.Feature(i, v)
		out[t.at(i)] += f
	}
	return out
}

// width is how many coefficients there are.
func (t Trend) width(d int) int {
	switch {
	case t.Total:
		return 1
	case t.Pool != nil:
		return slices.Max(t.Pool) + 1
	}
	return d
}

// Covariance says how a Gaussian process is built; its numbers are in [Hyper].
type Covariance struct {
	Kernel    Kernel
	Isotropic bool // one length scale for all coordinates, instead of one for each
	Trends    []Trend
}

// Hyper holds the numbers of a [Covariance].
type Hyper struct {
	Signal  float64   `json:"signal"`           // σ²
	Lengths []float64 `json:"lengths"`          // ℓ: one, or one for each coordinate
	Trends  []float64 `json:"trends,omitempty"` // v, one for each trend
	Noise   float64   `json:"noise"`            // η²
}

// check returns an error naming the number that cannot be.
func (c Covariance) check(h Hyper, d int) error {
	if err := c.Kernel.check(); err != nil {
		return err
	}
	want := d
	if c.Isotropic {
		want = 1
	}
	if len(h.Lengths) != want || len(h.Trends) != len(c.Trends) {
		return fmt.Errorf("hyperparameters: expected %d length scales and %d trends, found %d and %d", want, len(c.Trends), len(h.Lengths), len(h.Trends))
	}
	positive := func(name string, v float64, zero bool) error {
		if !(v > 0 || zero && v == 0) || math.IsInf(v, 0) {
			return fmt.Errorf("hyperparameters: %s: expected a finite positive number, found %v", name, v)
		}
		return nil
	}
	for _, l := range h.Lengths {
		if err := positive("length scale", l, false); err != nil {
			return err
		}
	}
	for _, v := range h.Trends {
		if err := positive("variance of a trend", v, true); err != nil {
			return err
		}
	}
	if err := positive("signal variance", h.Signal, false); err != nil {
		return err
	}
	return positive("noise variance", h.Noise, true)
}

// logs returns the numbers as the vector that fits work on: log σ², log ℓ…, log v…, log η².
func (h Hyper) logs() []float64 {
	out := []float64{math.Log(h.Signal)}
	for _, l := range h.Lengths {
		out = append(out, math.Log(l))
	}
	for _, v := range h.Trends {
		out = append(out, math.Log(v))
	}
	return append(out, math.Log(h.Noise))
}

// hyperOf undoes logs.
func hyperOf(logs []float64, trends int) Hyper {
	n := len(logs)
	h := Hyper{Signal: math.Exp(logs[0]), Noise: math.Exp(logs[n-1])}
	for i, v := range logs[1 : n-1] {
		if i < n-2-trends {
			h.Lengths = append(h.Lengths, math.Exp(v))
		} else {
			h.Trends = append(h.Trends, math.Exp(v))
		}
	}
	return h
}

// scaled returns x/ℓ.
func (h Hyper) scaled(x []float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = v / h.length(i)
	}
	return out
}

func (h Hyper) length(i int) float64 {
	if len(h.Lengths) == 1 {
		return h.Lengths[0]
	}
	return h.Lengths[i]
}

// squaredDistances writes the squared distance of x from every z. Four sums run at once, each in the order of [squaredDistance] and so with its bits,
// because one waits for each of its additions.
func squaredDistances(dst, x []float64, z [][]float64) {
	j := 0
	for ; j+4 <= len(dst); j += 4 {
		z0, z1, z2, z3 := z[j][:len(x)], z[j+1][:len(x)], z[j+2][:len(x)], z[j+3][:len(x)]
		var s0, s1, s2, s3 float64
		for i, v := range x {
			d0, d1, d2, d3 := v-z0[i], v-z1[i], v-z2[i], v-z3[i]
			s0 += d0 * d0
			s1 += d1 * d1
			s2 += d2 * d2
			s3 += d3 * d3
		}
		dst[j], dst[j+1], dst[j+2], dst[j+3] = s0, s1, s2, s3
	}
	for ; j < len(dst); j++ {
		dst[j] = squaredDistance(x, z[j])
	}
}

func squaredDistance(x, z []float64) float64 {
	z = z[:len(x)]
	sum := 0.0
	for i, v := range x {
		d := v - z[i]
		sum += d * d
	}
	return sum
}
