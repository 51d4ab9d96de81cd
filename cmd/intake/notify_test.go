package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// notified COMMAND… runs a server as systemd does, with a socket to tell it how
// it is and a watchdog of a fifth of a second, ends it after the watchdog was
// told three times, and prints what it was told, the repetitions once.
func notified(command []string) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	name := filepath.Join(os.TempDir(), fmt.Sprintf("notify-%d", os.Getpid()))
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return fail(err)
	}
	defer os.Remove(name)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+name, "WATCHDOG_USEC=200000")
	if err := cmd.Start(); err != nil {
		return fail(err)
	}
	b, last, barks := make([]byte, 4096), "", 0
	for last != "STOPPING=1" {
		_ = socket.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, err := socket.Read(b)
		if err != nil {
			_ = cmd.Process.Kill()
			return fail(err)
		}
		if said := string(b[:n]); said != last {
			fmt.Println(said)
			last = said
		}
		if last == "WATCHDOG=1" {
			if barks++; barks == 3 {
				_ = cmd.Process.Signal(syscall.SIGTERM)
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		return fail(err)
	}
	return 0
}
