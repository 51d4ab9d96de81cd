package testpostfix

import (
	"io"
	"net"
	"testing"
)

// A Proxy is the network in front of a server, which can be made to misbehave.
type Proxy struct {
	Addr string
	// Reached is told once for each connection that came to its cut.
	Reached chan struct{}
}

// A Cut says where a connection breaks. It counts from the first byte of the
// client, TLS and all.
type Cut struct {
	After  int64 // bytes from the client that still come through
	Silent bool  // then nothing passes any more either way, until the client hangs up
	// Mute lets all that the client says through and nothing that the server
	// answers once the client has said After bytes.
	Mute bool
}

// NewProxy runs a proxy in front of addr. The first connection breaks as the
// first cut says, and so on; those after the last cut pass.
func NewProxy(t testing.TB, addr string, cuts ...Cut) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &Proxy{Addr: l.Addr().String(), Reached: make(chan struct{}, len(cuts))}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				client.Close()
				continue
			}
			t.Cleanup(func() { client.Close(); server.Close() })
			var cut *Cut
			if len(cuts) > 0 {
				cut, cuts = &cuts[0], cuts[1:]
			}
			go p.pass(client, server, cut)
		}
	}()
	return p
}

func (p *Proxy) pass(client, server net.Conn, cut *Cut) {
	mute := make(chan struct{})
	go func() {
		buf := make([]byte, 32<<10)
		for {
			n, err := server.Read(buf)
			select {
			case <-mute:
				return
			default:
			}
			if n > 0 {
				client.Write(buf[:n])
			}
			if err != nil {
				client.Close()
				return
			}
		}
	}()
	if cut == nil {
		io.Copy(server, client)
		server.Close()
		return
	}
	n, _ := io.CopyN(server, client, cut.After)
	if n < cut.After {
		server.Close()
		return
	}
	if cut.Silent || cut.Mute {
		close(mute)
	}
	p.Reached <- struct{}{}
	switch {
	case cut.Mute:
		io.Copy(server, client)
	case cut.Silent:
		io.Copy(io.Discard, client)
	}
	client.Close()
	server.Close()
}
