package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/parelab/pare/kernel/gonb"
	"github.com/parelab/pare/kernel/wire"
)

// CellEnv names the environment variable that tells a cell its id.
const CellEnv = "PARE_CELL"

const (
	readyTimeout   = 60 * time.Second
	readyPoll      = 100 * time.Millisecond
	interruptEvery = 300 * time.Millisecond // GoNB heeds no interrupt while it compiles
	flushTime      = 100 * time.Millisecond // for what was published last to leave
)

// Options tells [Serve] between whom to stand.
type Options struct {
	Front     gonb.Connection                  // where Jupyter expects the kernel
	Kernel    *gonb.Kernel                     // started with the key of Front
	Preamble  string                           // code to run silently first; [gonb.Preamble] if empty
	Version   string                           // of this program, for kernel_info
	Interrupt <-chan struct{}                  // interrupts the running cell, beside interrupt_request; may be nil
	Log       func(format string, args ...any) // told what was dropped; may be nil
}

// relay is the state of one Serve.
type relay struct {
	opt     Options
	key     wire.Key
	session string
	front   *front
	back    *gonb.Sockets
	in      chan arrival
	closed  chan struct{}

	info      json.RawMessage // content of kernel_info_reply
	own       map[string]bool // ids of requests of ours, whose answers go to nobody
	queue     []*request      // cells that wait
	running   *request        // the cell that GoNB has
	cell      string          // what PARE_CELL is
	history   []entry
	interrupt <-chan time.Time // when to interrupt again
	over      bool             // shut down
}

// request is a cell together with what matters of its content.
type request struct {
	message *wire.Message
	content wire.ExecuteRequest
	frames  [][]byte
}

// socket says where a message came from.
type socket int

const (
	frontShell socket = iota
	frontControl
	frontStdin
	backShell // GoNB answers requests of the control socket here, too
	backStdin
	backIOPub
)

type arrival struct {
	from    socket
	frames  [][]byte
	message *wire.Message
}

// Serve relays until Jupyter shuts the kernel down, ctx ends, or the kernel ends by itself, which is an error. It does not
// stop the kernel.
func Serve(ctx context.Context, opt Options) error {
	if opt.Preamble == "" {
		opt.Preamble = gonb.Preamble()
	}
	if opt.Log == nil {
		opt.Log = func(string, ...any) {}
	}
	r := &relay{opt: opt, key: wire.Key(opt.Front.Key), session: wire.NewID(), own: map[string]bool{},
		in: make(chan arrival, 256), closed: make(chan struct{})}
	defer close(r.closed)
	var err error
	if r.back, err = opt.Kernel.Dial(ctx); err != nil {
		return err
	}
	defer r.back.Close()
	go r.pump(r.back.Shell, backShell)
	go r.pump(r.back.Control, backShell)
	go r.pump(r.back.Stdin, backStdin)
	go r.pump(r.back.IOPub, backIOPub)
	if err := r.awaitReady(ctx); err != nil {
		return err
	}
	if err := r.inject(opt.Preamble); err != nil {
		return err
	}
	if r.front, err = bind(opt.Front); err != nil {
		return err
	}
	defer r.front.close()
	go r.pump(r.front.shell, frontShell)
	go r.pump(r.front.control, frontControl)
	go r.pump(r.front.stdin, frontStdin)
	return r.loop(ctx)
}

// pump decodes what a socket receives; what has no valid signature or form is dropped.
func (r *relay) pump(s zmq4.Socket, from socket) {
	for {
		raw, err := s.Recv()
		if err != nil {
			return
		}
		m, err := r.key.Decode(raw.Frames)
		if err != nil {
			r.opt.Log("dropped a message: %v", err)
			continue
		}
		select {
		case r.in <- arrival{from, raw.Frames, m}:
		case <-r.closed:
			return
		}
	}
}

// loop handles arrivals one by one.
func (r *relay) loop(ctx context.Context) error {
	for !r.over {
		select {
		case a := <-r.in:
			if err := r.handle(a); err != nil {
				r.opt.Log("%s: %v", a.message.Header.MsgType, err)
			}
		case <-r.opt.Interrupt:
			r.startInterrupt()
		case <-r.interrupt:
			r.startInterrupt()
		case <-r.opt.Kernel.Done():
			return r.opt.Kernel.Err()
		case <-ctx.Done():
			return nil
		}
	}
	time.Sleep(flushTime)
	return nil
}

func (r *relay) handle(a arrival) error {
	switch a.from {
	case frontShell, frontControl:
		return r.fromFront(a)
	case frontStdin:
		return send(r.back.Stdin, a.frames)
	case backStdin:
		return send(r.front.stdin, a.frames)
	case backShell:
		return r.fromKernel(a)
	case backIOPub:
		if r.own[a.message.Parent.MsgID] {
			return nil
		}
		return send(r.front.iopub, a.frames)
	}
	return nil
}

// awaitReady asks for kernel_info until GoNB answers and is heard, and keeps the answer.
func (r *relay) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for heard := false; r.info == nil || !heard; {
		ask, err := wire.New(r.session, "kernel_info_request", struct{}{})
		if err != nil {
			return err
		}
		r.own[ask.Header.MsgID] = true
		if err := r.sendKernel(ask); err != nil {
			return err
		}
		for poll := time.After(readyPoll); poll != nil && (r.info == nil || !heard); {
			select {
			case a := <-r.in:
				heard = heard || a.from == backIOPub
				if a.message.Header.MsgType == "kernel_info_reply" {
					r.info = r.kernelInfo(a.message.Content)
				}
			case <-poll:
				poll = nil
			case <-r.opt.Kernel.Done():
				return r.opt.Kernel.Err()
			case <-ctx.Done():
				return fmt.Errorf("waiting for the kernel's first answer: %w", ctx.Err())
			}
		}
	}
	return nil
}

// inject runs code silently in GoNB; what it causes is shown to nobody.
func (r *relay) inject(code string) error {
	m, err := wire.New(r.session, "execute_request", wire.ExecuteRequest{
		Code: code, Silent: true, UserExpressions: map[string]any{}, StopOnError: true,
	})
	if err != nil {
		return err
	}
	r.own[m.Header.MsgID] = true
	return r.sendKernel(m)
}

func (r *relay) sendKernel(m *wire.Message) error {
	frames, err := r.key.Encode(m)
	if err != nil {
		return err
	}
	return send(r.back.Shell, frames)
}

func send(s zmq4.Socket, frames [][]byte) error { return s.SendMulti(zmq4.NewMsgFrom(frames...)) }
