package prune_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/internal/oracle"
	"github.com/parelab/pare/gomlxops/prune"
	"github.com/parelab/pare/gomlxops/transformer"
)

// TestIterate: several steps with new scores give the model that the plan in the first model's indices gives in one cut.
func TestIterate(t *testing.T) {
	for _, name := range []string{"mha", "gqa"} {
		m := openOracle(t, name)
		dir := filepath.Join(t.TempDir(), "small")
		var widths []int
		o := prune.Options{Ratio: 0.6, Steps: 3}
		plan, err := o.Iterate(context.Background(), dir, m.Dense(), prune.CutOptions{}, func(_ context.Context, v *transformer.Variant, step int) (prune.Scores, error) {
			widths = append(widths, v.Model().Config().Shape(0).MLP)
			return randomScores(v.Model().Config(), uint64(step)), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		was := m.Config().IntermediateSize
		want := []int{was, int(float64(was) * (1 - 0.6/3)), int(float64(was) * (1 - 0.6*2/3))}
		if d := cmp.Diff(want, widths); d != "" {
			t.Errorf("%s: MLP channels before each step (-want +got):\n%s", name, d)
		}
		once := cut(t, m.Dense(), plan, prune.CutOptions{})
		if !slices.Equal(logits(t, once.Dense(), tokens(t, name, "forward")), logits(t, open(t, dir).Dense(), tokens(t, name, "forward"))) {
			t.Errorf("%s: three steps and one cut by their plan differ", name)
		}
		if left, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(left) != 1 {
			t.Errorf("%s: beside the model there are %v, %v", name, left, err)
		}
	}
}

// TestIterateFails: an error in a step leaves nothing behind.
func TestIterateFails(t *testing.T) {
	m := openOracle(t, "mha")
	dir := t.TempDir()
	broken := errors.New("no scores today")
	_, err := prune.Options{Ratio: 0.4, Steps: 2}.Iterate(context.Background(), filepath.Join(dir, "small"), m.Dense(), prune.CutOptions{},
		func(_ context.Context, v *transformer.Variant, step int) (prune.Scores, error) {
			if step == 2 {
				return prune.Scores{}, broken
			}
			return randomScores(v.Model().Config(), 1), nil
		})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "step 2 of 2") {
		t.Errorf("found %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	plan, err := prune.Options{Ratio: 0.4}.Plan(m.Config(), randomScores(m.Config(), 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := prune.Cut(ctx, filepath.Join(dir, "small"), m.Dense(), plan, prune.CutOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: found %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestCompensate: with the bias, the mean output of o and down stays what it was in the dense model, which the oracle has; without it, it does not. Only layer
// 0 is cut, so that what goes into it is the same.
func TestCompensate(t *testing.T) {
	ctx := context.Background()
	for _, name := range []string{"mha", "gqa"} {
		m := openOracle(t, name)
		calib := tokens(t, name, "calib")
		means := oracle.Tensors(t, "models/"+name+"/calib.safetensors")
		moments, err := covariance.Collect(ctx, m.Dense(), calib, covariance.Options{})
		if err != nil {
			t.Fatal(err)
		}
		checked := 0
		for _, o := range []prune.Options{{Ratio: 0.5, KeepHeads: true}, {Ratio: 0.5, KeepChannels: true}} {
			o.ProtectLast = m.Config().Layers - 1
			plan, err := o.Plan(m.Config(), randomScores(m.Config(), 9))
			if err != nil {
				t.Fatal(err)
			}
			extra, err := prune.Compensate(m.Dense(), plan, prune.Means(m.Dense(), moments))
			if err != nil {
				t.Fatal(err)
			}
			for _, compensation := range []map[string][]float32{extra, nil} {
				small := cut(t, m.Dense(), plan, prune.CutOptions{Compensation: compensation})
				now, err := covariance.Collect(ctx, small.Dense(), calib, covariance.Options{})
				if err != nil {
					t.Fatal(err)
				}
				for linear := range extra {
					far := furthest(t, toFloat32(means[linear+".output_mean"].Data), meanOutput(t, small, now, linear))
					if compensation != nil && far > 1e-5 || compensation == nil && far < 1e-3 {
						t.Errorf("%s %s: the mean output is %.2g off, compensated: %v", name, linear, far, compensation != nil)
					}
					checked++
				}
			}
		}
		if checked != 4 {
			t.Fatalf("checked %d outputs", checked)
		}
	}
}

func toFloat32(x []float64) []float32 {
	out := make([]float32, len(x))
	for i := range x {
		out[i] = float32(x[i])
	}
	return out
}

// meanOutput is W mean(x) + bias.
func meanOutput(t *testing.T, m *transformer.Model, moments *covariance.Moments, linear string) []float32 {
	t.Helper()
	x, err := prune.Means(m.Dense(), moments)(linear)
	if err != nil {
		t.Fatal(err)
	}
	w, shape, err := m.Float32(linear + ".weight")
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, shape[0])
	if f, ok := m.Dense().Form(linear); ok {
		if err := f.Read(1, out); err != nil {
			t.Fatal(err)
		}
	}
	for r := range out {
		sum := 0.0
		for i := range x {
			sum += float64(w[r*shape[1]+i]) * x[i]
		}
		out[r] += float32(sum)
	}
	return out
}

// TestCompensationRefused: what the bias cannot be made for.
func TestCompensationRefused(t *testing.T) {
	m := openOracle(t, "mha")
	hidden, err := prune.Options{Ratio: 0.5}.ChannelPlan(m.Config(), randomScores(m.Config(), 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prune.Compensate(m.Dense(), hidden, nil); err == nil || !strings.Contains(err.Error(), "residual stream") {
		t.Errorf("found %v", err)
	}
	plan, err := prune.Options{Ratio: 0.5}.Plan(m.Config(), randomScores(m.Config(), 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prune.Compensate(m.Dense(), plan, func(string) ([]float64, error) { return make([]float64, 3), nil }); err == nil || !strings.Contains(err.Error(), "found 3") {
		t.Errorf("found %v", err)
	}
	for want, extra := range map[string]map[string][]float32{
		"linears that are kept": {"model.layers.9.mlp.down_proj": make([]float32, 48)},
		"found 5":               {"model.layers.0.mlp.down_proj": make([]float32, 5)},
	} {
		err := prune.Cut(context.Background(), filepath.Join(t.TempDir(), "x"), m.Dense(), plan, prune.CutOptions{Compensation: extra})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("expected an error with %q, found %v", want, err)
		}
	}
}
