package tracker

import (
	"maps"
	"slices"
)

// Origin is where a trial came from: enough to run it again. [Start] fills in what the caller leaves empty and the process itself
// knows ([CaptureOrigin]); notebook, cell, backend, seeds and digests are the caller's to give.
type Origin struct {
	Notebook   string            `json:"notebook"`    // path
	Cell       string            `json:"cell"`        // nbformat cell id
	CellSource string            `json:"cell_source"` // the cell's text; tokens that look like secrets are struck out
	Command    []string          `json:"command"`     // the command line; values that look like secrets are struck out
	Directory  string            `json:"directory"`   // working directory
	Commit     string            `json:"commit"`      // git commit of Directory; empty outside a repository
	Dirty      bool              `json:"dirty"`       // tracked files differed from Commit
	Modules    map[string]string `json:"modules"`     // module path → version, the main module included
	Go         string            `json:"go"`          // version of the Go toolchain
	System     string            `json:"system"`      // operating system/architecture
	CPUs       int               `json:"cpus"`        // logical CPUs that the process may use
	Settings   map[string]string `json:"settings"`    // the environment named at [CaptureOrigin], nothing else
	Backend    string            `json:"backend"`     // name and options of the compute backend
	Device     string            `json:"device"`      // what it ran on
	Seeds      map[string]uint64 `json:"seeds"`       // what was seeded → seed
	Digests    map[string]string `json:"digests"`     // "model", "calibration", … → sha256 in hexadecimal
}

func (o *Origin) clone() *Origin {
	c := *o
	c.Command = slices.Clone(o.Command)
	c.Modules, c.Settings = maps.Clone(o.Modules), maps.Clone(o.Settings)
	c.Seeds, c.Digests = maps.Clone(o.Seeds), maps.Clone(o.Digests)
	return &c
}

// completed returns o with its empty fields taken from the captured origin, and without secrets.
func (o Origin) completed(captured Origin) *Origin {
	c := o.clone()
	fill(&c.Directory, captured.Directory)
	fill(&c.Go, captured.Go)
	fill(&c.System, captured.System)
	if c.Commit == "" {
		c.Commit, c.Dirty = captured.Commit, captured.Dirty
	}
	if c.CPUs == 0 {
		c.CPUs = captured.CPUs
	}
	if c.Command == nil {
		c.Command = slices.Clone(captured.Command)
	}
	if c.Modules == nil {
		c.Modules = maps.Clone(captured.Modules)
	}
	if c.Settings == nil {
		c.Settings = maps.Clone(captured.Settings)
	}
	if c.Seeds == nil {
		c.Seeds = map[string]uint64{}
	}
	if c.Digests == nil {
		c.Digests = map[string]string{}
	}
	c.Command = redactCommand(c.Command)
	c.CellSource = redactText(c.CellSource)
	return c
}

func fill(field *string, value string) {
	if *field == "" {
		*field = value
	}
}
