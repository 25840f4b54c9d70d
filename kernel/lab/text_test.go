package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parelab/pare/datasets"
)

// TestPartsOfPocket holds each part against the stream that it stands for: measuring on text that was trained or calibrated
// on would be a leak.
func TestPartsOfPocket(t *testing.T) {
	for part, stream := range map[Part]string{TrainPart: "train", CalibrationPart: "calibration", HeldOutPart: "test", WholeText: "test"} {
		got, err := readPart(Pocket, part)
		if err != nil {
			t.Fatal(err)
		}
		want, err := datasets.Open("pocket:" + stream)
		if err != nil {
			t.Fatal(err)
		}
		if got.Digest != want.Digest {
			t.Errorf("part %q of pocket is not its stream %s", part, stream)
		}
	}
}

// TestPartsOfFile checks that calibration and held-out text share no paragraph and leave none out.
func TestPartsOfFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text.txt")
	var paragraphs []string
	for i := range 100 {
		paragraphs = append(paragraphs, fmt.Sprintf("Paragraph number %03d.", i))
	}
	if err := os.WriteFile(path, []byte(strings.Join(paragraphs, "\n\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	found := map[Part]string{}
	for _, part := range []Part{TrainPart, CalibrationPart, HeldOutPart, WholeText} {
		c, err := readPart(path, part)
		if err != nil {
			t.Fatal(err)
		}
		found[part] = c.Documents[0].Text
	}
	if found[TrainPart] != found[CalibrationPart] {
		t.Error("a file is calibrated on another part than it is trained on")
	}
	for i, p := range paragraphs {
		held := i >= 95
		if strings.Contains(found[CalibrationPart], p) == held || strings.Contains(found[HeldOutPart], p) != held || !strings.Contains(found[WholeText], p) {
			t.Errorf("%q is in the wrong part", p)
		}
	}
}

// TestPartsOfDataSet has a data set's own splits in the place of shares of its text, where it has one to train and one to measure on.
func TestPartsOfDataSet(t *testing.T) {
	for _, c := range []struct {
		splits []string
		want   map[Part]string
	}{
		{[]string{"train", "validation", "test"}, map[Part]string{TrainPart: "train", CalibrationPart: "train", HeldOutPart: "test", WholeText: "test"}},
		{[]string{"train", "validation"}, map[Part]string{TrainPart: "train", CalibrationPart: "train", HeldOutPart: "validation", WholeText: "validation"}},
		{[]string{"train"}, map[Part]string{TrainPart: "train 1", CalibrationPart: "train 1", HeldOutPart: "train 2", WholeText: "train 1\n\ntrain 2"}},
		{[]string{"all"}, map[Part]string{TrainPart: "all 1", HeldOutPart: "all 2", WholeText: "all 1\n\nall 2"}},
	} {
		dir := t.TempDir()
		for _, split := range c.splits {
			text := fmt.Sprintf("{\"text\": %q}\n{\"text\": %q}\n", split+" 1", split+" 2")
			if err := os.WriteFile(filepath.Join(dir, split+".jsonl"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for part, want := range c.want {
			got, err := readPart(dir, part)
			if err != nil || !strings.HasPrefix(got.Documents[0].Text, want) || len(got.Documents) != 1 {
				t.Errorf("part %q of splits %q: %+v, %v, expected %q", part, c.splits, got, err, want)
			}
		}
	}
}
