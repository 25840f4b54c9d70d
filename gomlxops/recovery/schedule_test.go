package recovery

import (
	"math"
	"testing"
)

func TestSchedule(t *testing.T) {
	s := schedule{steps: 110, warmUp: 10, peak: 2e-3, minimum: 2e-4}
	for step, want := range map[int]float64{1: 2e-4, 5: 1e-3, 10: 2e-3, 60: 1.1e-3, 110: 2e-4} {
		if got := s.at(step); math.Abs(got-want) > 1e-12 {
			t.Errorf("step %d: expected %v, found %v", step, want, got)
		}
	}
	for step := 11; step <= 110; step++ {
		if s.at(step) >= s.at(step-1) {
			t.Errorf("the rate does not fall at step %d: %v after %v", step, s.at(step), s.at(step-1))
		}
	}
	if got := (schedule{steps: 1, peak: 1}).at(1); got != 0 {
		t.Errorf("a single step falls to the minimum at once: expected 0, found %v", got)
	}
}

// TestScheduleShapes checks the line and the constant at the ends and in the middle.
func TestScheduleShapes(t *testing.T) {
	checked := 0
	for shape, want := range map[string][]float64{Line: {2e-3, 1.1e-3, 2e-4}, Constant: {2e-3, 2e-3, 2e-3}} {
		s := schedule{steps: 110, warmUp: 10, peak: 2e-3, minimum: 2e-4, shape: shape}
		for i, step := range []int{10, 60, 110} {
			if got := s.at(step); math.Abs(got-want[i]) > 1e-12 {
				t.Errorf("%s, step %d: expected %v, found %v", shape, step, want[i], got)
			}
			checked++
		}
		if got := s.at(5); math.Abs(got-1e-3) > 1e-12 {
			t.Errorf("%s warms up to %v at step 5", shape, got)
		}
	}
	if checked != 6 {
		t.Errorf("checked %d", checked)
	}
}
