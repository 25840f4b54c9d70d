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
