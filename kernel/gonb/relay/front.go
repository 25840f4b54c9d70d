package relay

import (
	"context"
	"fmt"
	"io"
	"log"

	"github.com/go-zeromq/zmq4"

	"github.com/parelab/pare/kernel/gonb"
	"github.com/parelab/pare/kernel/wire"
)

// front holds the sockets that Jupyter connects to.
type front struct {
	shell, control, stdin, iopub, heartbeat zmq4.Socket
	cancel                                  context.CancelFunc
}

// bind listens where the connection file says, and echoes heartbeats from then on.
func bind(c gonb.Connection) (*front, error) {
	life, cancel := context.WithCancel(context.Background())
	quiet := zmq4.WithLogger(log.New(io.Discard, "", 0))
	f := &front{
		shell: zmq4.NewRouter(life, quiet), control: zmq4.NewRouter(life, quiet), stdin: zmq4.NewRouter(life, quiet),
		iopub: zmq4.NewPub(life, quiet), heartbeat: zmq4.NewRep(life, quiet), cancel: cancel,
	}
	for _, s := range []struct {
		name   string
		socket zmq4.Socket
		port   int
	}{{"shell", f.shell, c.ShellPort}, {"control", f.control, c.ControlPort}, {"stdin", f.stdin, c.StdinPort},
		{"iopub", f.iopub, c.IOPubPort}, {"heartbeat", f.heartbeat, c.HBPort}} {
		if err := s.socket.Listen(c.Address(s.port)); err != nil {
			f.close()
			return nil, fmt.Errorf("listening on the %s port %d: %w", s.name, s.port, err)
		}
	}
	go f.echo()
	return f, nil
}

func (f *front) echo() {
	for {
		m, err := f.heartbeat.Recv()
		if err != nil {
			return
		}
		if err := f.heartbeat.Send(m); err != nil {
			return
		}
	}
}

func (f *front) close() {
	for _, s := range []zmq4.Socket{f.shell, f.control, f.stdin, f.iopub, f.heartbeat} {
		s.Close()
	}
	f.cancel()
}

// reply answers a request on the socket that it came from.
func (r *relay) reply(a arrival, msgType string, content any) error {
	m, err := wire.Reply(a.message, msgType, content)
	if err != nil {
		return err
	}
	frames, err := r.key.Encode(m)
	if err != nil {
		return err
	}
	if a.from == frontControl {
		return send(r.front.control, frames)
	}
	return send(r.front.shell, frames)
}

// publish sends a message caused by request to everybody.
func (r *relay) publish(request *wire.Message, msgType string, content any) error {
	m, err := wire.Reply(request, msgType, content)
	if err != nil {
		return err
	}
	m.Identities = [][]byte{[]byte(msgType)} // the topic, for those who subscribe to some
	frames, err := r.key.Encode(m)
	if err != nil {
		return err
	}
	return send(r.front.iopub, frames)
}

// answer replies to a request that the relay serves itself, with the statuses that belong around it.
func (r *relay) answer(a arrival, msgType string, content any) error {
	if err := r.publish(a.message, "status", wire.Status{ExecutionState: "busy"}); err != nil {
		return err
	}
	if err := r.reply(a, msgType, content); err != nil {
		return err
	}
	return r.publish(a.message, "status", wire.Status{ExecutionState: "idle"})
}
