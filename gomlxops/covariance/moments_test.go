package covariance

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/transformer"
)

// A batch's scatter is rounded to float32 once; sums of them carry that and no more.
const float32Sums = 3e-7

func TestEstimatesMatchTwins(t *testing.T) {
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, 0))
	checked := 0
	for _, c := range []struct{ n, d, groups, batch int }{
		{60, 5, 1, 60}, {60, 5, 1, 7}, {60, 5, 4, 15}, {60, 5, 4, 4}, {96, 17, 8, 5}, {64, 33, 16, 1},
	} {
		x := rows(rng, c.n, c.d)
		s := gather(x, c.groups, c.batch)
		expect(t, "mean", s.Mean(), twinMean(x), 1e-12)
		expect(t, "SCM", s.SCM(), twinSCM(x), float32Sums)
		expect(t, "PCM", s.PCM(), twinPCM(x, c.groups), float32Sums)
		zero := make([]float64, c.d)
		expect(t, "second moment", s.SecondMoment(), scaled(twinScatter(x, zero), 1/float64(c.n)), float32Sums)
		if s.Count() != c.n {
			t.Errorf("%+v: %d tokens", c, s.Count())
		}
		checked++
	}
	if checked == 0 {
		t.Fatal("no case ran")
	}
}

// A mean ten million times the spread: in float32 it is off by about half the spread, which the residuals make good.
func TestMeanFarFromZero(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 0))
	x := rows(rng, 60, 5)
	for _, row := range x {
		for i := range row {
			row[i] = 12345.678 + 1e-3*rng.NormFloat64()
		}
	}
	s := gather(x, 4, 5)
	expect(t, "mean", s.Mean(), twinMean(x), 1e-11)
	expect(t, "SCM", s.SCM(), twinSCM(x), 1e-5)
	expect(t, "PCM", s.PCM(), twinPCM(x, 4), 1e-5)
}

// exact is a float64 twin of Stats.add: scatters from the rows, merged by Chan's formula, or by the one that Bolaco's
// released code has, with the merged mean where the old one belongs.
func exact(x [][]float64, batchRows int, released bool) []float64 {
	d := len(x[0])
	n, mean, scatter := 0.0, make([]float64, d), make([]float64, d*d)
	for from := 0; from < len(x); from += batchRows {
		part := x[from:min(from+batchRows, len(x))]
		n2, m2 := float64(len(part)), twinMean(part)
		merged := make([]float64, d)
		for i := range d {
			merged[i] = mean[i] + (m2[i]-mean[i])*n2/(n+n2)
		}
		for i, v := range twinScatter(part, m2) {
			a, b := m2[i/d]-mean[i/d], m2[i%d]-mean[i%d]
			if released {
				a, b = m2[i/d]-merged[i/d], m2[i%d]-merged[i%d]
			}
			scatter[i] += v + n*n2/(n+n2)*a*b
		}
		n, mean = n+n2, merged
	}
	return scaled(scatter, 1/(n-1))
}

// METHODS identity 3.
func TestMergeIsChansNotTheReleasedOne(t *testing.T) {
	x := rows(rand.New(rand.NewPCG(3, 0)), 120, 6)
	want := twinSCM(x)
	expect(t, "Chan's merge", exact(x, 10, false), want, 1e-12)
	expect(t, "Stats.add", gather(x, 1, 10).SCM(), want, float32Sums)
	if d := apart(t, exact(x, 10, true), want); d < 0.01 {
		t.Errorf("the released code's merge is right to %.2g, so this test's data has no drift and proves nothing", d)
	}
	// For two equal batches the released term is 1/4 of the true one.
	two := x[:20]
	a, b := twinMean(two[:10]), twinMean(two[10:])
	short := exact(two, 10, true)
	full := exact(two, 10, false)
	for i := range full {
		missing := 5 * 0.75 * (b[i/6] - a[i/6]) * (b[i%6] - a[i%6]) / 19
		full[i] -= missing
	}
	expect(t, "the released term, a quarter", short, full, 1e-12)
}

// METHODS identities 2, 4, 5, 6.
func TestPoolingIdentities(t *testing.T) {
	const n, d, groups = 96, 9, 8
	x := rows(rand.New(rand.NewPCG(4, 0)), n, d)
	one, many := gather(x, 1, 12), gather(x, groups, 12)

	expect(t, "2: batching", gather(x, 1, 5).SCM(), one.SCM(), float32Sums)
	expect(t, "4: PCM with one group", one.PCM(), one.SCM(), 1e-15)

	// In the 1/n convention SCM = PCM + covariance of the group means, and the trace shows which is larger.
	scm := scaled(many.SCM(), float64(n-1)/n)
	pcm := scaled(many.PCM(), float64(n-groups)/n)
	between := make([]float64, d*d)
	var means [][]float64
	for _, g := range many.Groups {
		means = append(means, g.Mean)
	}
	for i, v := range twinScatter(means, many.Mean()) {
		between[i] = pcm[i] + v/groups
	}
	expect(t, "4: PCM + between = SCM", between, scm, 1e-14)
	if trace(pcm, d) > trace(scm, d) {
		t.Errorf("6: trace of PCM %g exceeds that of SCM %g", trace(pcm, d), trace(scm, d))
	}

	shuffled := slices.Clone(x)
	slices.Reverse(shuffled[:12]) // inside the first group
	moved := slices.Concat(shuffled[12:], shuffled[:12])
	expect(t, "5: order inside and of groups", gather(moved, groups, 12).PCM(), many.PCM(), float32Sums)
	across := slices.Clone(x)
	across[0], across[95] = across[95], across[0]
	if d := apart(t, gather(across, groups, 12).PCM(), many.PCM()); d < 1e-3 {
		t.Errorf("5: exchanging tokens across groups changed the PCM by %.2g only", d)
	}
}

func trace(a []float64, d int) float64 {
	sum := 0.0
	for i := range d {
		sum += a[i*d+i]
	}
	return sum
}

// moments wraps one site of each kind, so that the operations on whole moments can be tried without a model.
func moments(x [][]float64, groups, length int) *Moments {
	m := &Moments{Model: "m", Tokens: "t", Sequences: len(x) / length, Length: length, Groups: groups}
	m.Stats = []*Stats{gather(x, groups, length)}
	return m
}

func TestRegroupIsWhatCollectGives(t *testing.T) {
	const length = 6
	x := rows(rand.New(rand.NewPCG(5, 0)), 96, 9)
	fine := moments(x, 16, length)
	before := fine.Stats[0].PCM()
	for _, groups := range []int{1, 2, 8, 16} {
		coarse, err := fine.Regroup(groups)
		if err != nil {
			t.Fatal(err)
		}
		s := coarse.Stats[0]
		expect(t, "PCM", s.PCM(), twinPCM(x, groups), float32Sums)
		expect(t, "SCM", s.SCM(), fine.Stats[0].SCM(), 1e-14)
		if coarse.Groups != groups || len(s.Groups) != groups || coarse.complete() != nil {
			t.Errorf("%d groups: found %d, %v", groups, len(s.Groups), coarse.complete())
		}
	}
	expect(t, "the finer moments afterwards", fine.Stats[0].PCM(), before, 0)
	for _, groups := range []int{0, 3, 32} {
		if _, err := fine.Regroup(groups); err == nil || !strings.Contains(err.Error(), "divisor of 16") {
			t.Errorf("%d groups: %v", groups, err)
		}
	}
}

func TestMergeAddsUp(t *testing.T) {
	const length = 6
	x := rows(rand.New(rand.NewPCG(6, 0)), 96, 9)
	a, b := moments(x[:24], 2, length), moments(x[24:], 6, length)
	both, err := a.Merge(b)
	if err != nil {
		t.Fatal(err)
	}
	whole := moments(x, 8, length)
	s, w := both.Stats[0], whole.Stats[0]
	expect(t, "PCM", s.PCM(), w.PCM(), 1e-15)
	expect(t, "SCM", s.SCM(), w.SCM(), 1e-14)
	expect(t, "mean of |x|", s.AbsMean, w.AbsMean, 1e-14)
	if both.Sequences != 16 || both.Groups != 8 || both.complete() != nil {
		t.Errorf("merged %d sequences in %d groups, %v", both.Sequences, both.Groups, both.complete())
	}
	for want, spoil := range map[string]func(*Moments){
		"model":  func(m *Moments) { m.Model = "other" },
		"length": func(m *Moments) { m.Length = 12 },
		"groups": func(m *Moments) { m.Groups = 3 },
		"sites":  func(m *Moments) { m.Stats = nil },
	} {
		other := *b
		spoil(&other)
		if _, err := a.Merge(&other); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

func TestWarningsSayWhatWouldDo(t *testing.T) {
	m := &Moments{Sequences: 8, Length: 10, Groups: 4}
	for _, c := range []struct {
		site transformer.Site
		dim  int
	}{{transformer.AttentionIn, 76}, {transformer.MLPMid, 77}} {
		s := newStats(0, c.site, c.dim, 4)
		for k := range s.Groups {
			s.Groups[k].Count = 20
		}
		m.Stats = append(m.Stats, s, &Stats{1, c.site, c.dim, s.Groups, nil, nil})
	}
	got := m.Warnings()
	want := []Shortage{{transformer.MLPMid, 77, 76, 12}} // 81 tokens in 4 groups: 3 sequences of 10 each
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
