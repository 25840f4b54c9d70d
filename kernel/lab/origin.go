package lab

import (
	"cmp"
	"os"
	"strings"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/kernel/notebook"
	"github.com/parelab/pare/tracker"
)

// origin says where an attempt comes from: the notebook and cell that run, the backend, and what the caller adds.
func origin(seeds map[string]uint64, digests map[string]string) tracker.Origin {
	o := tracker.CaptureOrigin()
	// Jupyter tells its kernels the notebook's path; `pare run` does so itself.
	o.Notebook = cmp.Or(os.Getenv(notebook.NotebookEnv), os.Getenv("JPY_SESSION_NAME"))
	o.Cell = os.Getenv(notebook.CellEnv)
	o.CellSource = cellSource(o.Notebook, o.Cell)
	o.Backend = gomlxops.BackendName()
	if b, err := gomlxops.Backend(); err == nil {
		o.Device = b.Description()
	}
	o.Seeds, o.Digests = seeds, digests
	return o
}

// cellSource returns the source of a notebook's cell, as far as it can be found.
func cellSource(path, id string) string {
	if path == "" || id == "" {
		return ""
	}
	nb, err := notebook.Read(path)
	if err != nil {
		return ""
	}
	for _, c := range nb.Cells {
		if c.ID == id {
			return strings.TrimRight(c.Source, "\n")
		}
	}
	return ""
}
