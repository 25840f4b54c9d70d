package notebook

import (
	"strings"
	"time"

	"github.com/parelab/pare/kernel/wire"
)

// collector turns what a kernel publishes into outputs of the cells that caused it.
type collector struct {
	cells    map[string]*pending  // by the id of the request
	displays map[string][]*Output // by display id, across cells
	stream   func(name, text string)
}

// pending is a cell that was sent to the kernel.
type pending struct {
	cell      *Cell
	clearNext bool // clear_output(wait) came: the next output replaces the others
	timing    map[string]any
}

func newCollector(stream func(name, text string)) *collector {
	if stream == nil {
		stream = func(string, string) {}
	}
	return &collector{cells: map[string]*pending{}, displays: map[string][]*Output{}, stream: stream}
}

// expect says that messages whose parent is request belong to cell.
func (c *collector) expect(request *wire.Message, cell *Cell) {
	timing := map[string]any{}
	if cell.Metadata == nil {
		cell.Metadata = map[string]any{}
	}
	cell.Metadata["execution"] = timing
	c.cells[request.Header.MsgID] = &pending{cell: cell, timing: timing}
}

// handle takes in one message of the iopub socket. Messages of requests that it does not expect, and malformed ones, are
// not an output of any cell and are left out.
func (c *collector) handle(m *wire.Message) {
	p := c.cells[m.Parent.MsgID]
	if p == nil {
		return
	}
	switch m.Header.MsgType {
	case "status":
		var s wire.Status
		if m.Into(&s) == nil && (s.ExecutionState == "busy" || s.ExecutionState == "idle") {
			p.note("iopub.status." + s.ExecutionState)
		}
	case "execute_input":
		p.note("iopub.execute_input")
	case "clear_output":
		var content wire.ClearOutput
		if m.Into(&content) == nil {
			p.clear(content.Wait)
		}
	case "stream":
		c.addStream(p, m)
	case "display_data", "execute_result":
		c.addDisplay(p, m)
	case "update_display_data":
		c.update(m)
	case "error":
		var f wire.Failure
		if m.Into(&f) == nil {
			p.add(&Output{Type: ErrorOutput, EName: f.EName, EValue: f.EValue, Traceback: f.Traceback})
		}
	}
}

// addStream appends to the last output if that is the same stream.
func (c *collector) addStream(p *pending, m *wire.Message) {
	var s wire.Stream
	if m.Into(&s) != nil || s.Text == "" {
		return
	}
	c.stream(s.Name, s.Text)
	if n := len(p.cell.Outputs); n > 0 && !p.clearNext {
		if last := p.cell.Outputs[n-1]; last.Type == StreamOutput && last.Name == s.Name {
			last.Text += s.Text
			return
		}
	}
	p.add(&Output{Type: StreamOutput, Name: s.Name, Text: s.Text})
}

func (c *collector) addDisplay(p *pending, m *wire.Message) {
	var d wire.Display
	if m.Into(&d) != nil || d.Data == nil {
		return
	}
	out := &Output{Type: OutputType(m.Header.MsgType), Data: d.Data, Metadata: d.Metadata,
		ExecutionCount: d.ExecutionCount, displayID: d.Transient.DisplayID}
	if out.displayID != "" {
		c.displays[out.displayID] = append(c.displays[out.displayID], out)
	}
	p.add(out)
}

// update changes every display that bears the id, in whichever cell it is.
func (c *collector) update(m *wire.Message) {
	var d wire.Display
	if m.Into(&d) != nil || d.Data == nil {
		return
	}
	for _, out := range c.displays[d.Transient.DisplayID] {
		out.Data, out.Metadata = d.Data, d.Metadata
	}
}

func (p *pending) add(out *Output) {
	if p.clearNext {
		p.cell.Outputs, p.clearNext = nil, false
	}
	p.cell.Outputs = append(p.cell.Outputs, out)
}

func (p *pending) clear(wait bool) {
	if wait {
		p.clearNext = true
		return
	}
	p.cell.Outputs, p.clearNext = nil, false
}

func (p *pending) note(what string) {
	p.timing[what] = time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
}

// settle rewrites streams as a terminal would show them: a carriage return starts its line anew.
func settle(outputs []*Output) {
	for _, o := range outputs {
		if o.Type == StreamOutput && strings.Contains(o.Text, "\r") {
			o.Text = overwrite(o.Text)
		}
	}
}

func overwrite(text string) string {
	var b strings.Builder
	for line := range strings.SplitAfterSeq(text, "\n") {
		body, newline := strings.CutSuffix(line, "\n")
		body = strings.TrimSuffix(body, "\r")
		if at := strings.LastIndexByte(body, '\r'); at >= 0 {
			body = body[at+1:]
		}
		b.WriteString(body)
		if newline {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
