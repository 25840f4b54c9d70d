package notebook

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const parametersCell = `#parameters
%noautoget
import "time"
// Model to compress.
var Model = "pocket"
var (
	Ratio  float64 = 0.3
	Ratios = []float64{0.2, 0.4}
	Steps, Batch = 100, -1
	Verbose bool
	Wait = 90 * time.Second
	Seed uint8 = 7
	unclear = f()
	deep [][]int
)
const fixed = 1`

func TestParameters(t *testing.T) {
	got, err := book("%%\n", parametersCell).Parameters()
	if err != nil {
		t.Fatal(err)
	}
	want := []Parameter{{"Model", "string", `"pocket"`}, {"Ratio", "float64", "0.3"},
		{"Ratios", "[]float64", "[]float64{0.2, 0.4}"}, {"Steps", "int", "100"}, {"Batch", "int", "-1"},
		{"Verbose", "bool", ""}, {"Wait", "time.Duration", "90 * time.Second"}, {"Seed", "uint8", "7"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, err := book("x").Parameters(); got != nil || err != nil {
		t.Errorf("without a tagged cell: %v, %v", got, err)
	}
	if _, err := book("#parameters\nvar x int =").Parameters(); err == nil || !strings.Contains(err.Error(), "cell 1 (c1)") {
		t.Errorf("a cell that does not parse: %v", err)
	}
}

func TestSetParameters(t *testing.T) {
	nb := book("%%\n", parametersCell, "%%\nlast()")
	for _, values := range []map[string]string{
		{"Steps": "1"}, // replaced by the next
		{"Model": "a \"b\"\n", "Ratio": "2e-1", "Ratios": "0.5, 1", "Steps": "0x10", "Verbose": "true", "Wait": "1h", "Seed": "255"},
	} {
		if err := nb.SetParameters(values); err != nil {
			t.Fatal(err)
		}
	}
	if len(nb.Cells) != 4 || !nb.Cells[2].HasTag(TagInjected) || nb.Cells[3].ID != "c3" {
		t.Fatalf("the injected cell is not the one after the parameters: %d cells", len(nb.Cells))
	}
	want := `// Values given to this run.
var Model string = "a \"b\"\n"
var Ratio float64 = 0.2
var Ratios []float64 = []float64{0.5, 1}
var Seed uint8 = 255
var Steps int = 16
var Verbose bool = true
var Wait time.Duration = 3600000000000 /* 1h0m0s */`
	if diff := cmp.Diff(want, nb.Cells[2].Source); diff != "" {
		t.Error(diff)
	}
	data, err := nb.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(data); err != nil {
		t.Errorf("the notebook with the cell is not valid: %v", err)
	}
}

func TestSetParametersRejects(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"Rate", "1", "no parameter Rate"},
		{"unclear", "1", "no parameter unclear"},
		{"fixed", "2", "no parameter fixed"},
		{"Ratio", "many", "expected a finite number for type float64, found \"many\""},
		{"Ratio", "NaN", "expected a finite number"},
		{"Ratios", "0.2;0.3", "expected a finite number"},
		{"Steps", "1.5", "expected a whole number"},
		{"Seed", "256", "expected a whole number from 0 to 255"},
		{"Seed", "-1", "expected a whole number from 0 to 255"},
		{"Verbose", "maybe", "expected true or false"},
		{"Wait", "90", "expected a duration"},
	} {
		nb := book(parametersCell)
		err := nb.SetParameters(map[string]string{c.name: c.value, "Model": "x"})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "Ratio float64 = 0.3") {
			t.Errorf("%s=%s: got %v; want %q and a list of the parameters", c.name, c.value, err, c.want)
		}
		if len(nb.Cells) != 1 {
			t.Errorf("%s=%s: a refused value changed the notebook", c.name, c.value)
		}
	}
	if err := book("x").SetParameters(map[string]string{"a": "1"}); err == nil || !strings.Contains(err.Error(), "no parameters") {
		t.Errorf("a notebook without parameters: %v", err)
	}
}

// The injected values reach the cells.
func TestRunWithParameters(t *testing.T) {
	nb := book("#parameters\nvar (\n\tparRatio = 0.3\n\tparNames = []string{\"a\"}\n\tparWait = time.Second\n)",
		"%%\nfmt.Println(parRatio, parNames, parWait)")
	if err := nb.SetParameters(map[string]string{"parRatio": "0.5", "parNames": "x,y", "parWait": "2m"}); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), nb, RunOptions{Kernel: sharedKernel(t)}); err != nil {
		t.Fatal(err)
	}
	if got := streams(nb.Cells[2], "stdout"); got != "0.5 [x y] 2m0s\n" {
		t.Errorf("got %q", got)
	}
}
