package desk

import (
	"context"
	"crypto/ecdh"
	"net"
	"strings"
	"time"

	"tocsin/onion"
)

// A Dial connects to the desk: directly, or through Tor.
type Dial func(context.Context) (net.Conn, error)

// Direct returns what connects to addr (host:port).
func Direct(addr string) Dial {
	d := &net.Dialer{Timeout: Stall}
	return func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", addr) }
}

// A Tor is how one's own tor is reached.
type Tor struct {
	SOCKS   string        // "host:port" or a socket's path
	Control onion.Control // to hand it the key that finds the desk
}

// onionPort is where the desk's onion service answers.
const onionPort = "443"

// onionTime bounds how long it may take to find an onion service and connect.
const onionTime = 3 * time.Minute

// Dial returns what connects to addr, a host:port or an onion service's
// address, and what to call when done with it. Only for an onion address is key
// asked for, and tor used, which is handed the key for that time.
func (t Tor) Dial(addr string, key func() (*ecdh.PrivateKey, error)) (Dial, func(), error) {
	host, ok := onionHost(addr)
	if !ok {
		return Direct(addr), func() {}, nil
	}
	k, err := key()
	if err != nil {
		return nil, nil, err
	}
	d := &onion.Dialer{SOCKS: t.SOCKS, Control: t.Control, Key: k}
	connect := func(ctx context.Context) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, onionTime)
		defer cancel()
		return d.Dial(ctx, strings.ToLower(host))
	}
	// If tor went away meanwhile, the key went with it.
	return connect, func() { _ = d.Close() }, nil
}

// onionHost returns the host and port of an address that is an onion
// service's. No other way than Tor may be tried for it: a name server would
// learn of it.
func onionHost(addr string) (string, bool) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = addr, onionPort
	}
	return net.JoinHostPort(host, port), strings.HasSuffix(strings.ToLower(host), ".onion")
}
