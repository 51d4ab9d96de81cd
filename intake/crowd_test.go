package intake

import (
	"net/http"
	"testing"
	"time"
)

// Connections that hold all places and send nothing make room for whoever
// comes; who sends at a fair pace does not.
func TestTheSilentMakeRoom(t *testing.T) {
	w := newWorld(t, setup{config: func(c *Config) { c.Bodies, c.MinBytesPerSecond = 2, 1 }, server: func(s *Server) { s.crowd.grace = time.Second }})
	codename, other := w.newCodename("en"), w.newCodename("en")
	text := field("codename", codename) + field("what.seen", "x")

	silent := w.dial()
	silent.send(head("/en/report", 1000))
	steady := w.dial()
	steady.send(head("/en/report", -1) + chunk(text))
	for len(w.server.bodies) < 2 {
		time.Sleep(time.Millisecond)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				steady.send(chunk(field("what.categories", "trafficking")))
			}
		}
	}()
	// Not before it had its time.
	w.post("/en/report", entry{name: "codename", value: other}, entry{name: "what.seen", value: "x"}).want(t, w.server, "en", "busy")
	time.Sleep(2 * w.server.crowd.grace)
	p := w.post("/en/report", entry{name: "codename", value: other}, entry{name: "what.seen", value: "x"})
	if p.status != http.StatusOK {
		t.Errorf("a report got status %d although a place was held by nobody who sends", p.status)
	}
	silent.answer().want(t, w.server, "en", "too-slow")
	close(stop)
	<-stopped
	steady.send(chunk(last[2:]) + "0\r\n\r\n")
	if p := steady.answer(); p.status != http.StatusOK {
		t.Errorf("one who kept sending got status %d", p.status)
	}
	w.wantReports(2)
}

// Who waits for the server is not slow, and a body that came whole is not cut.
func TestOnlyWhoIsWaitedForIsCut(t *testing.T) {
	b, armed := newPaced(scriptedRead{bytes: 10, takes: 6 * time.Second})
	if _, slow := b.slow(grace); slow || b.cut() {
		t.Error("a body that is not being read was cut")
	}
	buf := make([]byte, 10)
	must(t, b.begin(b.now()))
	if !b.cut() {
		t.Error("a body that is waited for was not cut")
	}
	if last := (*armed)[len(*armed)-1]; !last.Before(b.now()) {
		t.Errorf("the deadline is %v, which has not passed", last)
	}
	b.came(0, 0)
	b.ended = true // its end came at the same moment
	if _, err := b.Read(buf); err != nil {
		t.Errorf("a body that had ended was cut: %v", err)
	}
	b.ended = false
	if _, err := b.Read(buf); err != errTooSlow {
		t.Errorf("a body that was cut goes on: %v", err)
	}
}
