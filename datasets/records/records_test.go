package records

import (
	"strings"
	"testing"
)

// The reading of files is tested together with that of Parquet, next door.

func TestUnread(t *testing.T) {
	for path, want := range map[string]string{
		"a.parquet": `import _ "github.com/parelab/pare/datasets/records/parquet"`,
		"a.csv":     `expected a file that ends in .parquet, .jsonl, .json, .jsonl.gz or .json.gz, found ".csv"`,
	} {
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", path, err, want)
		}
	}
}
