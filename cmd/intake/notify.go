package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// A notifier tells systemd how the server is (sd_notify(3)). Without systemd
// it is nil and tells nobody. Its socket is opened before the server confines
// itself.
type notifier struct{ conn net.Conn }

func newNotifier() (*notifier, error) {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return nil, nil
	}
	conn, err := net.Dial("unixgram", name) // a leading @ is the abstract namespace, as in systemd
	if err != nil {
		return nil, fmt.Errorf("reaching the service manager: %w", err)
	}
	return &notifier{conn}, nil
}

// tell sends assignments, one a line. That systemd does not listen is nothing
// that a server for witnesses stops for.
func (n *notifier) tell(state string) {
	if n != nil {
		_, _ = n.conn.Write([]byte(state))
	}
}

// watch tells the watchdog (WatchdogSec) that the server is alive, as long as
// healthy returns nil, twice in the time it is given.
func (n *notifier) watch(ctx context.Context, healthy func(context.Context) error) {
	usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if n == nil || err != nil || usec <= 0 {
		return
	}
	beat := time.Duration(usec) * time.Microsecond / 2
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		asking, cancel := context.WithTimeout(ctx, beat)
		if healthy(asking) == nil {
			n.tell("WATCHDOG=1")
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
