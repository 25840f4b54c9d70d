package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// killed starts a command as often as it is told, and ends it with SIGKILL a random moment after it has saved another state of a training.
func killed(times string, args []string) int {
	n, _ := strconv.Atoi(times)
	seed := uint64(time.Now().UnixNano())
	random, last := rand.New(rand.NewPCG(seed, 0)), 0
	for i := range n {
		step, err := killedAfter(last+1+random.IntN(3), time.Duration(random.IntN(40))*time.Millisecond, args)
		if err != nil {
			fmt.Fprintf(os.Stderr, "seed %d, kill %d: %v\n", seed, i+1, err)
			return 1
		}
		fmt.Printf("seed %d: killed with a state of step %d\n", seed, step)
		last = step
	}
	return 0
}

// killedAfter kills a command some time after it has saved a step, and returns the newest that it has saved.
func killedAfter(step int, wait time.Duration, args []string) (int, error) {
	cmd := exec.Command(args[0], args[1:]...)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for end := time.Now().Add(time.Minute); newestState() < step; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			_ = cmd.Process.Kill()
			return 0, fmt.Errorf("no state of step %d after a minute", step)
		}
		select {
		case err := <-ended:
			return 0, fmt.Errorf("the command ended before it could be killed: %v", err)
		default:
		}
	}
	time.Sleep(wait)
	if err := cmd.Process.Kill(); err != nil {
		return 0, err
	}
	var exit *exec.ExitError
	if err := <-ended; !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		return 0, fmt.Errorf("expected the command to be killed, found %v", err)
	}
	return newestState(), nil
}

// newestState is the last step that a training under PARE_HOME has saved; 0 is none.
func newestState() (newest int) {
	paths, _ := filepath.Glob(filepath.Join(os.Getenv("PARE_HOME"), "recovering", "*", "step-*.json"))
	for _, path := range paths {
		step := 0
		_, _ = fmt.Sscanf(filepath.Base(path), "step-%d.json", &step)
		newest = max(newest, step)
	}
	return newest
}

// noSpace runs a command that trains and, when it has saved a state, lets it write no file of more than some bytes, as a full disk would. It wants
// the command to fail and a whole state to stay.
func noSpace(args []string) int {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Start()
	for end := time.Now().Add(time.Minute); err == nil && newestState() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			err = errors.New("no state after a minute")
		}
	}
	if err == nil {
		err = exec.Command("prlimit", "--pid", strconv.Itoa(cmd.Process.Pid), "--fsize=200000").Run()
	}
	if err == nil {
		_ = cmd.Wait()
	}
	if err != nil || cmd.ProcessState.ExitCode() != 1 || newestState() == 0 {
		fmt.Fprintf(os.Stderr, "expected status 1 and a state, found %v, a state of step %d, %v\n", cmd.ProcessState, newestState(), err)
		return 1
	}
	return 0
}
