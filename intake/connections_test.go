package intake

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
)

// More connections than there is room for wait, and all are answered.
func TestConnectionsAtOnce(t *testing.T) {
	const clients, most = 40, 4
	entered, gate := make(chan struct{}, clients), make(chan struct{})
	var mu sync.Mutex
	now, peak := 0, 0 // connections that net/http knows, guarded by mu
	w := newWorld(t, setup{
		config: func(c *Config) { c.Bodies = most / 4 },
		server: func(s *Server) {
			s.http.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Connection", "close")
				entered <- struct{}{}
				<-gate
			})
			s.http.ConnState = func(c net.Conn, state http.ConnState) {
				mu.Lock()
				switch state {
				case http.StateNew:
					now++
					peak = max(peak, now)
				case http.StateClosed:
					now--
				}
				mu.Unlock()
				s.connections.changed(c, state)
			}
		},
	})
	var wg sync.WaitGroup
	for range clients {
		c := w.dial()
		c.send("GET / HTTP/1.1\r\nHost: intake\r\n\r\n")
		wg.Go(func() {
			if p, err := io.ReadAll(c); err != nil || len(p) == 0 {
				t.Errorf("%d bytes of an answer, error %v", len(p), err)
			}
		})
	}
	for range most {
		<-entered
	}
	for range clients - most {
		gate <- struct{}{}
		<-entered
	}
	close(gate)
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	if peak > most {
		t.Errorf("%d connections at once, want at most %d", peak, most)
	}
}

// A connection that is idle makes room for one that is not, the one that is
// idle for longest first.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	idled := make(chan struct{}, 100)
	w := newWorld(t, setup{
		config: func(c *Config) { c.Bodies, c.IdleSeconds = 1, 3600 },
		server: func(s *Server) {
			s.http.ConnState = func(c net.Conn, state http.ConnState) {
				s.connections.changed(c, state)
				if state == http.StateIdle {
					idled <- struct{}{}
				}
			}
		},
	})
	const ask = "GET /en/ HTTP/1.1\r\nHost: intake\r\n\r\n"
	var idle []wire
	for range 4 {
		c := w.dial()
		c.send(ask)
		if p := c.answer(); p.status != http.StatusOK {
			t.Fatalf("status %d", p.status)
		}
		<-idled // which comes after the answer
		idle = append(idle, c)
	}
	for i := range 2 {
		c := w.dial()
		c.send(ask)
		if p := c.answer(); p.status != http.StatusOK {
			t.Fatalf("with only idle connections open: status %d", p.status)
		}
		<-idled
		if _, err := idle[i].Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("idle connection %d: %v, want it closed", i, err)
		}
	}
	idle[3].send(ask)
	if p := idle[3].answer(); p.status != http.StatusOK {
		t.Errorf("the one last used was closed: status %d", p.status)
	}
}

// Whoever waits for room lets go when the listener closes.
func TestClosedListenerLetsGo(t *testing.T) {
	c := newConnections(1)
	c.open <- struct{}{}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l := c.listen(inner)
	client, err := net.Dial("tcp", inner.Addr().String())
	must(t, err)
	defer client.Close()
	accepted := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		accepted <- err
	}()
	must(t, l.Close())
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
