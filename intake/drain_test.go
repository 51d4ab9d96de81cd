package intake

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"tocsin/vault"
)

// An upload in progress may end while the server drains; after that nothing
// comes in.
func TestDrainLetsUploadsEnd(t *testing.T) {
	w := newWorld(t, setup{config: func(c *Config) { c.DrainSeconds = 60 }})
	codename := w.newCodename("en")
	c := w.dial()
	c.send(head("/en/report", -1))
	c.send(chunk(field("codename", codename) + field("what.seen", "x") + fileHead("a") + strings.Repeat("x", 8<<20)))
	drained := make(chan error, 1)
	go func() { drained <- w.server.Drain(context.Background()) }()
	// Draining has begun when nobody answers any more.
	for {
		conn, err := net.Dial("tcp", w.addr)
		if err != nil {
			break
		}
		conn.Close()
	}
	c.send(chunk(last) + "0\r\n\r\n")
	if p := c.answer(); p.status != http.StatusOK {
		t.Errorf("the upload in progress got status %d", p.status)
	}
	must(t, <-drained)
	w.wantReports(1)
	if conn, err := http.Get(w.url + "/en/"); err == nil {
		conn.Body.Close()
		t.Error("a connection was taken after Drain")
	}
}

// A report that begins on a connection that is still open gets a page.
func TestStoppingServerSaysSo(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.newCodename("nl")
	w.server.stopping.Store(true)
	p := w.post("/nl/report", entry{name: "codename", value: codename}, entry{name: "what.seen", value: "x"})
	p.want(t, w.server, "nl", "stopping")
	if p.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	w.wantReports(0)
}

// What does not end in time is cut and leaves nothing, and Drain returns only
// when the vault is no longer used.
func TestDrainCuts(t *testing.T) {
	w := newWorld(t, setup{})
	c := w.dial()
	c.send(head("/en/report", -1))
	c.send(chunk(field("codename", w.newCodename("en")) + field("what.seen", "x") + fileHead("a") + strings.Repeat("x", 8<<20)))
	must(t, w.server.Drain(context.Background()))
	if n := len(w.server.streams); n != 0 {
		t.Errorf("%d uploads go on", n)
	}
	w.wantReports(0)
	wantNoBlobs(t, w)
}

// A store that can't go on is reported to whoever runs the server.
func TestFailedStoreIsReported(t *testing.T) {
	w := newWorld(t, setup{})
	w.server.tell(refuse("internal", nil, vault.ErrFailed))
	w.server.tell(refuse("internal", nil, vault.ErrFailed))
	if err := <-w.server.Failed(); err != vault.ErrFailed {
		t.Errorf("got %v", err)
	}
}
