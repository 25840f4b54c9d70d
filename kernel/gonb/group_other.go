//go:build unix && !linux

package gonb

import "syscall"

// processGroup puts a kernel into a group of its own, so that its cells can be ended with it and a terminal's control-C
// does not reach it. Here only the watchdog notices the death of the parent.
func processGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// ownGroup keeps a terminal's control-C from a process.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
