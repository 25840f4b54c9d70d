package tracker_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/parelab/pare/tracker"
)

// randomValue makes values of every kind, lists of lists included.
func randomValue(rng *rand.Rand, depth int) tracker.Value {
	switch rng.IntN(6) {
	case 0:
		return tracker.Int(int64(rng.Uint64()))
	case 1:
		return tracker.Float(math.Float64frombits(rng.Uint64())) // NaN, infinities and denormals among them
	case 2:
		return tracker.Float(float64(rng.IntN(10)))
	case 3:
		return tracker.String([]string{"", "NaN", "1", "true", "é\x00\n\"", "<&>"}[rng.IntN(6)])
	case 4:
		return tracker.Bool(rng.IntN(2) == 0)
	}
	var list []tracker.Value
	for range rng.IntN(4) {
		if depth > 0 {
			list = append(list, randomValue(rng, depth-1))
		}
	}
	return tracker.List(list...)
}

func TestValueKeepsItsTypeThroughJSON(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 0))
	fixed := []tracker.Value{{}, tracker.Float(math.NaN()), tracker.Float(math.Inf(-1)), tracker.Float(1e300), tracker.Int(math.MinInt64), tracker.List()}
	for i := range 5000 {
		v := randomValue(rng, 3)
		if i < len(fixed) {
			v = fixed[i]
		}
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var back tracker.Value
		if err := json.Unmarshal(data, &back); err != nil || !back.Equal(v) || back.Kind() != v.Kind() {
			t.Fatalf("seed %d: %v (%s) became %s, then %v (%s), %v", seed, v, v.Kind(), data, back, back.Kind(), err)
		}
	}
}

func TestValueOf(t *testing.T) {
	type level int8
	type name string
	for _, c := range []struct {
		in   any
		want tracker.Value
	}{
		{level(3), tracker.Int(3)}, {uint64(7), tracker.Int(7)}, {float32(0.1), tracker.Float(0.1)}, {name("x"), tracker.String("x")}, {true, tracker.Bool(true)},
		{[]any{1, "a", []float64{2}}, tracker.List(tracker.Int(1), tracker.String("a"), tracker.List(tracker.Float(2)))},
		{[2]int{1, 2}, tracker.List(tracker.Int(1), tracker.Int(2))}, {tracker.Float(2), tracker.Float(2)},
	} {
		if got, err := tracker.ValueOf(c.in); err != nil || !got.Equal(c.want) {
			t.Errorf("ValueOf(%#v) = %v (%s), %v; want %v (%s)", c.in, got, got.Kind(), err, c.want, c.want.Kind())
		}
	}
	for _, bad := range []any{nil, map[string]int{}, struct{}{}, uint64(math.MaxUint64), []any{nil}, func() {}} {
		if got, err := tracker.ValueOf(bad); !errors.Is(err, tracker.ErrInvalid) {
			t.Errorf("ValueOf(%T) = %v, %v; want ErrInvalid", bad, got, err)
		}
	}
	if tracker.Int(1).Equal(tracker.Float(1)) {
		t.Error("an int equals a float")
	}
}
