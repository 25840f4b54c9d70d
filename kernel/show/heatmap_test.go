package show

import (
	"math"
	"strings"
	"testing"
)

// A cell without a value has a sign of its own and no number.
func TestHeatMapTextWithoutValue(t *testing.T) {
	text := HeatMap{Rows: []string{"0"}, Cols: []string{"q", "k"}, Values: [][]float64{{64, math.NaN()}}}.Text(80)
	if !strings.Contains(text, "64") || !strings.Contains(text, "×") || strings.Contains(text, "NaN") {
		t.Errorf("text:\n%s", text)
	}
}
