package notebook

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// full is a notebook with one of everything, as Jupyter writes it.
const full = `{
 "cells": [
  {
   "attachments": {
    "dot.png": {
     "image/png": "aGVsbG8="
    }
   },
   "cell_type": "markdown",
   "id": "title",
   "metadata": {},
   "source": [
    "# A title\n",
    "text <b> & more"
   ]
  },
  {
   "cell_type": "code",
   "execution_count": 2,
   "id": "code_1",
   "metadata": {
    "someone": {
     "else's": [
      1.50,
      123456789012345678901,
      null
     ]
    },
    "tags": [
     "a",
     "b"
    ]
   },
   "outputs": [
    {
     "name": "stdout",
     "output_type": "stream",
     "text": [
      "one\n",
      "two"
     ]
    },
    {
     "data": {
      "application/json": {
       "a": [
        "x\n",
        "y"
       ]
      },
      "image/png": "aGVsbG8=\n",
      "text/html": [
       "<p>\n",
       "</p>"
      ]
     },
     "execution_count": 2,
     "metadata": {
      "isolated": true
     },
     "output_type": "execute_result"
    },
    {
     "ename": "ERROR",
     "evalue": "exit status 2",
     "output_type": "error",
     "traceback": []
    }
   ],
   "source": []
  },
  {
   "cell_type": "raw",
   "id": "r",
   "metadata": {},
   "source": []
  }
 ],
 "metadata": {
  "kernelspec": {
   "display_name": "Go (pare)",
   "name": "pare"
  }
 },
 "nbformat": 4,
 "nbformat_minor": 5
}
`

func TestReadThenWriteChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.ipynb")
	if err := os.WriteFile(path, []byte(full), 0o644); err != nil {
		t.Fatal(err)
	}
	nb, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if nb.Cells[0].Source != "# A title\ntext <b> & more" || nb.Cells[1].Outputs[0].Text != "one\ntwo" || !nb.Cells[1].HasTag("b") {
		t.Errorf("read %+v", nb.Cells)
	}
	if err := nb.Write(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full, string(data)); diff != "" {
		t.Error(diff)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("files left beside the notebook: %v", left)
	}
}

func TestOlderNotebookGetsIDs(t *testing.T) {
	nb, err := Parse([]byte(`{"nbformat":4,"nbformat_minor":2,"metadata":{},"cells":[
		{"cell_type":"code","metadata":{},"source":"x","outputs":[],"execution_count":null},{"cell_type":"markdown","metadata":{},"source":""}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if nb.Minor != 5 || nb.Cells[0].ID != "cell-1" || nb.Cells[1].ID != "cell-2" {
		t.Errorf("minor %d, ids %s and %s", nb.Minor, nb.Cells[0].ID, nb.Cells[1].ID)
	}
}

func TestReadRejects(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"not JSON", "{\n \"cells\"", "# Notes\n{", "not JSON at line 1"},
		{"cut", full[len(full)/2:], "", "not JSON"},
		{"trailing", "\"nbformat_minor\": 5\n}\n", "\"nbformat_minor\": 5\n}\n{}", "something follows"},
		{"another JSON", full, `{"a":1}`, "neither nbformat nor cells"},
		{"a list", full, `[]`, "expected a JSON object, found a list"},
		{"version 3", `"nbformat": 4`, `"nbformat": 3`, "nbformat is 3; expected 4"},
		{"no version", `"nbformat": 4,`, ``, "nbformat is missing"},
		{"minor is text", `"nbformat_minor": 5`, `"nbformat_minor": "5"`, `nbformat_minor: expected a whole number, found the string "5"`},
		{"cells is an object", full, `{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":{}}`, "cells: expected a list, found an object"},
		{"a cell is text", full, `{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":["x"]}`, "cell 1: expected an object"},
		{"no id", `"id": "code_1",`, ``, "cell 2: id is missing"},
		{"bad id", `"id": "code_1"`, `"id": "code 1"`, `cell 2: id is "code 1"`},
		{"same id", `"id": "code_1"`, `"id": "title"`, `cell 2: id "title" is also that of cell 1`},
		{"cell type", `"cell_type": "raw"`, `"cell_type": "heading"`, `cell 3 (r): cell_type is "heading"`},
		{"source is a number", `"source": [
    "# A title\n",
    "text <b> & more"
   ]`, `"source": 7`, "cell 1 (title): source: expected a string or a list of strings, found the number 7"},
		{"source line is a number", `"# A title\n"`, `7`, "cell 1 (title): source: item 1: expected a string"},
		{"count is negative", `"execution_count": 2,
   "id"`, `"execution_count": -2,
   "id"`, "cell 2 (code_1): execution_count: expected a whole number, found the number -2"},
		{"output type", `"output_type": "stream"`, `"output_type": "pyout"`, `cell 2 (code_1): output 1: output_type is "pyout"`},
		{"stream without name", `"name": "stdout",`, ``, "output 1: name is missing"},
		{"data line", `"<p>\n"`, `1`, "output 2: data: text/html: item 1"},
		{"traceback", `"traceback": []`, `"traceback": [1]`, "output 3: traceback: item 1"},
	} {
		text := strings.Replace(full, c.from, c.to, 1)
		if text == full {
			t.Errorf("%s: the case changes nothing", c.name)
		}
		path := filepath.Join(t.TempDir(), "bad.ipynb")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v; want %q", c.name, err, c.want)
		}
	}
}

// FuzzParse: whatever the bytes, an error or a notebook that survives being written.
func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(`{"nbformat":4,"nbformat_minor":1,"metadata":{},"cells":[{"cell_type":"code","source":[]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		nb, err := Parse(data)
		if err != nil {
			return
		}
		out, err := nb.Bytes()
		if err != nil || !json.Valid(out) {
			t.Fatalf("written as %q, %v", out, err)
		}
		back, err := Parse(out)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(nb.Cells, back.Cells, cmp.AllowUnexported(Output{}), equateEmpty); diff != "" {
			t.Error(diff)
		}
		if err := HTML(nb, discard{}); err != nil {
			t.Error(err)
		}
	})
}
