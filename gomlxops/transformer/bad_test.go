package transformer

import (
	"context"
	"math"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parelab/pare/gomlxops/internal/oracle"
)

// badCase is one expected.json of the oracle's data_bad.
type badCase struct {
	ID         string             `json:"id"`
	Kind       string             `json:"kind"`
	Loads      bool               `json:"loads"`
	File       string             `json:"error_must_name_file"`
	AnyFile    []string           `json:"error_must_name_any"`
	Mention    []string           `json:"error_should_mention_any"`
	Tensor     string             `json:"tensor"`
	Field      string             `json:"field"`
	Sums       map[string]float64 `json:"tensor_sums"`
	MaxSeconds float64            `json:"max_seconds"`
	MaxMB      float64            `json:"max_extra_memory_mb"`
}

// TestBadData loads every case of data_bad: the damaged ones must fail with an error that says where and why.
func TestBadData(t *testing.T) {
	var index struct {
		Cases []string `json:"cases"`
	}
	oracle.JSON(t, "data_bad/index.json", &index)
	good, bad := 0, 0
	for _, id := range index.Cases {
		var c badCase
		oracle.JSON(t, "data_bad/"+id+"/expected.json", &c)
		dir := filepath.Dir(oracle.Path(t, "data_bad/"+id+"/expected.json"))
		t.Run(id, func(t *testing.T) { c.check(t, dir) })
		if c.Loads {
			good++
		} else {
			bad++
		}
	}
	if good != 8 || bad != 95 {
		t.Errorf("expected 8 good and 95 bad cases, found %d and %d", good, bad)
	}
}

func (c badCase) check(t *testing.T, dir string) {
	if c.MaxSeconds == 0 { // the good cases state no limits of their own
		c.MaxSeconds, c.MaxMB = 5, 256
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	sums, err := load(dir, c.Kind)
	if s := time.Since(start).Seconds(); s > c.MaxSeconds {
		t.Errorf("took %.1f s, more than %v", s, c.MaxSeconds)
	}
	runtime.ReadMemStats(&after)
	if mb := float64(after.TotalAlloc-before.TotalAlloc) / 1e6; mb > c.MaxMB {
		t.Errorf("allocated %.0f MB, more than %v", mb, c.MaxMB)
	}
	if c.Loads {
		c.checkSums(t, sums, err)
		return
	}
	if err == nil {
		t.Fatal("loaded without an error")
	}
	c.checkError(t, err.Error())
}

func (c badCase) checkSums(t *testing.T, sums map[string]float64, err error) {
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Sums) == 0 {
		t.Fatal("the case names no tensor to check")
	}
	for name, want := range c.Sums {
		// The oracle sums the stored numbers in float64, so only the order of summation differs.
		if got, ok := sums[name]; !ok || math.Abs(got-want) > 1e-12*(1+math.Abs(want)) {
			t.Errorf("sum of %s: expected %v, found %v", name, want, got)
		}
	}
}

func (c badCase) checkError(t *testing.T, message string) {
	t.Log(message)
	if strings.Contains(message, "\n") {
		t.Errorf("expected one error, found another behind it")
	}
	files := append(c.AnyFile, c.File)
	if !containsAny(message, files) {
		t.Errorf("expected the error to name %v", files)
	}
	if !containsAny(strings.ToLower(message), c.Mention) {
		t.Errorf("expected the error to mention one of %v", c.Mention)
	}
	for _, name := range []string{c.Tensor, c.Field} {
		if !strings.Contains(message, name) {
			t.Errorf("expected the error to name %s", name)
		}
	}
}

func containsAny(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, strings.ToLower(w)) || strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// load opens and verifies a directory and returns the sum of every tensor; of kind "tokens", it reads tokens.json too.
func load(dir, kind string) (map[string]float64, error) {
	m, err := Open(dir)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if err := m.Verify(context.Background(), nil); err != nil {
		return nil, err
	}
	if kind == "tokens" {
		_, err := ReadTokens(filepath.Join(dir, "tokens.json"), m.Config())
		return nil, err
	}
	sums := make(map[string]float64)
	for _, name := range m.used() {
		values, _, err := m.Float32(name)
		if err != nil {
			return nil, err
		}
		for _, v := range values {
			sums[name] += float64(v)
		}
	}
	return sums, nil
}
