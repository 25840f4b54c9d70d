package boltstore

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/parelab/pare/tracker"
)

// studyKey is 8 bytes.
func studyKey(study uint64) []byte { return binary.BigEndian.AppendUint64(nil, study) }

// trialKey is 16 bytes, in order of number within a study.
func trialKey(study uint64, number int) []byte {
	return binary.BigEndian.AppendUint64(studyKey(study), uint64(number))
}

// bestKey orders a study's trials from the best value on, and equal ones by number. value is not NaN.
func bestKey(study uint64, d tracker.Direction, value float64, number int) []byte {
	rank := sortable(value)
	if d == tracker.Maximize {
		rank = ^rank
	}
	key := binary.BigEndian.AppendUint64(studyKey(study), rank)
	return binary.BigEndian.AppendUint64(key, uint64(number))
}

// sortable maps floats to integers of the same order: the sign bit is flipped for positive numbers, all bits for negative ones.
func sortable(f float64) uint64 {
	bits := math.Float64bits(f + 0) // -0 + 0 is 0
	if bits>>63 == 1 {
		return ^bits
	}
	return bits | 1<<63
}

// metricKey begins the keys of a metric's points. Names hold no zero byte, so none is the beginning of another.
func metricKey(trial []byte, metric string) []byte {
	return append(append(append([]byte{}, trial...), metric...), 0)
}

// pointKey orders a metric's points by step, then by arrival.
func pointKey(trial []byte, metric string, step int64, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(stepKey(trial, metric, step), seq)
}

// stepKey begins the keys of a metric's points at a step.
func stepKey(trial []byte, metric string, step int64) []byte {
	return binary.BigEndian.AppendUint64(metricKey(trial, metric), uint64(step)^1<<63)
}

// keyText shows a key to people: text as text, anything else in hexadecimal.
func keyText(key []byte) string {
	for _, c := range key {
		if c < ' ' || c > '~' {
			return fmt.Sprintf("%x", key)
		}
	}
	return strconv.Quote(string(key))
}
