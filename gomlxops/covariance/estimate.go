package covariance

// Count returns n, the tokens of all groups.
func (s *Stats) Count() int {
	n := 0
	for _, g := range s.Groups {
		n += g.Count
	}
	return n
}

// Mean returns m, the mean over all tokens, [Dim].
func (s *Stats) Mean() []float64 {
	mean, n := make([]float64, s.Dim), float64(s.Count())
	for _, g := range s.Groups {
		w := float64(g.Count) / n
		for i, v := range g.Mean {
			mean[i] += w * v
		}
	}
	return mean
}

// SCM returns the sample covariance (S_W + S_B)/(n − 1), [Dim, Dim] in full.
func (s *Stats) SCM() []float64 { return unpack(s.scatter(), s.Dim, 1/float64(s.Count()-1)) }

// PCM returns the pooled covariance S_W/(n − K), [Dim, Dim] in full: the mean over K equal groups of S_k/(n_k − 1). With one
// group it is the SCM.
func (s *Stats) PCM() []float64 {
	return unpack(s.Within, s.Dim, 1/float64(s.Count()-len(s.Groups)))
}

// SecondMoment returns (1/n) Σ x xᵀ, not centred, [Dim, Dim] in full.
func (s *Stats) SecondMoment() []float64 {
	scatter := s.scatter()
	addOuter(scatter, float64(s.Count()), s.Mean())
	return unpack(scatter, s.Dim, 1/float64(s.Count()))
}

// scatter returns S_W + S_B, the scatter about the mean of all tokens, packed.
func (s *Stats) scatter() []float64 {
	total := append([]float64(nil), s.Within...)
	if len(s.Groups) == 1 {
		return total
	}
	mean := s.Mean()
	for _, g := range s.Groups {
		addOuter(total, float64(g.Count), difference(g.Mean, mean))
	}
	return total
}

// addOuter adds w·v vᵀ to the packed matrix.
func addOuter(matrix []float64, w float64, v []float64) {
	at := 0
	for i := range v {
		row, wi := matrix[at:at+i+1], w*v[i]
		for j := range row {
			row[j] += wi * v[j]
		}
		at += i + 1
	}
}

// unpack returns scale times the packed symmetric matrix, in full.
func unpack(matrix []float64, n int, scale float64) []float64 {
	full := make([]float64, n*n)
	at := 0
	for i := range n {
		for j := range i + 1 {
			v := scale * matrix[at]
			full[i*n+j], full[j*n+i] = v, v
			at++
		}
	}
	return full
}

func difference(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range d {
		d[i] = a[i] - b[i]
	}
	return d
}

// Diagonals returns the mean square and the variance (denominator n) of every channel over all tokens, [Dim] each.
func (s *Stats) Diagonals() (square, variance []float64) {
	mean, n := s.Mean(), float64(s.Count())
	square, variance = make([]float64, s.Dim), make([]float64, s.Dim)
	for i := range variance {
		sum := s.Within[packed(i+1)-1]
		for _, g := range s.Groups {
			d := g.Mean[i] - mean[i]
			sum += float64(g.Count) * d * d
		}
		variance[i] = sum / n
		square[i] = variance[i] + mean[i]*mean[i]
	}
	return square, variance
}
