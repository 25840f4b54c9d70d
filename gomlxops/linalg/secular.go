package linalg

import "math"

// Notation of secular.go: the eigenvalues of D + ρ z zᵀ, ρ > 0, d ascending, are the roots x of
//
//	f(x) = 1 + ρ Σ z_i² / (d_i − x) = 1 + ρ(ψ + φ),   ψ over i ≤ k, φ over i > k
//
// and root k lies between d_k and d_{k+1} (the last one within ρ‖z‖² of d_{K-1}).
// R.-C. Li, Solving secular equations stably and efficiently, LAPACK Working Note 89 (1994).

// secular is one such equation with K poles.
type secular struct {
	d, z []float64
	rho  float64
}

// root finds root k and fills delta with d_i − x, which is exact to the last digits because x is kept as a
// distance from the nearer pole.
func (s *secular) root(k int, delta []float64) float64 {
	if len(s.d) == 1 {
		delta[0] = -s.rho * s.z[0] * s.z[0]
		return s.d[0] - delta[0]
	}
	origin, lo, hi := s.bracket(k, delta)
	poles := delta
	for i, d := range s.d {
		poles[i] = d - s.d[origin]
	}
	mu := s.iterate(k, poles, lo, hi)
	for i := range delta {
		delta[i] -= mu
	}
	return s.d[origin] + mu
}

// bracket chooses the pole nearer to root k as origin and bounds the distance from it; poles is scratch.
func (s *secular) bracket(k int, poles []float64) (origin int, lo, hi float64) {
	last := k == len(s.d)-1
	var width float64
	if last {
		width = s.rho * dotScalar(s.z, s.z)
	} else {
		width = s.d[k+1] - s.d[k]
	}
	for i, d := range s.d {
		poles[i] = d - s.d[k]
	}
	sum, _ := poleSums(s.z, poles, width/2)
	middle := 1 + s.rho*sum
	switch {
	case middle >= 0:
		return k, 0, width / 2
	case last:
		return k, width / 2, width
	}
	return k + 1, -width / 2, 0
}

// iterate improves μ inside (lo, hi) by fitting the two nearest poles, and bisects whenever the fit leaves the bracket.
func (s *secular) iterate(k int, poles []float64, lo, hi float64) float64 {
	mu := (lo + hi) / 2
	for range 100 { // bisection alone would need 64
		psi, dpsi := poleSums(s.z[:k+1], poles[:k+1], mu)
		phi, dphi := poleSums(s.z[k+1:], poles[k+1:], mu)
		f := 1 + s.rho*(psi+phi)
		if math.Abs(f) <= 0.5*epsilon*float64(len(poles))*(1+s.rho*(math.Abs(psi)+math.Abs(phi))) {
			return mu
		}
		if f > 0 {
			hi = mu
		} else {
			lo = mu
		}
		next := mu + s.step(k, poles, mu, f, s.rho*dpsi, s.rho*dphi)
		if !(next > lo && next < hi) {
			next = (lo + hi) / 2
		}
		if math.Abs(next-mu) <= epsilon*math.Abs(next) {
			return next
		}
		mu = next
	}
	return mu
}

// step solves c + a/(p−t) + b/(q−t) = 0, where p and q are the distances to the poles around root k and a, b, c match f and
// the derivatives of ψ and φ at μ.
func (s *secular) step(k int, poles []float64, mu, f, dpsi, dphi float64) float64 {
	p := poles[k] - mu
	a := dpsi * p * p
	if k == len(poles)-1 {
		return p + a/(f-dpsi*p)
	}
	q := poles[k+1] - mu
	b := dphi * q * q
	c := f - dpsi*p - dphi*q
	minusB := c*(p+q) + a + b
	root := math.Sqrt(max(0, minusB*minusB-4*c*f*p*q))
	if minusB >= 0 {
		return 2 * f * p * q / (minusB + root)
	}
	return (minusB - root) / (2 * c)
}
