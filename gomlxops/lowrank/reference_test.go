package lowrank

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/importance"
	"github.com/parelab/pare/gomlxops/internal/oracle"
	"github.com/parelab/pare/gomlxops/transformer"
)

// reference is one of the oracle's models with its numbers.
type reference struct {
	name    string
	model   *transformer.Model
	tokens  map[string][][]int32
	calib   map[string]oracle.Array
	arrays  map[string]oracle.Array
	numbers struct {
		DenseLayer int     `json:"dense_layer"`
		Dense      float64 `json:"heldout_loss_dense"`
		Lambdas    map[string]struct {
			Linears map[string]struct {
				Rank       int
				BolacoRule int `json:"rank_bolaco_rule"`
				Methods    map[string]quality
			}
			HeldoutLoss map[string]float64 `json:"heldout_loss"`
		}
	}
}

// quality is what the reference says of one linear, method and ratio.
type quality struct {
	WeightError float64 `json:"weight_error_fro"`
	MSE         float64 `json:"output_mse"`
	MSENoBias   float64 `json:"output_mse_no_bias"`
	Discarded   float64 `json:"discarded"`
}

// referenceMethods are the names in the reference of what this package has.
var referenceMethods = map[Method]string{FeaturePCM: "bolaco_pcm", FeatureSCM: "bolaco_scm", PlainSVD: "svd", SVDLLM: "svdllm", ASVD: "asvd", FWSVDRow: "fwsvd_row", FWSVDCol: "fwsvd_col"}

func references(t *testing.T) []*reference {
	t.Helper()
	var all []*reference
	for _, name := range []string{"mha", "gqa"} {
		r := &reference{name: name}
		var err error
		if r.model, err = transformer.Open(oracle.Path(t, "models/"+name)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.model.Close() })
		oracle.JSON(t, "models/"+name+"/tokens.json", &r.tokens)
		oracle.JSON(t, "models/"+name+"/lowrank.json", &r.numbers)
		r.calib = oracle.Tensors(t, "models/"+name+"/calib.safetensors")
		r.arrays = oracle.Tensors(t, "models/"+name+"/lowrank.safetensors")
		if len(r.numbers.Lambdas) != 2 {
			t.Fatalf("%s: %d ratios", name, len(r.numbers.Lambdas))
		}
		all = append(all, r)
	}
	return all
}

// known keeps what several tests ask for: calibrations and decompositions do not change.
var known sync.Map

func once[T any](t *testing.T, key string, compute func() (T, error)) T {
	t.Helper()
	f, _ := known.LoadOrStore(key, sync.OnceValues(compute))
	v, err := f.(func() (T, error))()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// moments runs the calibration; groups as the reference has.
func (r *reference) moments(t *testing.T, groups int) *covariance.Moments {
	t.Helper()
	return once(t, fmt.Sprint(r.name, " moments ", groups), func() (*covariance.Moments, error) {
		return covariance.Collect(context.Background(), r.model.Dense(), r.tokens["calib"], covariance.Options{Groups: groups})
	})
}

// fisher collects gradients.
func (r *reference) fisher(t *testing.T) *importance.Fisher {
	t.Helper()
	return once(t, r.name+" fisher", func() (*importance.Fisher, error) {
		return importance.Collect(context.Background(), r.model, r.tokens["calib"], importance.Options{})
	})
}

func (r *reference) spectra(t *testing.T, method Method) []*Spectrum {
	t.Helper()
	return r.spectraWith(t, method, Options{})
}

func (r *reference) spectraWith(t *testing.T, method Method, opt Options) []*Spectrum {
	t.Helper()
	var moments *covariance.Moments
	if method.NeedsMoments() {
		moments = r.moments(t, 4)
	}
	if method.NeedsFisher() {
		opt.Fisher = r.fisher(t)
	}
	return once(t, fmt.Sprint(r.name, method, opt.Keep, opt.Settings), func() ([]*Spectrum, error) {
		return DecomposeAll(context.Background(), r.model, moments, method, opt)
	})
}

func (r *reference) weight(t *testing.T, l transformer.Linear) []float64 {
	t.Helper()
	w, _, err := r.model.Float32(l.Name + ".weight")
	if err != nil {
		t.Fatal(err)
	}
	return widen(w)
}

func ratioOf(t *testing.T, lambda string) float64 {
	t.Helper()
	var ratio float64
	if _, err := fmt.Sscan(lambda, &ratio); err != nil {
		t.Fatal(err)
	}
	return ratio
}

// dense multiplies factors out: What = B A.
func dense(f *transformer.Factored) []float64 {
	out, in := f.Size()
	w := make([]float64, out*in)
	for i := range out {
		for k := range f.Rank {
			b := float64(f.B[i*f.Rank+k])
			for j := range in {
				w[i*in+j] += b * float64(f.A[k*in+j])
			}
		}
	}
	return w
}

// meanSquaredError is the mean over tokens and channels of (y − ŷ)² for inputs with the given mean m and second moment M:
// with D = W − What and bias b, E‖Dx − b‖² = tr(D M Dᵀ) − 2 bᵀ D m + ‖b‖².
func meanSquaredError(w, hat []float64, bias []float32, mean, second []float64) float64 {
	in := len(mean)
	out := len(w) / in
	sum := 0.0
	for i := range out {
		b, along := 0.0, 0.0
		if bias != nil {
			b = float64(bias[i])
		}
		for j := range in {
			d := w[i*in+j] - hat[i*in+j]
			along += d * mean[j]
			row := 0.0
			for k := range in {
				row += second[j*in+k] * (w[i*in+k] - hat[i*in+k])
			}
			sum += d * row
		}
		sum += b*b - 2*b*along
	}
	return sum / float64(out)
}

func frobenius(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += (a[i] - b[i]) * (a[i] - b[i])
	}
	return math.Sqrt(sum)
}

// apart returns the largest difference relative to the largest entry of want.
func apart(t *testing.T, got, want []float64) float64 {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	scale, worst := 0.0, 0.0
	for i, w := range want {
		scale = max(scale, math.Abs(w))
		if d := math.Abs(got[i] - w); !(d <= worst) {
			worst = d
		}
	}
	if scale == 0 {
		return worst
	}
	return worst / scale
}
