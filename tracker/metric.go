package tracker

import "time"

// Point is one value of a metric.
type Point struct {
	Metric string    `json:"metric"`
	Step   int64     `json:"step"`
	Value  Number    `json:"value"`
	Time   time.Time `json:"time"`
	Seq    uint64    `json:"seq"` // order of arrival within the trial, from 0; set by the Store
}

// Summary is what a listing shows of a metric without reading its history. A second value at a step is a second point.
type Summary struct {
	Count    int       `json:"count"`     // points, NaN included
	NaN      int       `json:"nan"`       // points that are NaN; they are in Last, never in Min and Max
	Last     Number    `json:"last"`      // at the highest step; of several there, the latest to arrive
	LastStep int64     `json:"last_step"` // its step
	Min      Number    `json:"min"`       // NaN when every point is
	MinStep  int64     `json:"min_step"`  // where it was first reached
	Max      Number    `json:"max"`
	MaxStep  int64     `json:"max_step"`
	Time     time.Time `json:"time"` // of Last
}

// With returns the summary after p.
func (s Summary) With(p Point) Summary {
	first := s.Count == 0
	s.Count++
	if p.Value != p.Value {
		s.NaN++
	}
	if first || p.Step >= s.LastStep {
		s.Last, s.LastStep, s.Time = p.Value, p.Step, p.Time
	}
	if first || Minimize.Better(float64(p.Value), float64(s.Min)) {
		s.Min, s.MinStep = p.Value, p.Step
	}
	if first || Maximize.Better(float64(p.Value), float64(s.Max)) {
		s.Max, s.MaxStep = p.Value, p.Step
	}
	return s
}

// Best returns Min or Max, and its step.
func (s Summary) Best(d Direction) (Number, int64) {
	if d == Maximize {
		return s.Max, s.MaxStep
	}
	return s.Min, s.MinStep
}
