package intake

import (
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// Connections that hold all places and send nothing make room for whoever
// comes; who sends at a fair pace does not.
func TestTheSilentMakeRoom(t *testing.T) {
	var passed atomic.Int64
	start := time.Now()
	w := newWorld(t, setup{config: func(c *Config) { c.Bodies, c.MinBytesPerSecond = 2, 1 }, server: func(s *Server) {
		s.now = func() time.Time { return start.Add(time.Duration(passed.Load())) }
	}})
	codename, other := w.newCodename("en"), w.newCodename("en")
	text := field("codename", codename) + field("what.seen", "x")

	silent := w.dial()
	silent.send(head("/en/report", 1000))
	steady := w.dial()
	steady.send(head("/en/report", -1) + chunk(text))
	for !w.waitsForBoth(len(text)) {
		runtime.Gosched()
	}
	// Not before it had its time.
	passed.Store(int64(grace - 1))
	w.post("/en/report", entry{name: "codename", value: other}, entry{name: "what.seen", value: "x"}).want(t, w.server, "en", "busy")
	passed.Store(int64(grace))
	p := w.post("/en/report", entry{name: "codename", value: other}, entry{name: "what.seen", value: "x"})
	if p.status != http.StatusOK {
		t.Errorf("a report got status %d although a place was held by nobody who sends", p.status)
	}
	silent.answer().want(t, w.server, "en", "too-slow")
	steady.send(chunk(last[2:]) + "0\r\n\r\n")
	if p := steady.answer(); p.status != http.StatusOK {
		t.Errorf("one who kept sending got status %d", p.status)
	}
	w.wantReports(2)
}

// waitsForBoth says whether the server waits for two bodies, one of which has sent
// so much.
func (w *world) waitsForBoth(sent int) bool {
	c := &w.server.crowd
	c.mu.Lock()
	defer c.mu.Unlock()
	waits, came := 0, int64(0)
	for b := range c.in {
		b.mu.Lock()
		if !b.reading.IsZero() {
			waits++
		}
		came += b.got
		b.mu.Unlock()
	}
	return waits == 2 && came >= int64(sent)
}

// Who waits for the server is not slow, and a body that came whole is not cut.
func TestOnlyWhoIsWaitedForIsCut(t *testing.T) {
	b, armed := newPaced(scriptedRead{bytes: 10, takes: 6 * time.Second})
	if _, slow := b.slow(); slow || b.cut() {
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
