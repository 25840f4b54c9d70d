package notebook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/parelab/pare/kernel/gonb"
	"github.com/parelab/pare/kernel/wire"
)

const (
	readyTimeout   = 60 * time.Second       // as Jupyter waits for a kernel
	readyPoll      = 100 * time.Millisecond // between requests until the kernel answers on both sockets
	idleTimeout    = 5 * time.Second        // from a reply to the status that should follow it
	interruptEvery = 300 * time.Millisecond // GoNB heeds no interrupt while it compiles, so it is asked again
	interruptGrace = 8 * time.Second        // GoNB kills a cell 5 s after an interrupt; then something is wrong
)

// client sends requests to a kernel and waits for what they cause. It is used by one goroutine.
type client struct {
	kernel  *gonb.Kernel
	sockets *gonb.Sockets
	key     wire.Key
	session string
	shell   chan *wire.Message
	iopub   chan *wire.Message
	closed  chan struct{}
	handle  func(*wire.Message) // every message that the kernel publishes, also one that comes late
}

// connect returns once the kernel answers, and its output arrives.
func connect(ctx context.Context, k *gonb.Kernel, handle func(*wire.Message)) (*client, error) {
	sockets, err := k.Dial(ctx)
	if err != nil {
		return nil, err
	}
	c := &client{
		kernel: k, sockets: sockets, key: wire.Key(k.Connection.Key), session: wire.NewID(), handle: handle,
		shell: make(chan *wire.Message, 16), iopub: make(chan *wire.Message, 256), closed: make(chan struct{}),
	}
	go c.pump(sockets.Shell, c.shell)
	go c.pump(sockets.IOPub, c.iopub)
	if err := c.awaitReady(ctx); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *client) close() {
	close(c.closed)
	c.sockets.Close()
}

// pump decodes what a socket receives; what is not a message of this kernel is dropped.
func (c *client) pump(from zmq4.Socket, to chan<- *wire.Message) {
	for {
		raw, err := from.Recv()
		if err != nil {
			return
		}
		m, err := c.key.Decode(raw.Frames)
		if err != nil {
			continue
		}
		select {
		case to <- m:
		case <-c.closed:
			return
		}
	}
}

func (c *client) send(m *wire.Message) error {
	frames, err := c.key.Encode(m)
	if err != nil {
		return err
	}
	return c.sockets.Shell.SendMulti(zmq4.NewMsgFrom(frames...))
}

// awaitReady asks until the kernel has answered on the shell and been heard on iopub: a subscription takes time to arrive.
func (c *client) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for answered, heard := false, false; !answered || !heard; {
		ask, err := wire.New(c.session, "kernel_info_request", struct{}{})
		if err != nil {
			return err
		}
		if err := c.send(ask); err != nil {
			return fmt.Errorf("asking the kernel: %w", err)
		}
		for waiting := true; waiting && (!answered || !heard); {
			select {
			case <-c.shell:
				answered = true
			case <-c.iopub:
				heard = true
			case <-tick.C:
				waiting = false
			case <-c.kernel.Done():
				return c.kernel.Err()
			case <-ctx.Done():
				return fmt.Errorf("waiting for the kernel's first answer: %w", context.Cause(ctx))
			}
		}
	}
	return nil
}

// request makes an execute_request.
func (c *client) request(code string, silent bool) (*wire.Message, error) {
	return wire.New(c.session, "execute_request", wire.ExecuteRequest{
		Code: code, Silent: silent, StoreHistory: !silent, UserExpressions: map[string]any{}, StopOnError: true,
	})
}

// errStuck says that a kernel did not end a cell when asked to.
var errStuck = errors.New("the kernel did not stop the cell; it was killed")

// execute sends a request and returns its reply once everything that it published has been handled. When ctx ends it
// interrupts the cell, and returns the cause beside the reply, which may be nil.
func (c *client) execute(ctx context.Context, request *wire.Message) (*wire.ExecuteReply, error) {
	if err := c.send(request); err != nil {
		return nil, fmt.Errorf("sending a cell to the kernel: %w", err)
	}
	var reply *wire.ExecuteReply
	var again, giveUp, idleLate <-chan time.Time
	done, idle := ctx.Done(), false
	for reply == nil || !idle {
		select {
		case m := <-c.shell:
			if m.Parent.MsgID != request.Header.MsgID || m.Header.MsgType != "execute_reply" {
				continue
			}
			reply = &wire.ExecuteReply{}
			if err := m.Into(reply); err != nil {
				return nil, err
			}
			again, giveUp, idleLate = nil, nil, time.After(idleTimeout)
		case m := <-c.iopub:
			c.handle(m)
			idle = idle || isIdle(m, request)
		case <-idleLate:
			idle = true
		case <-done:
			done, giveUp = nil, time.After(interruptGrace)
			again = time.After(0)
		case <-again:
			c.kernel.Interrupt()
			again = time.After(interruptEvery)
		case <-giveUp:
			c.kernel.Stop()
			return nil, fmt.Errorf("%w: %w", context.Cause(ctx), errStuck)
		case <-c.kernel.Done():
			c.drain(100 * time.Millisecond)
			return nil, c.kernel.Err()
		}
	}
	return reply, context.Cause(ctx)
}

func isIdle(m, request *wire.Message) bool {
	if m.Header.MsgType != "status" || m.Parent.MsgID != request.Header.MsgID {
		return false
	}
	var s wire.Status
	return m.Into(&s) == nil && s.ExecutionState == "idle"
}

// drain handles what arrives until nothing has for the given time. What a cell displays takes another way than its idle
// status and may come after it.
func (c *client) drain(quiet time.Duration) {
	for {
		select {
		case m := <-c.iopub:
			c.handle(m)
		case <-time.After(quiet):
			return
		}
	}
}
