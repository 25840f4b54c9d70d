package importance

import (
	"fmt"
	"math"
	"testing"

	"github.com/parelab/pare/gomlxops/covariance"
	"github.com/parelab/pare/gomlxops/internal/oracle"
)

// Wanda and FLAP against their formulas, from the reference's statistics of the inputs: groups of any number give the same scores.
func TestActivations(t *testing.T) {
	m, tokens := reference(t, "gqa")
	calib := oracle.Tensors(t, "models/gqa/calib.safetensors")
	for _, groups := range []int{1, 4} {
		moments, err := covariance.Collect(t.Context(), m.Dense(), tokens["calib"], covariance.Options{Groups: groups})
		if err != nil {
			t.Fatal(err)
		}
		s, err := Activations(m.Dense(), moments)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Weights) != 20 || len(s.Weights[14].By) != 0 || s.Tokens != moments.Tokens || s.Sequences != 16 {
			t.Fatalf("%d weights, %+v", len(s.Weights), s)
		}
		for i, w := range s.Weights[:14] {
			values, err := weightOf(m.Dense(), w)
			if err != nil {
				t.Fatal(err)
			}
			second := oracle.Unpack(calib[w.Name+".input_second_moment"].Data, w.Columns)
			mean := calib[w.Name+".input_mean"].Data
			rows, columns, flap := make([]float64, w.Rows), make([]float64, w.Columns), make([]float64, w.Columns)
			for at, v := range values {
				r, c := at/w.Columns, at%w.Columns
				square := second[c*w.Columns+c]
				rows[r] += math.Abs(float64(v)) * math.Sqrt(square)
				columns[c] += math.Abs(float64(v)) * math.Sqrt(square)
				flap[c] += float64(v) * float64(v) * (square - mean[c]*mean[c])
			}
			average, n, spread := 0.0, float64(w.Columns), 0.0
			for _, v := range flap {
				average += v / n
			}
			for _, v := range flap {
				spread += (v - average) * (v - average) / (n - 1)
			}
			for c := range flap {
				flap[c] = (flap[c] - average) / math.Sqrt(spread)
			}
			for what, d := range map[string]float64{
				"wanda rows": apart(t, w.By[Wanda].Rows, rows), "wanda columns": apart(t, w.By[Wanda].Columns, columns), "flap": apart(t, w.By[FLAP].Columns, flap),
			} {
				if !(d < 1e-4) {
					t.Errorf("%d groups, %s (%d) %s: apart by %.2g", groups, w.Name, i, what, d)
				}
			}
			if _, err := w.Vector(FLAP, Rows); err == nil {
				t.Error("flap has no rows")
			}
		}
	}
}

func TestMagnitudes(t *testing.T) {
	m, _ := reference(t, "gqa")
	s, err := Magnitudes(t.Context(), m.Dense(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range s.Weights {
		values, err := weightOf(m.Dense(), w)
		if err != nil {
			t.Fatal(err)
		}
		width := max(1, w.Columns)
		rows, columns := make([]float64, w.Rows), make([]float64, width)
		for i, v := range values {
			rows[i/width] += math.Abs(float64(v))
			columns[i%width] += float64(v) * float64(v)
		}
		if d := apart(t, w.By[L1].Rows, rows); !(d < 1e-12) {
			t.Errorf("%s: l1 apart by %.2g", w.Name, d)
		}
		if w.Columns == 0 {
			continue
		}
		if d := apart(t, w.By[L2].Columns, columns); !(d < 1e-12) {
			t.Errorf("%s: l2 apart by %.2g", w.Name, d)
		}
	}
	if len(s.Weights) != 20 {
		t.Errorf("%d weights", len(s.Weights))
	}
}

// Random scores depend on seed and weight, and fill [0, 1) evenly.
func TestRandoms(t *testing.T) {
	m, _ := reference(t, "gqa")
	one, err := Randoms(m.Dense(), 1)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := Randoms(m.Dense(), 1)
	other, _ := Randoms(m.Dense(), 2)
	var all []float64
	for i, w := range one.Weights {
		v := w.By[Random].Rows
		if fmt.Sprint(v) != fmt.Sprint(again.Weights[i].By[Random].Rows) || fmt.Sprint(v) == fmt.Sprint(other.Weights[i].By[Random].Rows) {
			t.Errorf("%s: not a function of the seed", w.Name)
		}
		all = append(all, v...)
	}
	low, high, mean := 1.0, 0.0, 0.0
	for _, v := range all {
		low, high, mean = min(low, v), max(high, v), mean+v/float64(len(all))
	}
	if low < 0 || high >= 1 || low > 0.01 || high < 0.99 || math.Abs(mean-0.5) > 5/math.Sqrt(12*float64(len(all))) {
		t.Errorf("%d numbers from %v to %v, mean %v", len(all), low, high, mean)
	}
}
