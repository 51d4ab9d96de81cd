package intake

import (
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/ledger"
	"tocsin/seal"
	"tocsin/vault"
)

// While places run low, who is slow gives theirs back after a window; while
// they do not, and on a line that is not so slow, nobody is cut.
func TestPlacesThatRunLowHurryTheSlowest(t *testing.T) {
	for _, tc := range []struct {
		taken, rate int
		want        error
	}{
		{6, 300, nil},
		{7, 300, errTooSlow},
		{8, 300, errTooSlow},
		{8, 5000, nil},
	} {
		s := &Server{config: DefaultConfig(), bodies: make(chan struct{}, 8)}
		for range tc.taken {
			s.bodies <- struct{}{}
		}
		x := &exchange{s: s, r: httptest.NewRequest("POST", "/en/report", nil), rc: http.NewResponseController(httptest.NewRecorder())}
		x.openBody()
		b, _ := newPaced(repeat(200, scriptedRead{bytes: tc.rate, takes: time.Second})...)
		b.rate = x.body.rate // as the server's own bodies have it
		n, err := io.Copy(io.Discard, b)
		if !errors.Is(err, tc.want) {
			t.Errorf("%d of 8 places taken, %d B/s: error %v, want %v", tc.taken, tc.rate, err, tc.want)
		}
		if most := int64(tc.rate) * 60; tc.want != nil && n > most {
			t.Errorf("%d of 8 places taken: cut after %d bytes, want at most a window's %d", tc.taken, n, most)
		}
	}
}

// Much text finds a place of its own, or is told to come back; what all but a
// few send needs none.
func TestMuchTextAtOnce(t *testing.T) {
	w := newWorld(t, setup{
		config: func(c *Config) { c.Bodies = 20 },
		server: func(s *Server) { s.patience = time.Millisecond },
	})
	if n := cap(w.server.large); n != 1 {
		t.Fatalf("%d places for much text", n)
	}
	w.server.large <- struct{}{} // somebody else's text
	codename := w.newCodename("en")
	send := func(n int) answer {
		return w.post("/en/report", entry{name: "codename", value: codename}, entry{name: "danger.details", value: "kept"},
			entry{name: "what.seen", value: strings.Repeat("'", n)})
	}
	much := send(smallText)
	much.want(t, w.server, "en", "busy")
	if hiddenCodename(t, much.body) != codename || !strings.Contains(much.body, `value="kept"`) {
		t.Error("what was typed before is lost")
	}
	send(smallText-1000).want(t, w.server, "en", "invalid")
	<-w.server.large
	send(maxText-1000).want(t, w.server, "en", "invalid")
	select {
	case w.server.large <- struct{}{}: // free once the handler is done with its answer
	case <-time.After(10 * time.Second):
		t.Error("the place for much text is still taken")
	}
	w.wantReports(0)
}

// What the configuration says of memory holds: a page that shows a text again
// takes at most five times the text.
func TestPageThatShowsTextAgain(t *testing.T) {
	w := newWorld(t, setup{})
	blank := w.server.formPage(w.server.languages.all[0], new(draft), nil, false).Cap()
	for _, n := range []int{smallText, maxText} {
		for _, c := range []string{"'", "+", "é", "\u2028", "\x00"} {
			d := new(draft)
			must(t, w.server.set(w.server.languages.all[0], d, "what.seen", strings.Repeat(c, n/len(c))))
			if got := w.server.formPage(w.server.languages.all[0], d, nil, false).Cap(); got > 5*n+blank+smallText {
				t.Errorf("%d bytes of %q take %d bytes", n, c, got)
			}
		}
	}
}

// When uploads hold all of the disk that they may, a text still has its own
// part of it.
func TestFilesLeaveRoomForTexts(t *testing.T) {
	const room = 256 << 20
	dir := t.TempDir()
	var st syscall.Statfs_t
	must(t, syscall.Statfs(dir, &st))
	w := newWorld(t, setup{directory: dir, vault: func(o *vault.Options) { o.FreeFloor = int64(st.Bavail)*st.Bsize - room }})
	for size := int64(64 << 20); size > vault.InlineMax; {
		u, err := w.vault.NewUpload(size)
		if err != nil {
			size /= 2
			continue
		}
		t.Cleanup(u.Discard)
	}
	c := w.dial()
	c.send(head("/en/report", 100<<20) + field("codename", w.newCodename("en")) + field("what.seen", "x") + fileHead("a") + "x")
	c.answer().want(t, w.server, "en", "no-space")
	p := w.post("/en/report", entry{name: "codename", value: w.newCodename("en")}, entry{name: "what.seen", value: "a child in room 12"})
	if p.status != http.StatusOK {
		t.Errorf("a text is answered with status %d", p.status)
	}
	w.wantReports(1)
}

// Coming back to a reply that does not open leaves no trace: a line of log
// would tell when one witness came.
func TestReplyThatDoesNotOpenIsNotLogged(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.newCodename("en")
	if p := w.post("/en/report", entry{name: "codename", value: codename}, entry{name: "what.seen", value: "x"}); p.status != http.StatusOK {
		t.Fatalf("status %d", p.status)
	}
	c, err := seal.ParseCodename(codename)
	must(t, err)
	credential, err := c.Derive(w.vault.Roster().Instance())
	must(t, err)
	found, err := w.vault.FindTag(credential.Tag)
	must(t, err)
	garbage := []byte("age-encryption.org/v1\nnot for the witness")
	l := &ledger.Leaf{Event: ledger.EventMessage, Case: found.ID, Kind: ledger.KindReply,
		Done: ledger.DayOf(time.Now()), Size: int64(len(garbage)), Digest: sha256.Sum256(garbage)}
	l.Sign(w.vault.Roster().Instance(), "alice", w.desk)
	u, err := w.vault.NewUpload(int64(len(garbage)))
	must(t, err)
	_, err = u.Write(garbage)
	must(t, err)
	_, err = w.vault.AddMessage(t.Context(), l, u)
	must(t, err)
	for range 2 {
		p := w.post("/en/return", entry{name: "codename", value: codename})
		if p.status != http.StatusOK || !strings.Contains(p.body, escaped(w.server.languages.ByCode("en").T("replies.unreadable"))) {
			t.Errorf("status %d, and the page does not say that a reply does not open", p.status)
		}
	}
	if log := w.log.String(); log != "" {
		t.Errorf("logged: %s", log)
	}
}
