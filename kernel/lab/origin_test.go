package lab

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOriginFindsCell(t *testing.T) {
	path := filepath.Join(t.TempDir(), "n.ipynb")
	nb := `{"cells": [{"id": "a", "source": "one\n"}, {"id": "b", "source": ["%%\n", "two()\n"]}]}`
	if err := os.WriteFile(path, []byte(nb), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PARE_NOTEBOOK", "")
	t.Setenv("JPY_SESSION_NAME", path)
	for cell, want := range map[string]string{"a": "one", "b": "%%\ntwo()", "c": "", "": ""} {
		t.Setenv("PARE_CELL", cell)
		if o := origin(nil, nil); o.CellSource != want || o.Notebook != path || o.Cell != cell {
			t.Errorf("cell %q: found source %q of cell %q in %q, expected %q", cell, o.CellSource, o.Cell, o.Notebook, want)
		}
	}
	t.Setenv("PARE_NOTEBOOK", "elsewhere.ipynb")
	if o := origin(nil, nil); o.Notebook != "elsewhere.ipynb" || o.CellSource != "" {
		t.Errorf("found %q with source %q, expected the notebook that PARE_NOTEBOOK names", o.Notebook, o.CellSource)
	}
}
