//go:build !linux

package tracker

import "os"

// ThisProcess returns the identity of the running process. Without start time and boot id, [Alive] goes by the heartbeat.
func ThisProcess() Process { return Process{PID: os.Getpid()} }

func processStart(int) string { return "" }
