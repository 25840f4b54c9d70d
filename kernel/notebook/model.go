package notebook

import "slices"

// CellType is the kind of a cell.
type CellType string

// The cell types of nbformat 4.
const (
	Code     CellType = "code"
	Markdown CellType = "markdown"
	Raw      CellType = "raw"
)

// Tags of cells that mean something to this package.
const (
	TagParameters = "parameters"
	TagInjected   = "injected-parameters"
	TagSkip       = "skip-execution"
	TagRaises     = "raises-exception"
)

// Notebook is a notebook of nbformat 4.5. Values of type map[string]any come from JSON, with numbers as json.Number.
type Notebook struct {
	Path     string // where it was read, for errors
	Minor    int    // nbformat_minor, at least 5
	Metadata map[string]any
	Cells    []*Cell
}

// Cell is one cell of a notebook.
type Cell struct {
	ID             string // 1 to 64 letters, digits, - and _; unique in its notebook
	Type           CellType
	Source         string
	Metadata       map[string]any
	Attachments    map[string]any // Markdown and Raw only, nil if there are none
	ExecutionCount int            // Code only; 0 if the cell was not executed
	Outputs        []*Output      // Code only
}

// OutputType is the kind of an output.
type OutputType string

// The output types of nbformat 4.
const (
	StreamOutput  OutputType = "stream"
	DisplayOutput OutputType = "display_data"
	ResultOutput  OutputType = "execute_result"
	ErrorOutput   OutputType = "error"
)

// Output is one output of a code cell. Which fields count depends on the type.
type Output struct {
	Type OutputType

	Name string // stream: "stdout" or "stderr"
	Text string // stream

	Data           map[string]any // display_data, execute_result: by MIME type; text as one string
	Metadata       map[string]any // display_data, execute_result
	ExecutionCount int            // execute_result

	EName, EValue string   // error
	Traceback     []string // error

	displayID string // to find it again for update_display_data; not written
}

// Tags returns the tags of a cell.
func (c *Cell) Tags() []string {
	list, _ := c.Metadata["tags"].([]any)
	var tags []string
	for _, t := range list {
		if s, ok := t.(string); ok {
			tags = append(tags, s)
		}
	}
	return tags
}

// HasTag says whether the cell bears the tag.
func (c *Cell) HasTag(tag string) bool { return slices.Contains(c.Tags(), tag) }

// runs says whether the cell has code to execute.
func (c *Cell) runs() bool { return c.Type == Code && !isBlank(c.Source) && !c.HasTag(TagSkip) }

// Clear removes what executing the cells left: outputs, counts and times.
func (nb *Notebook) Clear() {
	for _, c := range nb.Cells {
		if c.Type == Code {
			c.clear()
		}
	}
}

func (c *Cell) clear() {
	c.Outputs, c.ExecutionCount = nil, 0
	delete(c.Metadata, "execution")
}

func isBlank(s string) bool {
	for _, r := range s {
		if r != ' ' && r != '\t' && r != '\n' && r != '\r' {
			return false
		}
	}
	return true
}
