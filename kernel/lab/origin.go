package lab

import (
	"cmp"
	"encoding/json"
	"os"
	"strings"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/tracker"
)

// origin says where an attempt comes from: the notebook and cell that run, the backend, and what the caller adds.
func origin(seeds map[string]uint64, digests map[string]string) tracker.Origin {
	o := tracker.CaptureOrigin()
	// `pare run` and pare's kernel set the first two; Jupyter tells its kernels the notebook's path in the third.
	o.Cell = os.Getenv("PARE_CELL")
	o.Notebook = cmp.Or(os.Getenv("PARE_NOTEBOOK"), os.Getenv("JPY_SESSION_NAME"))
	o.CellSource = cellSource(o.Notebook, o.Cell)
	o.Backend = gomlxops.BackendName()
	if b, err := gomlxops.Backend(); err == nil {
		o.Device = b.Description()
	}
	o.Seeds, o.Digests = seeds, digests
	return o
}

// cellSource returns the source of a notebook's cell, "" where it cannot be found. It reads the two fields that it needs by
// itself: the notebook package brings a kernel's sockets and a page's Markdown along, which every cell would have to link.
func cellSource(path, id string) string {
	data, err := os.ReadFile(path)
	if path == "" || id == "" || err != nil {
		return ""
	}
	var nb struct {
		Cells []struct {
			ID     string `json:"id"`
			Source lines  `json:"source"`
		} `json:"cells"`
	}
	if json.Unmarshal(data, &nb) != nil {
		return ""
	}
	for _, c := range nb.Cells {
		if c.ID == id {
			return strings.TrimRight(string(c.Source), "\n")
		}
	}
	return ""
}

// lines is a text that nbformat writes as one string or as a list of lines.
type lines string

// UnmarshalJSON implements json.Unmarshaler.
func (l *lines) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*l = lines(one)
		return nil
	}
	var many []string
	err := json.Unmarshal(data, &many)
	*l = lines(strings.Join(many, ""))
	return err
}
