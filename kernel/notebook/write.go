package notebook

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/parelab/pare/internal/durable"
)

// Bytes encodes the notebook as Jupyter does: keys sorted, indented by one space, long texts as lists of lines.
func (nb *Notebook) Bytes() ([]byte, error) {
	cells := make([]any, len(nb.Cells))
	for i, c := range nb.Cells {
		cells[i] = encodeCell(c)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	err := enc.Encode(map[string]any{
		"cells": cells, "metadata": orObject(nb.Metadata), "nbformat": 4, "nbformat_minor": max(nb.Minor, minorVersion),
	})
	return b.Bytes(), err
}

// Write puts the notebook at path: all of it or, after an error, what was there before.
func (nb *Notebook) Write(path string) error {
	data, err := nb.Bytes()
	if err != nil {
		return err
	}
	return durable.WriteFile(path, data)
}

func encodeCell(c *Cell) map[string]any {
	m := map[string]any{
		"id": c.ID, "cell_type": string(c.Type), "source": lines(c.Source), "metadata": orObject(c.Metadata),
	}
	if c.Type != Code {
		if c.Attachments != nil {
			m["attachments"] = c.Attachments
		}
		return m
	}
	m["execution_count"] = count(c.ExecutionCount)
	outputs := make([]any, len(c.Outputs))
	for i, o := range c.Outputs {
		outputs[i] = encodeOutput(o)
	}
	m["outputs"] = outputs
	return m
}

func encodeOutput(o *Output) map[string]any {
	m := map[string]any{"output_type": string(o.Type)}
	switch o.Type {
	case StreamOutput:
		m["name"], m["text"] = o.Name, lines(o.Text)
	case ErrorOutput:
		m["ename"], m["evalue"], m["traceback"] = o.EName, o.EValue, append([]string{}, o.Traceback...)
	default:
		data := make(map[string]any, len(o.Data))
		for mime, v := range o.Data {
			if s, ok := v.(string); ok && isText(mime) {
				v = lines(s)
			}
			data[mime] = v
		}
		m["data"], m["metadata"] = data, orObject(o.Metadata)
		if o.Type == ResultOutput {
			m["execution_count"] = count(o.ExecutionCount)
		}
	}
	return m
}

// isText says whether values of a MIME type are written as lists of lines.
func isText(mime string) bool {
	return strings.HasPrefix(mime, "text/") || mime == "image/svg+xml" || mime == "application/javascript"
}

// lines splits s after each newline, as nbformat writes text.
func lines(s string) []string {
	out := []string{}
	for line := range strings.SplitAfterSeq(s, "\n") {
		if line != "" {
			out = append(out, line)
		}
	}
	return out
}

// count is null for a cell that was not executed.
func count(n int) any {
	if n == 0 {
		return nil
	}
	return n
}

func orObject(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}
