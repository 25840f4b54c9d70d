package tracker

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
)

// ThisProcess returns the identity of the running process.
var ThisProcess = sync.OnceValue(func() Process {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	space, _ := os.Readlink("/proc/self/ns/pid")
	pid := os.Getpid()
	return Process{PID: pid, Started: processStart(pid), Boot: strings.TrimSpace(string(boot)), Space: space}
})

// processStart returns the start time of a process in clock ticks since boot, or "" if there is no such process or it has ended and only
// waits for its parent. It is field 22 of /proc/PID/stat, counted behind the command, which is in parentheses and may hold anything
// (proc_pid_stat(5)).
func processStart(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	end := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[end+1:])
	const state, start = 0, 22 - 3 // the first field behind the command is number 3
	if end < 0 || len(fields) <= start || bytes.ContainsAny(fields[state], "ZX") {
		return ""
	}
	return string(fields[start])
}
