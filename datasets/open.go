package datasets

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/parelab/pare/datasets/pocket"
)

// Bytes of text that "pocket:NAME" gives where no size is asked for. A token is about 4.1 bytes: 2 million tokens to train on,
// 500 thousand to calibrate and 256 thousand, 1001 blocks of 256, to test.
var pocketBytes = map[pocket.Stream]int{pocket.Train: 8 << 20, pocket.Calibration: 2 << 20, pocket.Test: 1 << 20}

// maxPocketBytes bounds the text that is made in memory.
const maxPocketBytes = 1 << 32

// Open gives the corpus called name: "pocket:train", "pocket:calibration" or "pocket:test" for the embedded world ("pocket"
// is its Train stream), with ":BYTES" after it for another size; otherwise the path of a file or directory for [Read], or org/name[@revision] of a data set in
// the Hugging Face hub's cache. Behind a data set a part may follow after a colon: a split (train, validation, test), a file, a pattern of files, or a
// folder. A path that begins with "pocket" can be written "./pocket".
func Open(name string) (*Corpus, error) {
	if name == "pocket" {
		name = "pocket:" + pocket.Train.String()
	}
	rest, isPocket := strings.CutPrefix(name, "pocket:")
	if !isPocket {
		place, part, err := Find(name)
		if err != nil {
			return nil, fmt.Errorf("datasets: %w", err)
		}
		return read(name, place, part)
	}
	streamName, size, sized := strings.Cut(rest, ":")
	stream, err := pocket.ParseStream(streamName)
	if err != nil {
		return nil, fmt.Errorf("datasets: %q: %w", name, err)
	}
	n := pocketBytes[stream]
	if sized {
		if n, err = strconv.Atoi(size); err != nil || n <= 0 || n > maxPocketBytes {
			return nil, fmt.Errorf("datasets: %q: expected a number of bytes from 1 to %d, found %q", name, maxPocketBytes, size)
		}
	}
	return New(name, []Document{{Name: name, Text: pocket.Text(stream, n, pocket.DefaultSeed)}})
}
