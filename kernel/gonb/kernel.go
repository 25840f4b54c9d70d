package gonb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startAttempts = 3                // another process may take a port that was free
	startTimeout  = 60 * time.Second // as Jupyter waits for a kernel; a start takes half a second
	stopGrace     = 3 * time.Second  // from the request to end to the order
)

// Options tells [Start] how to run a kernel.
type Options struct {
	Tools   Tools     // from [Build]
	WorkDir string    // where cells run; the working directory if empty
	Env     []string  // "NAME=value", besides [Environ]
	Log     io.Writer // GoNB's own log; the last lines are kept for errors in any case
	Key     string    // signs messages; random if empty
	ID      string    // hexadecimal name of the kernel, as GONB_JUPYTER_KERNEL_ID has it; random if empty
}

// Kernel is a running GoNB.
type Kernel struct {
	Connection Connection
	cmd        *exec.Cmd
	dir        string // private: connection file and GoNB's workspace
	guard      *watchdog
	tail       *tail
	done       chan struct{} // closed once the process is gone and everything is cleaned up
	err        error         // why it ended; read after done
	stop       sync.Once
}

// Start runs GoNB and waits until it listens. The context bounds the start only; end a kernel with Stop.
func Start(ctx context.Context, opt Options) (*Kernel, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var err error
	for range startAttempts {
		var k *Kernel
		if k, err = launch(opt); err != nil {
			return nil, err
		}
		if err = k.awaitPorts(ctx); err == nil {
			return k, nil
		}
		k.Stop()
		if ctx.Err() != nil || !strings.Contains(k.tail.String(), "address already in use") {
			break
		}
	}
	return nil, err
}

// launch starts the process in a private directory.
func launch(opt Options) (k *Kernel, err error) {
	k = &Kernel{tail: &tail{max: 4096}, done: make(chan struct{})}
	if k.Connection, err = newConnection(opt.Key); err != nil {
		return nil, err
	}
	if k.dir, err = os.MkdirTemp("", "pare-kernel-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(k.dir)
		}
	}()
	id := opt.ID
	if id == "" {
		id = randomHex(8)
	}
	file := filepath.Join(k.dir, "kernel-"+id+".json")
	if err := k.Connection.write(file); err != nil {
		return nil, err
	}
	k.cmd = exec.Command(filepath.Join(opt.Tools.Bin, "gonb"), "--kernel", file,
		"-go_work="+opt.Tools.Source, "-raw_error=true", "-logtostderr=true")
	k.cmd.Dir = opt.WorkDir
	k.cmd.Env = append(Environ(opt.Tools, opt.Env), "TMPDIR="+k.dir)
	k.cmd.SysProcAttr = processGroup()
	k.cmd.Stderr = k.tail
	if opt.Log != nil {
		k.cmd.Stderr = io.MultiWriter(k.tail, opt.Log)
	}
	k.cmd.Stdout = k.cmd.Stderr
	k.cmd.WaitDelay = time.Second // a cell that outlives GoNB holds its output open
	if err := k.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the kernel: %w", err)
	}
	if k.guard, err = watch(k.cmd.Process.Pid, k.dir); err != nil {
		syscall.Kill(-k.cmd.Process.Pid, syscall.SIGKILL)
		k.cmd.Wait()
		return nil, err
	}
	go k.reap()
	return k, nil
}

// reap waits for the process, ends what it left behind and removes its directory.
func (k *Kernel) reap() {
	k.err = k.cmd.Wait()
	syscall.Kill(-k.cmd.Process.Pid, syscall.SIGKILL)
	k.guard.dismiss()
	for range 10 { // a killed cell may still be writing
		if os.RemoveAll(k.dir) == nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	close(k.done)
}

// Done is closed when the kernel has ended, for whatever reason.
func (k *Kernel) Done() <-chan struct{} { return k.done }

// Err says, once Done is closed, how the kernel ended and what it logged last.
func (k *Kernel) Err() error {
	select {
	case <-k.done:
	default:
		return nil
	}
	state := "ended"
	if k.err != nil {
		state = k.err.Error()
	}
	log := strings.TrimSpace(k.tail.String())
	if log == "" {
		return errors.New("the kernel is gone: " + state)
	}
	return fmt.Errorf("the kernel is gone: %s; its last words:\n%s", state, log)
}

// PID returns the process id of GoNB, which is also the id of the process group of its cells.
func (k *Kernel) PID() int { return k.cmd.Process.Pid }

// Interrupt asks the running cell to stop, as control-C does: GoNB sends it an interrupt, and kills it after five seconds.
func (k *Kernel) Interrupt() error { return k.cmd.Process.Signal(os.Interrupt) }

// Stop ends the kernel and its cells, waits until they are gone, and removes what they left. It may be called more than once.
func (k *Kernel) Stop() {
	k.stop.Do(func() {
		k.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-k.done:
		case <-time.After(stopGrace):
			syscall.Kill(-k.cmd.Process.Pid, syscall.SIGKILL)
		}
	})
	<-k.done
}

// tail keeps the last bytes written to it.
type tail struct {
	mu  sync.Mutex
	max int
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - t.max; over > 0 {
		t.buf = t.buf[over:]
		if line := bytes.IndexByte(t.buf, '\n'); line >= 0 {
			t.buf = t.buf[line+1:]
		}
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
