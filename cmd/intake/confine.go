package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"unsafe"

	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
)

// A reach is what a server still needs of the machine once all its listeners
// are open. Everything else is taken from it.
type reach struct {
	write []string // files, and directories with all below them, to read and write
	read  []string // files and directories to read; missing ones are passed over
	ports []uint16 // TCP ports to connect to, on any host; none for a server that connects nowhere
}

// confine takes from this process, all its threads and all that it could still
// start, what the reach does not name: files (Landlock), connections out and
// new sockets (seccomp; for a server that connects somewhere Landlock holds the
// TCP ports), and what only an intruder would do (seccomp). It can't be undone.
//
// A kernel without Landlock, or with an old one, confines less; what is missing
// is logged and does not keep the server from serving.
func confine(r reach, log *slog.Logger) error {
	var rules []landlock.Rule
	allow := func(paths []string, file, dir func(...string) landlock.FSRule) {
		for _, path := range paths {
			switch info, err := os.Stat(path); {
			case err != nil: // missing, or not for this user either
			case info.IsDir():
				rules = append(rules, dir(path))
			default:
				rules = append(rules, file(path))
			}
		}
	}
	allow(r.write, landlock.RWFiles, landlock.RWDirs)
	allow(r.read, landlock.ROFiles, landlock.RODirs)
	for _, port := range r.ports {
		rules = append(rules, landlock.ConnectTCP(port))
	}
	// Version 6 (Linux 6.12): files, TCP, abstract sockets and signals.
	switch abi, _, _ := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION); {
	case int(abi) <= 0:
		log.Warn("this kernel has no Landlock: the server can read what its user can")
	case abi < 4 && len(r.ports) > 0:
		log.Warn("this kernel's Landlock is old: it does not hold the server to the ports it needs", "version", int(abi))
	}
	if err := landlock.V6.BestEffort().Restrict(rules...); err != nil {
		return fmt.Errorf("confining the server to its files: %w", err)
	}
	if err := filterCalls(len(r.ports) > 0, log); err != nil {
		return fmt.Errorf("confining the server's system calls: %w", err)
	}
	return nil
}

// forbidden are system calls that a server has no use for and an intruder has:
// to run another program, to look into other processes, to get around the
// filter (io_uring), to reach into the kernel.
var forbidden = []uint32{
	unix.SYS_EXECVE, unix.SYS_EXECVEAT,
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_GETFD,
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
	unix.SYS_MOUNT, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_CHROOT, unix.SYS_PIVOT_ROOT,
}

// architectures are those whose numbers the filter knows (audit.h).
var architectures = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

// datagrams are calls that send to an address, and with MSG_FASTOPEN connect
// past what Landlock sees. The server has no use for them: it writes.
var datagrams = []uint32{unix.SYS_SENDTO, unix.SYS_SENDMSG, unix.SYS_SENDMMSG}

// filterCalls installs a seccomp filter (seccomp(2)) on all threads. Calls that
// it forbids fail with EPERM. No socket can be made or connected any more,
// unless the server connects out: then those of the Internet's ordinary
// protocols; multipath TCP, for one, Landlock does not see.
func filterCalls(connects bool, log *slog.Logger) error {
	arch, ok := architectures[runtime.GOARCH]
	if !ok {
		log.Warn("no filter of system calls for this architecture", "architecture", runtime.GOARCH)
		return nil
	}
	// Offsets in struct seccomp_data: number 0, architecture 4, arguments from
	// 16, eight bytes each; their lower halves come first on both architectures.
	const number, architecture, domain, protocol = 0, 4, 16, 32
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	// skip steps over so many instructions where the value is equal, or else.
	skip := func(k uint32, equal, other uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jt: equal, Jf: other}
	}
	end := func(action uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
	}
	deny, allow := end(unix.SECCOMP_RET_ERRNO|uint32(unix.EPERM)), end(unix.SECCOMP_RET_ALLOW)

	filter := []unix.SockFilter{
		// Another architecture's numbers mean other calls.
		load(architecture), skip(arch, 1, 0), end(unix.SECCOMP_RET_KILL_PROCESS),
		load(number),
		// amd64's x32 numbers have bit 30 set; no other number is so large.
		{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: 1 << 30, Jt: 0, Jf: 1}, deny,
	}
	calls := slices.Concat(forbidden, datagrams)
	if !connects {
		calls = append(calls, unix.SYS_SOCKET, unix.SYS_CONNECT)
	}
	for _, call := range calls {
		filter = append(filter, skip(call, 0, 1), deny)
	}
	filter = append(filter, skip(unix.SYS_SOCKET, 1, 0), allow,
		load(domain), skip(unix.AF_INET, 2, 0), skip(unix.AF_INET6, 1, 0), deny,
		load(protocol), skip(0, 2, 0), skip(unix.IPPROTO_TCP, 1, 0), skip(unix.IPPROTO_UDP, 0, 1), allow, deny)

	// The filter is installed by one thread, which needs no_new_privs, for all.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("giving up new privileges: %w", err)
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(filter)
	switch {
	case errors.Is(errno, unix.ENOSYS), errors.Is(errno, unix.EINVAL):
		log.Warn("this kernel has no seccomp filters")
		return nil
	case errno != 0:
		return errno
	case thread != 0:
		return fmt.Errorf("thread %d would not take the filter", thread)
	}
	return nil
}
