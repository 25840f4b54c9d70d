package relay

import (
	"encoding/json"
	"time"

	"github.com/parelab/pare/kernel/gonb"
	"github.com/parelab/pare/kernel/wire"
)

type object = map[string]any

// fromFront handles a request of Jupyter's.
func (r *relay) fromFront(a arrival) error {
	switch a.message.Header.MsgType {
	case "execute_request":
		return r.enqueue(a)
	case "kernel_info_request":
		return r.answer(a, "kernel_info_reply", r.info)
	case "is_complete_request":
		var content struct{ Code string }
		if err := a.message.Into(&content); err != nil {
			return err
		}
		return r.answer(a, "is_complete_reply", completeness(content.Code))
	case "history_request":
		var q historyQuery
		if err := a.message.Into(&q); err != nil {
			return err
		}
		return r.answer(a, "history_reply", object{"status": "ok", "history": q.find(r.history)})
	case "comm_info_request":
		return r.answer(a, "comm_info_reply", object{"status": "ok", "comms": object{}})
	case "interrupt_request":
		r.startInterrupt()
		return r.answer(a, "interrupt_reply", object{"status": "ok"})
	case "shutdown_request":
		return r.shutDown(a)
	}
	return send(r.back.Shell, a.frames)
}

func (r *relay) shutDown(a arrival) error {
	var content struct{ Restart bool }
	if err := a.message.Into(&content); err != nil {
		return err
	}
	r.over = true
	reply := object{"status": "ok", "restart": content.Restart}
	if err := r.publish(a.message, "shutdown_reply", reply); err != nil {
		return err
	}
	return r.answer(a, "shutdown_reply", reply)
}

// enqueue takes a cell. Fields that are missing get the defaults that the protocol gives them.
func (r *relay) enqueue(a arrival) error {
	var fields map[string]json.RawMessage
	if err := a.message.Into(&fields); err != nil {
		return err
	}
	q := &request{message: a.message, frames: a.frames, content: wire.ExecuteRequest{StoreHistory: true, AllowStdin: true,
		StopOnError: true, UserExpressions: object{}}}
	if err := a.message.Into(&q.content); err != nil {
		return r.reply(a, "execute_reply", wire.Failure{EName: "BadRequest", EValue: err.Error(), Traceback: []string{}})
	}
	if q.content.Silent {
		q.content.StoreHistory = false
	}
	for _, name := range []string{"code", "silent", "store_history", "allow_stdin"} {
		if _, ok := fields[name]; !ok {
			if err := q.complete(r.key); err != nil {
				return err
			}
			break
		}
	}
	r.queue = append(r.queue, q)
	return r.next()
}

// complete writes the content with all its fields into the request's frames.
func (q *request) complete(key wire.Key) (err error) {
	full := *q.message
	if full.Content, err = json.Marshal(q.content); err != nil {
		return err
	}
	q.frames, err = key.Encode(&full)
	return err
}

// next gives GoNB the first waiting cell if it has none.
func (r *relay) next() error {
	if r.running != nil || len(r.queue) == 0 {
		return nil
	}
	q := r.queue[0]
	r.queue = r.queue[1:]
	var metadata struct {
		CellID string `json:"cellId"` // JupyterLab and Notebook 7 send it
	}
	json.Unmarshal(q.message.Metadata, &metadata) // of another form, it names no cell
	if metadata.CellID != r.cell && !q.content.Silent {
		r.cell = metadata.CellID
		if err := r.inject("%env " + CellEnv + " " + gonb.Quote(r.cell)); err != nil {
			return err
		}
	}
	r.running = q
	return send(r.back.Shell, q.frames)
}

// fromKernel handles what GoNB answers on its shell socket.
func (r *relay) fromKernel(a arrival) error {
	parent := a.message.Parent.MsgID
	if r.own[parent] {
		return nil // kept in own: its last status may still come
	}
	if r.running == nil || parent != r.running.message.Header.MsgID || a.message.Header.MsgType != "execute_reply" {
		return send(r.front.shell, a.frames)
	}
	done := r.running
	r.running, r.interrupt = nil, nil
	status, count, err := r.finish(a)
	if err != nil {
		return err
	}
	if done.content.StoreHistory {
		r.history = append(r.history, entry{line: count, input: done.content.Code})
	}
	if status == "error" && done.content.StopOnError && !done.content.Silent {
		if err := r.abort(); err != nil {
			return err
		}
	}
	return r.next()
}

// finish passes an execute_reply on, with a count if it has none.
func (r *relay) finish(a arrival) (status string, count int, err error) {
	var reply map[string]any
	if err := a.message.Into(&reply); err != nil {
		return "", 0, err
	}
	status, _ = reply["status"].(string)
	number, ok := reply["execution_count"].(float64)
	if !ok {
		number = float64(len(r.history))
		reply["execution_count"] = int(number)
		full := *a.message
		if full.Content, err = json.Marshal(reply); err != nil {
			return status, 0, err
		}
		if a.frames, err = r.key.Encode(&full); err != nil {
			return status, 0, err
		}
	}
	return status, int(number), send(r.front.shell, a.frames)
}

// abort answers the waiting cells that a former one failed.
func (r *relay) abort() error {
	waiting := r.queue
	r.queue = nil
	for _, q := range waiting {
		a := arrival{from: frontShell, message: q.message}
		if err := r.answer(a, "execute_reply", wire.ExecuteReply{Status: "aborted", ExecutionCount: len(r.history)}); err != nil {
			return err
		}
	}
	return nil
}

// startInterrupt interrupts the running cell now, and again until it has ended.
func (r *relay) startInterrupt() {
	r.interrupt = nil
	if r.running == nil {
		return
	}
	if err := r.opt.Kernel.Interrupt(); err != nil {
		r.opt.Log("interrupting the kernel: %v", err)
	}
	r.interrupt = time.After(interruptEvery)
}
