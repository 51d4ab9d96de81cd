package intake

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tocsin/vault"
)

const (
	// writeTime is how long a client may take to take in a block of a page.
	writeTime = 60 * time.Second
	// drainTime and drainBytes bound what is read and thrown away after a
	// refusal so that the page arrives. Browsers send the whole body before
	// they look at the answer, and a file of some gigabytes over a slow line
	// takes its time; the minimum rate holds all the while.
	drainTime  = time.Hour
	drainBytes = 64 << 30
	// The same for a client that found no place: it holds none, so it gets
	// less.
	turnedAwayTime  = 20 * time.Second
	turnedAwayBytes = 4 << 20
)

// An exchange is one request being answered.
type exchange struct {
	s    *Server
	w    http.ResponseWriter
	r    *http.Request
	rc   *http.ResponseController
	lang *Language
	body *pacedBody // nil for requests that have none

	// again is the page of a refusal that shows what was read of a form so far;
	// it is nil, or returns nil, where there is nothing to show.
	again func(*notice) *bytes.Buffer
	large bool      // it has a place in Server.large
	from  time.Time // when the request had been read; see heard
}

// answer sends a whole page.
//
// When the client is still sending, it is told to
// close the connection, and what it sends is read on and thrown away: a
// server that closes with unread data in the socket makes the kernel reset the
// connection, and the witness never sees the page (SecureDrop #4078).
func (x *exchange) answer(status int, page *bytes.Buffer) {
	x.pageHeader()
	x.send(status, page, 0)
}

// pageHeader says that the answer is a page.
func (x *exchange) pageHeader() {
	x.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	x.w.Header().Set("Content-Language", x.lang.Tag)
}

// send sends an answer whose type is set, and so many ends of lines after it.
func (x *exchange) send(status int, body *bytes.Buffer, fill int) {
	h := x.w.Header()
	h.Set("Content-Length", strconv.Itoa(body.Len()+fill))
	if location := x.onionLocation(); location != "" {
		h.Set("Onion-Location", location)
	}
	unread := x.body != nil && !x.body.ended
	if unread {
		h.Set("Connection", "close")
	}
	if err := x.awaitWriting(); err != nil {
		return
	}
	x.w.WriteHeader(status)
	if x.r.Method == http.MethodHead {
		return
	}
	to := newBlockWriter(x.w, x.awaitWriting)
	if _, err := to.Write(body.Bytes()); err != nil {
		return
	}
	for ends := lineEnds; fill > 0; {
		n, err := to.Write(ends[:min(fill, len(ends))])
		if err != nil {
			return
		}
		fill -= n
	}
	if err := to.flush(); err != nil || !unread {
		return
	}
	if err := x.rc.Flush(); err != nil {
		return
	}
	// What comes now is thrown away: nothing of the text is needed any more.
	x.again = nil
	x.leaveLarge()
	if x.turnedAway() {
		x.body.drain(turnedAwayBytes, turnedAwayTime)
	} else {
		x.body.drain(drainBytes, drainTime)
	}
}

// lineEnds are what pages are filled up with.
var lineEnds = bytes.Repeat([]byte{'\n'}, 1<<10)

// awaitWriting gives the client writeTime to take the next block in: one that
// takes none is left behind. A connection that does not know deadlines, which only
// a test can have, waits for ever.
func (x *exchange) awaitWriting() error {
	err := x.rc.SetWriteDeadline(time.Now().Add(writeTime))
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// onionLocation is where the onion service has the same page, for Tor Browser
// to offer or to go to by itself; "" for those who are there, and for the
// answer to a form, which would be lost on the way.
func (x *exchange) onionLocation() string {
	host, _, _ := strings.Cut(x.r.Host, ":")
	if x.s.onion == "" || strings.EqualFold(host, x.s.onion) || x.r.Method != http.MethodGet && x.r.Method != http.MethodHead {
		return ""
	}
	return "http://" + x.s.onion + x.r.URL.EscapedPath()
}

// turnedAway says whether the client is to be let go soon: it found no place,
// or the server is stopping.
func (x *exchange) turnedAway() bool { return x.body.brief || x.s.stopping.Load() }

// refuse answers with what a refusal says: in the form, filled in with what
// was read before, if anything was; else on a page of its own.
func (x *exchange) refuse(ref *refusal) {
	x.s.tell(ref)
	if ref.status == http.StatusServiceUnavailable {
		x.w.Header().Set("Retry-After", "120")
	}
	notice := &notice{Kind: ref.kind, Args: ref.arg}
	if x.again != nil {
		if page := x.again(notice); page != nil {
			x.answer(ref.status, page)
			return
		}
	}
	x.answer(ref.status, x.s.refusalPage(x.lang, notice))
}

// tell tells the operator of a refusal that is not the request's own fault.
// Errors of vault and seal promise to hold nothing of what a witness wrote.
func (s *Server) tell(ref *refusal) {
	switch {
	case errors.Is(ref.err, vault.ErrFailed):
		select {
		case s.failed <- ref.err:
		default: // said before
		}
	case ref.kind == "internal":
		s.log.Error("a request failed", "error", ref.err)
	case ref.kind == "no-space" && s.full.CompareAndSwap(false, true):
		s.log.Error("the disk is full: no report is taken in", "error", ref.err)
	}
}

// openBody prepares to read the request's body: at the minimum rate, and with
// the answer possible before its end.
func (x *exchange) openBody() {
	// Over HTTP/1.1 net/http otherwise reads up to 256 KiB of the body before
	// it lets an answer out, and then closes on the rest. Without support
	// (which only a test's recorder lacks) the page comes after the body.
	_ = x.rc.EnableFullDuplex()
	x.body = &pacedBody{
		src:    x.r.Body,
		arm:    x.rc.SetReadDeadline,
		now:    x.s.now,
		window: x.s.window,
		rate:   x.s.minRate,
	}
}

// parts opens the body as a multipart form.
func (x *exchange) parts() (*partReader, error) {
	kind, params, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, refuse("not-a-form", nil, nil)
	}
	// RFC 2046, section 5.1.1: one to seventy characters.
	boundary := params["boundary"]
	if len(boundary) < 1 || len(boundary) > 70 {
		return nil, refuse("malformed", nil, nil)
	}
	return newPartReader(x.body, boundary), nil
}
