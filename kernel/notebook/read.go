package notebook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// minorVersion is the version of nbformat 4 that gave cells their ids; older notebooks are raised to it.
const minorVersion = 5

// validID is what nbformat 4.5 asks of a cell id.
var validID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// Read reads and checks the notebook at path. Errors name the file, the cell (counted from 1) and the field.
func Read(path string) (*Notebook, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	nb, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	nb.Path = path
	return nb, nil
}

// Parse checks and decodes a notebook.
func Parse(data []byte) (*Notebook, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var top any
	if err := dec.Decode(&top); err != nil {
		return nil, notJSON(data, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("not a notebook: something follows its end at byte %d", dec.InputOffset())
	}
	m, ok := top.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("not a notebook: expected a JSON object, found %s", kind(top))
	}
	return decode(object{m, "notebook"})
}

// notJSON says where JSON breaks off.
func notJSON(data []byte, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && syntax.Offset <= int64(len(data)) {
		line := 1 + bytes.Count(data[:syntax.Offset], []byte("\n"))
		return fmt.Errorf("not a notebook: not JSON at line %d: %w", line, err)
	}
	return fmt.Errorf("not a notebook: not JSON: %w", err)
}

func decode(o object) (*Notebook, error) {
	if _, ok := o.m["cells"]; !ok && o.m["nbformat"] == nil {
		return nil, errors.New("not a notebook: it has neither nbformat nor cells")
	}
	major, err := o.integer("nbformat")
	if err != nil {
		return nil, err
	}
	if major != 4 {
		return nil, fmt.Errorf("notebook: nbformat is %d; expected 4: open it in a current Jupyter and save it again", major)
	}
	nb := &Notebook{}
	if nb.Minor, err = o.integer("nbformat_minor"); err != nil {
		return nil, err
	}
	if nb.Metadata, err = o.object("metadata"); err != nil {
		return nil, err
	}
	list, ok := o.m["cells"].([]any)
	if !ok {
		return nil, fmt.Errorf("notebook: cells: expected a list, found %s", kind(o.m["cells"]))
	}
	seen := map[string]int{}
	for i, v := range list {
		cell, err := decodeCell(i, v, nb.Minor)
		if err != nil {
			return nil, err
		}
		if first, ok := seen[cell.ID]; ok {
			return nil, fmt.Errorf("cell %d: id %q is also that of cell %d; ids must be unique", i+1, cell.ID, first)
		}
		seen[cell.ID] = i + 1
		nb.Cells = append(nb.Cells, cell)
	}
	nb.Minor = max(nb.Minor, minorVersion)
	return nb, nil
}

func decodeCell(i int, v any, minor int) (*Cell, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("cell %d: expected an object, found %s", i+1, kind(v))
	}
	o := object{m, fmt.Sprintf("cell %d", i+1)}
	c := &Cell{}
	var err error
	if c.ID, err = cellID(o, i, minor); err != nil {
		return nil, err
	}
	o.where = fmt.Sprintf("cell %d (%s)", i+1, c.ID)
	t, err := o.str("cell_type")
	if err != nil {
		return nil, err
	}
	if c.Type = CellType(t); c.Type != Code && c.Type != Markdown && c.Type != Raw {
		return nil, fmt.Errorf("%s: cell_type is %q; expected code, markdown or raw", o.where, t)
	}
	if c.Source, err = o.text("source"); err != nil {
		return nil, err
	}
	if c.Metadata, err = o.object("metadata"); err != nil {
		return nil, err
	}
	if c.Type != Code {
		if _, ok := m["attachments"]; ok {
			c.Attachments, err = o.object("attachments")
		}
		return c, err
	}
	return c, decodeExecution(o, c)
}

func cellID(o object, i, minor int) (string, error) {
	if _, ok := o.m["id"]; !ok {
		if minor < minorVersion {
			return fmt.Sprintf("cell-%d", i+1), nil
		}
		return "", fmt.Errorf("%s: id is missing; nbformat 4.5 asks for one: save the notebook again in Jupyter", o.where)
	}
	id, err := o.str("id")
	if err != nil {
		return "", err
	}
	if !validID.MatchString(id) {
		return "", fmt.Errorf("%s: id is %q; expected 1 to 64 letters, digits, - or _", o.where, id)
	}
	return id, nil
}

// decodeExecution reads what only code cells have; both fields may be absent.
func decodeExecution(o object, c *Cell) (err error) {
	if o.m["execution_count"] != nil {
		if c.ExecutionCount, err = o.integer("execution_count"); err != nil {
			return err
		}
	}
	list, ok := o.m["outputs"].([]any)
	if !ok && o.m["outputs"] != nil {
		return fmt.Errorf("%s: outputs: expected a list, found %s", o.where, kind(o.m["outputs"]))
	}
	for i, v := range list {
		where := fmt.Sprintf("%s: output %d", o.where, i+1)
		m, ok := v.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: expected an object, found %s", where, kind(v))
		}
		out, err := decodeOutput(object{m, where})
		if err != nil {
			return err
		}
		c.Outputs = append(c.Outputs, out)
	}
	return nil
}

func decodeOutput(o object) (out *Output, err error) {
	t, err := o.str("output_type")
	if err != nil {
		return nil, err
	}
	out = &Output{Type: OutputType(t)}
	switch out.Type {
	case StreamOutput:
		if out.Name, err = o.str("name"); err != nil {
			return nil, err
		}
		out.Text, err = o.text("text")
	case DisplayOutput, ResultOutput:
		if out.Data, err = o.object("data"); err != nil {
			return nil, err
		}
		for mime, v := range out.Data {
			if list, ok := v.([]any); ok && !isJSONType(mime) {
				if out.Data[mime], err = joined(list, o.where+": data: "+mime); err != nil {
					return nil, err
				}
			}
		}
		if out.Type == ResultOutput && o.m["execution_count"] != nil {
			if out.ExecutionCount, err = o.integer("execution_count"); err != nil {
				return nil, err
			}
		}
		out.Metadata, err = o.object("metadata")
	case ErrorOutput:
		if out.EName, err = o.str("ename"); err != nil {
			return nil, err
		}
		if out.EValue, err = o.str("evalue"); err != nil {
			return nil, err
		}
		out.Traceback, err = o.strings("traceback")
	default:
		err = fmt.Errorf("%s: output_type is %q; expected stream, display_data, execute_result or error", o.where, t)
	}
	return out, err
}

// isJSONType says whether values of a MIME type are JSON, not text.
func isJSONType(mime string) bool {
	return mime == "application/json" || strings.HasSuffix(mime, "+json")
}
