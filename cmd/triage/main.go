// Command triage is the case worker's tool: it mirrors a store's ciphertext,
// and reads, answers and hands over cases on the case worker's own machine.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	harden()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the program at once: everything it does can be
	// killed and repeated.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// harden keeps what this process holds decrypted out of core dumps, and what
// it writes from other users.
func harden() {
	syscall.Umask(0o077)
	// A failure leaves the system's own limit, which is no reason to refuse
	// a case worker their work.
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
}
