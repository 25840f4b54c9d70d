package wire

import (
	"encoding/json"
	"fmt"
)

// ExecuteRequest is the content of an execute_request.
type ExecuteRequest struct {
	Code            string         `json:"code"`
	Silent          bool           `json:"silent"`
	StoreHistory    bool           `json:"store_history"`
	UserExpressions map[string]any `json:"user_expressions"`
	AllowStdin      bool           `json:"allow_stdin"`
	StopOnError     bool           `json:"stop_on_error"`
}

// ExecuteReply is the content of an execute_reply.
type ExecuteReply struct {
	Status         string   `json:"status"` // "ok", "error" or "aborted"
	ExecutionCount int      `json:"execution_count"`
	EName          string   `json:"ename,omitempty"`
	EValue         string   `json:"evalue,omitempty"`
	Traceback      []string `json:"traceback,omitempty"`
}

// Status is the content of a status message: "starting", "busy" or "idle".
type Status struct {
	ExecutionState string `json:"execution_state"`
}

// Stream is the content of a stream message.
type Stream struct {
	Name string `json:"name"` // "stdout" or "stderr"
	Text string `json:"text"`
}

// Display is the content of display_data, update_display_data and execute_result.
type Display struct {
	Data           map[string]any `json:"data"` // by MIME type
	Metadata       map[string]any `json:"metadata"`
	Transient      Transient      `json:"transient"`
	ExecutionCount int            `json:"execution_count,omitempty"` // execute_result only
}

// Transient is what a display says that is not to be kept in a notebook.
type Transient struct {
	DisplayID string `json:"display_id,omitempty"`
}

// Failure is the content of an error message.
type Failure struct {
	EName     string   `json:"ename"`
	EValue    string   `json:"evalue"`
	Traceback []string `json:"traceback"`
}

// ClearOutput is the content of a clear_output message.
type ClearOutput struct {
	Wait bool `json:"wait"`
}

// Into unmarshals the content of m; the error names the message's type.
func (m *Message) Into(content any) error {
	if err := json.Unmarshal(m.Content, content); err != nil {
		return fmt.Errorf("wire: content of %s: %w", m.Header.MsgType, err)
	}
	return nil
}
