package covariance

// batch holds the moments of some tokens of one group. The scatter was taken about a float32 mean that rounding keeps from
// being exact; residual is what is left of the mean after subtracting it.
type batch struct {
	count    int
	mean     []float32 // c, [d]: the mean in float32
	residual []float32 // r, [d]: mean of x − c
	absMean  []float32 // [d]
	scatter  []float32 // Σ (x − c)(x − c)ᵀ, [d, d] in full; nil where it is added in another way
}

// add merges b into group k. Cost: d² additions in float64.
func (s *Stats) add(k int, b batch) {
	update := s.addMeans(k, b)
	for i := range s.Dim {
		update.addRow(rowOf(s.Within, i), i, 0, i+1, b.scatter[i*s.Dim:])
	}
}

// addMeans merges all of b but its scatter into group k, and returns what the scatter gains besides.
//
// With the group's count n₁ and mean m₁, and the batch's n₂, m₂ = c + r and scatter S₂ about m₂,
//
//	δ = m₂ − m₁,  m = m₁ + δ n₂/(n₁+n₂),  S = S₁ + S₂ + (n₁ n₂/(n₁+n₂)) δ δᵀ
//
// (Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983, equations 2.1), and
// S₂ = Σ(x−c)(x−c)ᵀ − n₂ r rᵀ (their corrected two-pass form). Because the rank-one term of each group goes into the sum
// over groups, S_W needs no matrix per group. Bolaco's released code has m₂ − m for δ, which shrinks that term by
// (n₁/(n₁+n₂))²; that is not followed.
func (s *Stats) addMeans(k int, b batch) rankTwo {
	g := &s.Groups[k]
	all := s.Count()
	n1, n2 := float64(g.Count), float64(b.count)
	share, between := n2/(n1+n2), n1*n2/(n1+n2)

	delta, residual := make([]float64, s.Dim), make([]float64, s.Dim)
	absShare := n2 / (float64(all) + n2)
	for i := range delta {
		residual[i] = float64(b.residual[i])
		delta[i] = float64(b.mean[i]) + residual[i] - g.Mean[i]
		g.Mean[i] += share * delta[i]
		s.AbsMean[i] += absShare * (float64(b.absMean[i]) - s.AbsMean[i])
	}
	g.Count += b.count
	return rankTwo{between, -n2, delta, residual}
}
