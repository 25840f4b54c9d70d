package gonb

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"github.com/go-zeromq/zmq4"
)

// portPoll is how often a starting kernel is tried; a start takes about 400 ms.
const portPoll = 10 * time.Millisecond

// awaitPorts waits until the kernel accepts connections on every port.
func (k *Kernel) awaitPorts(ctx context.Context) error {
	for _, p := range k.Connection.ports() {
		for {
			conn, err := net.DialTimeout("tcp", fmt.Sprintf("%s:%d", k.Connection.IP, *p.port), time.Second)
			if err == nil {
				conn.Close()
				break
			}
			select {
			case <-k.done:
				return k.Err()
			case <-ctx.Done():
				return fmt.Errorf("the kernel does not listen on its %s: %w\n%s", p.name, ctx.Err(), k.tail)
			case <-time.After(portPoll):
			}
		}
	}
	return nil
}

// Sockets are the client's ends of a kernel's sockets. A message goes over them as raw frames.
//
// Shell, Control and Stdin bear one identity: GoNB asks for input on the identity that a cell came from, and answers
// control requests on the shell.
type Sockets struct {
	Shell, Control, Stdin, IOPub zmq4.Socket
	cancel                       context.CancelFunc
}

// Dial connects to the kernel; the subscription to IOPub is for everything. What the kernel publishes before the
// subscription has reached it is lost, so a client should send requests until it sees one answered on both sockets.
func (k *Kernel) Dial(ctx context.Context) (*Sockets, error) {
	life, cancel := context.WithCancel(context.Background())
	identity := zmq4.WithID(zmq4.SocketIdentity("pare-" + randomHex(8)))
	quiet := zmq4.WithLogger(log.New(io.Discard, "", 0))
	s := &Sockets{
		Shell: zmq4.NewDealer(life, identity, quiet), Control: zmq4.NewDealer(life, identity, quiet),
		Stdin: zmq4.NewDealer(life, identity, quiet), IOPub: zmq4.NewSub(life, quiet), cancel: cancel,
	}
	c := k.Connection
	for _, d := range []struct {
		socket zmq4.Socket
		port   int
	}{{s.IOPub, c.IOPubPort}, {s.Shell, c.ShellPort}, {s.Control, c.ControlPort}, {s.Stdin, c.StdinPort}} {
		if err := d.socket.Dial(c.Address(d.port)); err != nil {
			s.Close()
			return nil, fmt.Errorf("connecting to the kernel: %w", err)
		}
	}
	if err := s.IOPub.SetOption(zmq4.OptionSubscribe, ""); err != nil {
		s.Close()
		return nil, fmt.Errorf("subscribing to the kernel's output: %w", err)
	}
	return s, ctx.Err()
}

// Close disconnects.
func (s *Sockets) Close() {
	for _, socket := range []zmq4.Socket{s.Shell, s.Control, s.Stdin, s.IOPub} {
		socket.Close()
	}
	s.cancel()
}
