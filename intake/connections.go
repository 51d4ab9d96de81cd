package intake

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// connections bounds how many connections are open at once, over all
// listeners. Who comes beyond the bound waits; a connection that was answered and
// is kept, the one idle for longest, makes room. A browser that it belonged to
// opens another when it needs one. A new one may have its request on the way
// and is left alone: the time for headers bounds it.
type connections struct {
	open chan struct{} // one element for each open connection

	mu     sync.Mutex
	wanted int                        // how many wait for room; guarded by mu
	idle   list.List                  // of net.Conn, idle for longest first; guarded by mu
	at     map[net.Conn]*list.Element // where each lies in idle; guarded by mu
}

func newConnections(most int) *connections {
	return &connections{open: make(chan struct{}, most), at: make(map[net.Conn]*list.Element)}
}

// changed is the http.Server's ConnState. Each connection that came out of a
// listener of listen ends with one StateClosed; none is hijacked.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.at[conn]; e != nil {
		c.idle.Remove(e)
		delete(c.at, conn)
	}
	switch state {
	case http.StateIdle:
		c.at[conn] = c.idle.PushBack(conn)
		if c.wanted > 0 {
			c.drop()
		}
	case http.StateClosed:
		<-c.open
	}
}

// drop closes the connection that is idle for longest, if there is one. The
// caller holds mu.
func (c *connections) drop() {
	e := c.idle.Front()
	if e == nil {
		return
	}
	conn := c.idle.Remove(e).(net.Conn)
	delete(c.at, conn)
	// Over TLS, closing may wait for the client.
	go conn.Close()
}

// enter takes a place for a connection; false if done is closed before there
// is one.
func (c *connections) enter(done <-chan struct{}) bool {
	select {
	case c.open <- struct{}{}:
		return true
	default:
	}
	c.mu.Lock()
	c.wanted++
	c.drop()
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.wanted--
		c.mu.Unlock()
	}()
	select {
	case c.open <- struct{}{}:
		return true
	case <-done:
		return false
	}
}

// listen returns l with its connections counted. They are handed on as they
// are: net/http looks at them to see that one speaks TLS.
func (c *connections) listen(l net.Listener) net.Listener {
	return &boundedListener{Listener: l, places: c, done: make(chan struct{})}
}

type boundedListener struct {
	net.Listener
	places *connections
	done   chan struct{} // closed by Close
	once   sync.Once
}

func (l *boundedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if !l.places.enter(l.done) {
		conn.Close()
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (l *boundedListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}
