package desk

import (
	"net"
	"sync"
)

// capped is a listener that has at most a fixed number of connections open;
// those beyond wait in the kernel's queue.
type capped struct {
	net.Listener
	slots chan struct{} // one element for each open connection
	done  chan struct{} // closed by Close
	once  sync.Once
}

func newCapped(l net.Listener, n int) *capped {
	return &capped{Listener: l, slots: make(chan struct{}, n), done: make(chan struct{})}
}

func (c *capped) Accept() (net.Conn, error) {
	select {
	case c.slots <- struct{}{}:
	case <-c.done:
		return nil, net.ErrClosed
	}
	conn, err := c.Listener.Accept()
	if err != nil {
		<-c.slots
		return nil, err
	}
	return &slotConn{Conn: conn, release: func() { <-c.slots }}, nil
}

func (c *capped) Close() error {
	c.once.Do(func() { close(c.done) })
	return c.Listener.Close()
}

// slotConn gives its slot back when it is closed for the first time.
type slotConn struct {
	net.Conn
	once    sync.Once
	release func()
}

// Write lets only TLS records out. To whoever speaks plain HTTP net/http
// answers, below TLS, that this is an HTTPS server; the desk says nothing.
func (c *slotConn) Write(p []byte) (int, error) {
	// RFC 8446, section 5.1: a record begins with its type, 20 to 23.
	if len(p) > 0 && (p[0] < 20 || p[0] > 23) {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

func (c *slotConn) Close() error {
	c.once.Do(c.release)
	return c.Conn.Close()
}
