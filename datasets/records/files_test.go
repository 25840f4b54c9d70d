package records

import (
	"slices"
	"testing"
)

// TestChoose picks the files of parts as they are named on the hub.
func TestChoose(t *testing.T) {
	flat := []string{"data/test-00000-of-00001.parquet", "data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "data/validation-00000-of-00001.parquet"}
	folders := []string{"easy/dev.jsonl", "easy/train.jsonl", "hard/train.jsonl"}
	for _, x := range []struct {
		all  []string
		part string
		want []string
	}{
		{flat, "", flat[1:3]}, {flat, "train", flat[1:3]}, {flat, "validation", flat[3:]}, {flat, "dev", flat[3:]}, {flat, "test", flat[:1]},
		{flat, "data/test-*", flat[:1]}, {flat, flat[2], flat[2:3]}, {flat, "data", flat[1:3]}, {flat, "other", nil},
		{folders, "easy", folders[1:2]}, {folders, "*/train.jsonl", folders[1:]}, {folders, "easy/*", folders[:2]}, {folders, "test", nil},
		{[]string{"alpaca_data_cleaned.json"}, "", []string{"alpaca_data_cleaned.json"}}, {[]string{"alpaca_data_cleaned.json"}, "train", nil},
		{[]string{"testing/train.jsonl"}, "", []string{"testing/train.jsonl"}}, {[]string{"a.json", "eval.json"}, "", []string{"a.json"}}, {[]string{"constrained.json", "latest.json"}, "", []string{"constrained.json", "latest.json"}},
	} {
		if got := Choose(x.all, x.part); !slices.Equal(got, x.want) {
			t.Errorf("%q of %q: %q, expected %q", x.part, x.all, got, x.want)
		}
	}
}
