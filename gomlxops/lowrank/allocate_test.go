package lowrank

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/gomlxops/transformer"
)

// METHODS identities 19 and 20, and the borders of a ratio.
func TestRank(t *testing.T) {
	for _, c := range []struct {
		ratio   float64
		out, in int
		want    int
	}{
		{0.8, 4096, 4096, 409}, {0.2, 4096, 11008, 2388}, {0.2, 48, 48, 19}, {0.5, 48, 112, 16},
		{0.9, 200, 200, 10}, // (1−0.9)·100 is 9.999999999999998 in binary
		{0.999, 48, 48, 0}, {1e-9, 4096, 4096, 2047},
	} {
		if got, err := Rank(c.ratio, c.out, c.in); err != nil || got != c.want {
			t.Errorf("%+v: got %d, %v", c, got, err)
		}
	}
	for _, ratio := range []float64{0, 1, -0.2, 1.5, math.NaN(), math.Inf(1)} {
		if _, err := Rank(ratio, 10, 10); err == nil || !strings.Contains(err.Error(), "ratio") {
			t.Errorf("ratio %v: %v", ratio, err)
		}
	}
	if _, err := Rank(0.5, 0, 10); err == nil {
		t.Error("a dimension of 0 was accepted")
	}
}

// METHODS identity 19: what the allocation reports is what the variant holds.
func TestUniformCounts(t *testing.T) {
	for _, r := range references(t) {
		for _, method := range Methods() {
			spectra := r.spectra(t, method)
			for _, c := range []struct {
				ratio float64
				opt   AllocationOptions
			}{
				{0.2, AllocationOptions{}}, {0.5, AllocationOptions{}},
				{0.3, AllocationOptions{Protect: []transformer.Kind{transformer.Value}}},
				{0.3, AllocationOptions{Multiple: 4, Protect: []transformer.Kind{transformer.Key, transformer.Value}}},
			} {
				forms, a, err := UniformWith(spectra, c.ratio, c.opt)
				if err != nil {
					t.Fatal(err)
				}
				v, err := r.model.With(forms)
				if err != nil {
					t.Fatal(err)
				}
				if before := r.model.Dense().LinearParams(); a.After != v.LinearParams() || a.Before != before || r.model.Params()-v.Params() != a.Before-a.After {
					t.Errorf("%s %s %+v: reports %d of %d, the variant holds %d of %d", r.name, method, c, a.After, a.Before, v.LinearParams(), before)
				}
				if len(c.opt.Protect) == 0 && (a.Removed() < c.ratio-0.02 || a.Removed() > c.ratio+0.03) {
					t.Errorf("%s %s: asked for %v, removed %v", r.name, method, c.ratio, a.Removed())
				}
				checkChoices(t, a, r.model, c.opt)
			}
		}
	}
}

func checkChoices(t *testing.T, a *Allocation, m *transformer.Model, opt AllocationOptions) {
	t.Helper()
	if len(a.Ranks) != len(m.Linears()) {
		t.Errorf("%d choices", len(a.Ranks))
	}
	for i, c := range a.Ranks {
		l := m.Linears()[i]
		protected := len(opt.Protect) > 0 && (l.Kind == opt.Protect[0] || l.Kind == opt.Protect[len(opt.Protect)-1])
		if protected != (c.Rank == 0) || c.Rank%max(opt.Multiple, 1) != 0 {
			t.Errorf("%s: rank %d with %+v", c.Linear, c.Rank, opt)
		}
		if protected && (c.Params != l.Params() || c.Discarded != 0) || !protected && (c.Params >= l.Params() || c.Discarded <= 0 || c.Discarded >= c.Energy) {
			t.Errorf("%+v", c)
		}
	}
}

func TestApplyKeepsDenseWhatSavesNothing(t *testing.T) {
	r := references(t)[0]
	for _, method := range []Method{PlainSVD, FeaturePCM} {
		s := r.spectra(t, method)[0] // 48×48: r·96 < 2304 for r < 24; a bias takes 48 more, half a rank
		if s.Kept != 23 {
			t.Errorf("keeps %d directions, 23 can save", s.Kept)
		}
		for rank, factored := range map[int]bool{0: false, 1: true, 23: true, 24: false, 48: false} {
			forms, a, err := Apply([]*Spectrum{s}, map[string]int{s.Linear.Name: rank})
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := forms[s.Linear.Name]; ok != factored || (a.After < a.Before) != factored {
				t.Errorf("%s rank %d: factored %v, %d of %d", method, rank, ok, a.After, a.Before)
			}
		}
	}
}

func TestAllocationRefuses(t *testing.T) {
	r := references(t)[0]
	spectra := r.spectra(t, PlainSVD)
	name := spectra[0].Linear.Name
	for what, c := range map[string]struct {
		do   func() error
		want string
	}{
		"ratio 0":   {func() error { _, _, err := Uniform(spectra, 0); return err }, "found 0"},
		"ratio 1.2": {func() error { _, _, err := Uniform(spectra, 1.2); return err }, "found 1.2"},
		"no rank":   {func() error { _, _, err := Uniform(spectra, 0.99); return err }, "leaves rank 0"},
		"multiple":  {func() error { _, _, err := UniformWith(spectra, 0.5, AllocationOptions{Multiple: 32}); return err }, "less than 32"},
		"negative":  {func() error { _, _, err := UniformWith(spectra, 0.5, AllocationOptions{Multiple: -1}); return err }, "multiple"},
		"kind": {func() error {
			_, _, err := UniformWith(spectra, 0.5, AllocationOptions{Protect: []transformer.Kind{"qkv"}})
			return err
		}, `found "qkv"`},
		"nothing":  {func() error { _, _, err := Uniform(nil, 0.5); return err }, "at least one"},
		"twice":    {func() error { _, _, err := Uniform(append(spectra, spectra[0]), 0.5); return err }, "two spectra"},
		"unknown":  {func() error { _, _, err := Apply(spectra, map[string]int{"lm_head": 3}); return err }, "lm_head"},
		"rank -1":  {func() error { _, _, err := Apply(spectra, map[string]int{name: -1}); return err }, "found -1"},
		"factor 0": {func() error { _, err := spectra[0].Factors(0); return err }, "1 to 23, found 0"},
		"too many": {func() error { _, err := spectra[0].Factors(24); return err }, "1 to 23, found 24"},
	} {
		if err := c.do(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", what, err, c.want)
		}
	}
}

func TestDecomposeRefuses(t *testing.T) {
	all := references(t)
	r, other := all[0], all[1]
	moments := r.moments(t, 1)
	l := r.model.Linears()[0]
	replaced := *moments
	replaced.Replaced = 3
	wrong := l
	wrong.Out++
	for what, c := range map[string]struct {
		do   func() error
		want string
	}{
		"method":     {func() error { _, err := Decompose(r.model, moments, l, "pca"); return err }, `found "pca"`},
		"no moments": {func() error { _, err := Decompose(r.model, nil, l, FeaturePCM); return err }, "needs calibration moments"},
		"no Fisher":  {func() error { _, err := Decompose(r.model, nil, l, FWSVDRow); return err }, "needs Fisher sums"},
		"Fisher of another model": {func() error {
			_, err := DecomposeAll(context.Background(), r.model, nil, FWSVDCol, Options{Fisher: exactFisher(t, other)})
			return err
		}, "another model"},
		"model": {func() error {
			_, err := Decompose(other.model, moments, other.model.Linears()[0], FeaturePCM)
			return err
		}, "another model"},
		"replaced": {func() error { _, err := Decompose(r.model, &replaced, l, FeatureSCM); return err }, "3 linears replaced"},
		"linear":   {func() error { _, err := Decompose(r.model, moments, wrong, FeatureSCM); return err }, "as the model has it"},
		"cancelled": {func() error {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_, err := DecomposeAll(ctx, r.model, moments, FeaturePCM, Options{})
			return err
		}, "canceled"},
	} {
		if err := c.do(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", what, err, c.want)
		}
	}
	if _, err := Decompose(r.model, nil, l, PlainSVD); err != nil {
		t.Errorf("plain SVD needs no moments: %v", err)
	}
}

// progressLog is a recorder that checks what progress promises.
type progressLog struct {
	t    *testing.T
	done int
}

func (p *progressLog) Metric(string, int, float64) {}

func (p *progressLog) Progress(stage string, done, total int) {
	if stage != "decompose" || done != p.done+1 || total != 21 {
		p.t.Errorf("progress %s %d of %d after %d", stage, done, total, p.done)
	}
	p.done = done
}

func TestDecomposeAllReportsAndKeeps(t *testing.T) {
	r := references(t)[0]
	log := &progressLog{t: t}
	spectra, err := DecomposeAll(context.Background(), r.model, nil, PlainSVD, Options{Keep: 5, Recorder: log})
	if err != nil {
		t.Fatal(err)
	}
	if log.done != 21 {
		t.Errorf("%d of 21 were reported", log.done)
	}
	for i, s := range spectra {
		if s.Kept != 5 || s.Linear != r.model.Linears()[i] || len(s.Values) != min(s.Linear.Out, s.Linear.In) {
			t.Errorf("%s: keeps %d of %d", s.Linear.Name, s.Kept, len(s.Values))
		}
	}
}

func TestBolacoProtects(t *testing.T) {
	for _, r := range references(t) {
		if got := BolacoProtects(r.model.Config()); slices.Contains(got, transformer.Value) != (r.name == "mha") || len(got) > 1 {
			t.Errorf("%s: %v", r.name, got)
		}
	}
}
