package show

import "math"

// sparks are bars of growing height, for a line in one row of characters.
var sparks = []rune("▁▂▃▄▅▆▇█")

// spark is the bar of v between lo and hi, a blank where there is no value.
func spark(v, lo, hi float64) rune {
	if math.IsNaN(v) || math.IsInf(v, 0) || !(hi > lo) {
		return ' '
	}
	t := math.Min(math.Max((v-lo)/(hi-lo), 0), 1)
	return sparks[min(int(t*float64(len(sparks))), len(sparks)-1)]
}
