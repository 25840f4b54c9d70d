package relay

import (
	"encoding/json"
	"go/scanner"
	"go/token"
	"path"
	"strings"
)

// entry is one executed cell.
type entry struct {
	line  int
	input string
}

// historyQuery is the content of a history_request.
type historyQuery struct {
	Output  bool   `json:"output"`
	Access  string `json:"hist_access_type"` // "tail", "range" or "search"
	Session int    `json:"session"`          // 0 is the current one, negative counts back
	Start   int    `json:"start"`
	Stop    int    `json:"stop"`
	N       int    `json:"n"`
	Pattern string `json:"pattern"`
	Unique  bool   `json:"unique"`
}

// session is the number that the current session has in replies; there is no other.
const session = 1

// find returns what is asked of the history, as [session, line, input] or [session, line, [input, output]].
func (q historyQuery) find(history []entry) []any {
	found := []any{}
	seen := map[string]bool{}
	for i, e := range history {
		switch q.Access {
		case "range":
			if q.Session != 0 && q.Session != session || e.line < q.Start || q.Stop > 0 && e.line >= q.Stop {
				continue
			}
		case "search":
			if ok, err := path.Match(q.Pattern, strings.ReplaceAll(e.input, "/", " ")); err != nil || !ok && q.Pattern != e.input {
				continue
			}
		default:
			if q.N > 0 && i < len(history)-q.N {
				continue
			}
		}
		if q.Unique && seen[e.input] {
			continue
		}
		seen[e.input] = true
		var input any = e.input
		if q.Output {
			input = []any{e.input, nil}
		}
		found = append(found, []any{session, e.line, input})
	}
	if q.Access == "search" && q.N > 0 && len(found) > q.N {
		found = found[len(found)-q.N:]
	}
	return found
}

// completeness says whether code can be executed or goes on, for a console: it goes on while a bracket, a comment or a raw
// string is open.
func completeness(code string) object {
	var lines []string
	for line := range strings.Lines(code) {
		if strings.HasPrefix(line, "%") || strings.HasPrefix(line, "!") {
			line = "\n"
		}
		lines = append(lines, line)
	}
	src := []byte(strings.Join(lines, ""))
	open, unfinished := 0, false
	var s scanner.Scanner
	s.Init(token.NewFileSet().AddFile("", -1, len(src)), src, func(_ token.Position, message string) {
		unfinished = unfinished || message == "raw string literal not terminated" || message == "comment not terminated"
	}, 0)
	for {
		_, tok, _ := s.Scan()
		switch tok {
		case token.LPAREN, token.LBRACE, token.LBRACK:
			open++
		case token.RPAREN, token.RBRACE, token.RBRACK:
			if open--; open < 0 {
				return object{"status": "invalid"}
			}
		}
		if tok == token.EOF {
			break
		}
	}
	if unfinished || open > 0 {
		return object{"status": "incomplete", "indent": strings.Repeat("\t", open)}
	}
	return object{"status": "complete"}
}

// kernelInfo says of GoNB's kernel_info_reply who stands in front of it.
func (r *relay) kernelInfo(content json.RawMessage) json.RawMessage {
	var info object
	if json.Unmarshal(content, &info) != nil {
		return content
	}
	info["status"] = "ok"
	info["implementation"] = "pare"
	info["implementation_version"] = r.opt.Version
	info["banner"] = "pare: Go cells on GoNB, compiled against the pare module"
	info["supported_features"] = []string{}
	if data, err := json.Marshal(info); err == nil {
		return data
	}
	return content
}
