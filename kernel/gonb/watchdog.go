package gonb

import (
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"sync"
)

// watchdogScript waits for the end of its standard input, which comes when this process closes it or dies. A line on it
// first means that all is well. Without one it gives the group the time that GoNB gives a cell, kills it and cleans up.
const watchdogScript = `read -r word && exit 0
kill -TERM "$1" 2>/dev/null
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do kill -0 -"$1" 2>/dev/null || break; sleep 0.5; done
kill -KILL -"$1" 2>/dev/null; rm -rf "$2"`

// watchdog ends a kernel's process group when this process dies without doing so itself, even by SIGKILL.
type watchdog struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	once sync.Once
}

// watch starts the watchdog of the process group pgid and the private directory dir.
func watch(pgid int, dir string) (*watchdog, error) {
	w := &watchdog{cmd: exec.Command("/bin/sh", "-c", watchdogScript, "sh", strconv.Itoa(pgid), dir)}
	var err error
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	w.cmd.SysProcAttr = ownGroup()
	if err := w.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the kernel's watchdog: %w", err)
	}
	return w, nil
}

// dismiss tells the watchdog that its group is gone.
func (w *watchdog) dismiss() {
	w.once.Do(func() {
		io.WriteString(w.in, "done\n")
		w.in.Close()
		w.cmd.Wait()
	})
}
