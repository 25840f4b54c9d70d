package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/parelab/pare/tracker"
)

// sortAll orders every listing by --sort and cuts it to --limit. A key that no trial has is wrong usage.
func (f *trialsFlags) sortAll(listings []listing) error {
	if f.sort == "" {
		return nil
	}
	key, reverse := strings.CutPrefix(f.sort, "-")
	known, any := false, false
	for i := range listings {
		l := &listings[i]
		any = any || len(l.trials) > 0
		known = known || sortable(l.trials, key)
		slices.SortStableFunc(l.trials, func(a, b trialView) int { return compareTrials(a, b, key, reverse, l.study.Direction) })
		if f.limit > 0 && len(l.trials) > f.limit {
			l.trials = l.trials[:f.limit]
		}
	}
	if any && !known {
		return usageError{fmt.Errorf("--sort %q is neither number, started, duration, state, value, nor a hyperparameter or metric of these trials", key)}
	}
	return nil
}

func sortable(trials []trialView, key string) bool {
	switch key {
	case "number", "started", "duration", "state", "value":
		return true
	}
	return slices.ContainsFunc(trials, func(t trialView) bool {
		_, isParam := t.Params[key]
		_, isMetric := t.Metrics[key]
		return isParam || isMetric
	})
}

// compareTrials orders two trials; one that lacks the key comes last, also in reverse.
func compareTrials(a, b trialView, key string, reverse bool, d tracker.Direction) int {
	x, okX := sortKey(a, key, d)
	y, okY := sortKey(b, key, d)
	if !okX || !okY {
		return cmp.Compare(rank(okY), rank(okX))
	}
	c := cmp.Or(cmp.Compare(x.number, y.number), cmp.Compare(x.text, y.text))
	if reverse {
		return -c
	}
	return c
}

func rank(ok bool) int {
	if ok {
		return 1
	}
	return 0
}

// sortValue orders by number, then by text.
type sortValue struct {
	number float64
	text   string
}

func sortKey(t trialView, key string, d tracker.Direction) (sortValue, bool) {
	switch key {
	case "number":
		return sortValue{number: float64(t.Number)}, true
	case "started":
		return sortValue{number: float64(t.Started.UnixMicro())}, true
	case "duration":
		return sortValue{number: t.Seconds}, true
	case "state":
		return sortValue{number: float64(slices.Index(tracker.States, t.State))}, true
	case "value":
		if t.State != tracker.Complete || t.Value == nil || *t.Value != *t.Value {
			return sortValue{}, false
		}
		if d == tracker.Maximize {
			return sortValue{number: -float64(*t.Value)}, true
		}
		return sortValue{number: float64(*t.Value)}, true
	}
	if v, ok := t.Params[key]; ok {
		f, _ := v.Float64()
		text := ""
		if k := v.Kind(); k != tracker.KindInt && k != tracker.KindFloat {
			text = v.String()
		}
		return sortValue{number: f, text: text}, true
	}
	s, ok := t.Metrics[key]
	return sortValue{number: float64(s.Last)}, ok
}
