package main

import (
	"fmt"
	"syscall"
)

// harden keeps what is in memory from reaching a disk or another process: no
// core dump, no debugger or /proc/<pid>/mem by other processes of the same
// user, no file that others can read.
func harden() error {
	syscall.Umask(0o077)
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("switching core dumps off: %w", err)
	}
	if _, _, errno := syscall.Syscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0); errno != 0 {
		return fmt.Errorf("closing the process to debuggers: %w", errno)
	}
	return nil
}
