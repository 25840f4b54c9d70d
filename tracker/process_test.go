package tracker

import (
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

func TestAliveAsksForTheProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells a process's start time here")
	}
	self := ThisProcess()
	if self.Started == "" || self.Boot == "" || self.Space == "" {
		t.Fatalf("this process is not known: %+v", self)
	}
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	child := self
	child.PID, child.Started = cmd.Process.Pid, processStart(cmd.Process.Pid)
	now := time.Now()
	old := now.Add(-10 * LostAfter)
	check := func(what string, p Process, heartbeat time.Time, want bool) {
		t.Helper()
		if got := Alive(p, heartbeat, now); got != want {
			t.Errorf("%s: alive is %t", what, got)
		}
	}
	check("a running process with an old heartbeat", child, old, true)
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	check("a suspended process", child, old, true)
	reused := child
	reused.Started = "1"
	check("another process under its number", reused, now, false)
	elsewhere := child
	elsewhere.Boot = "another boot"
	check("another machine with a fresh heartbeat", elsewhere, now, true)
	check("another machine with an old heartbeat", elsewhere, old, false)
	container := child
	container.Space = "pid:[1]"
	check("another container with a fresh heartbeat", container, now, true)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 100 && processStart(child.PID) != ""; i++ {
		time.Sleep(10 * time.Millisecond)
	}
	check("a killed process that its parent has not waited for", child, now, false)
	_ = cmd.Wait() // killed
	check("a killed process", child, now, false)
}
