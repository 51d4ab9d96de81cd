package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// confined DIR [PORT] confines itself to DIR, and to connections to PORT if one
// is given, and prints what it can still do, a line each. It is a program of
// its own in the scripts, because confinement can't be undone.
func confined() int {
	dir := os.Args[1]
	needs := reach{write: []string{dir}, read: []string{filepath.Join(dir, "..", "readable"), "/does/not/exist"}}
	// A listener and a connection of before, which must go on working.
	early, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	allowed := uint16(early.Addr().(*net.TCPAddr).Port)
	if len(os.Args) > 2 {
		needs.ports = []uint16{allowed}
	}
	// What a witness's connection looks like.
	client, err := net.Dial("tcp", early.Addr().String())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer client.Close()
	accepted, err := early.Accept()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := confine(needs, quietLog); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	say := func(what string, err error) {
		word := "yes"
		if err != nil {
			word = "no"
		}
		fmt.Printf("%s: %s\n", what, word)
	}
	read := func(name string) error { _, err := os.ReadFile(name); return err }
	dial := func(network, addr string) error {
		c, err := net.DialTimeout(network, addr, time.Second)
		if err == nil {
			c.Close()
		}
		return err
	}
	say("write the data directory", os.WriteFile(filepath.Join(dir, "new"), []byte("x"), 0o600))
	say("read the data directory", read(filepath.Join(dir, "new")))
	say("rename in the data directory", os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "newer")))
	say("read what was named", read(filepath.Join(dir, "..", "readable")))
	say("write what was named", os.WriteFile(filepath.Join(dir, "..", "readable"), nil, 0o600))
	say("read /etc/passwd", read("/etc/passwd"))
	say("read beside the data directory", read(filepath.Join(dir, "..", "secret")))
	say("write to the temporary directory", os.WriteFile(filepath.Join(os.TempDir(), "confined"), nil, 0o600))
	say("connect to a port", dial("tcp", other.Addr().String()))
	named := dial("tcp", early.Addr().String())
	if named == nil { // its other end
		if c, err := early.Accept(); err == nil {
			c.Close()
		}
	}
	say("connect to the port that was named", named)
	say("connect by multipath TCP", socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP))
	say("send a datagram", dial("udp", "127.0.0.1:9"))
	say("open a raw socket", socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP))
	say("listen on another port", func() error { _, err := net.Listen("tcp", "127.0.0.1:0"); return err }())
	say("run a program", exec.Command("/bin/true").Run())
	say("look into another process", func() error {
		_, _, errno := syscall.Syscall6(unix.SYS_PROCESS_VM_READV, uintptr(os.Getppid()), 0, 0, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		return nil
	}())
	say("use io_uring", func() error {
		_, _, errno := syscall.Syscall(unix.SYS_IO_URING_SETUP, 1, 0, 0)
		if errno == syscall.EPERM {
			return errno
		}
		return nil
	}())
	say("make a unix socket", socket(unix.AF_UNIX, unix.SOCK_STREAM, 0))
	say("make a socket of another kind", socket(unix.AF_NETLINK, unix.SOCK_RAW, 0))
	say("turn an accepted connection elsewhere", turn(accepted, other.Addr().(*net.TCPAddr).Port))
	say("be connected to as before", func() error {
		// By a process that is not confined: the test's own.
		port := strconv.Itoa(int(allowed))
		if err := os.WriteFile(filepath.Join(dir, "port"), []byte(port+"\n"), 0o600); err != nil {
			return err
		}
		early.(*net.TCPListener).SetDeadline(time.Now().Add(20 * time.Second))
		c, err := early.Accept()
		if err == nil {
			_, err = io.WriteString(c, "hello\n")
			c.Close()
		}
		return err
	}())
	return 0
}

// turn tries to send to another port over a connection that is there, in the
// ways that Linux has for it; nil if one of them works.
func turn(c net.Conn, port int) error {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	to := &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	tried := raw.Control(func(fd uintptr) {
		unspec := []byte{unix.AF_UNSPEC, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
		_, _, _ = unix.Syscall(unix.SYS_CONNECT, fd, uintptr(unsafe.Pointer(&unspec[0])), uintptr(len(unspec)))
		if err = unix.Connect(int(fd), to); err == nil {
			return
		}
		if err = unix.Sendto(int(fd), []byte("x"), unix.MSG_FASTOPEN, to); err == unix.EINPROGRESS {
			err = nil // it is on its way
		}
		if err != nil {
			_, err = unix.SendmsgN(int(fd), []byte("x"), nil, to, unix.MSG_FASTOPEN)
		}
	})
	return errors.Join(tried, err)
}

func socket(domain, kind, protocol int) error {
	fd, err := unix.Socket(domain, kind, protocol)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// greet FILE connects to the port that confined wrote there and prints what it
// is told. It waits for a file of another process, and so has to look again.
func greet() int {
	for {
		text, _ := os.ReadFile(os.Args[1])
		port, ok := strings.CutSuffix(string(text), "\n")
		if !ok {
			continue
		}
		c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer c.Close()
		_, _ = io.Copy(os.Stdout, c)
		return 0
	}
}
