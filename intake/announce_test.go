package intake

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

const onionAddress = "vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd.onion"

// Whoever comes in another way is told of the onion service, on every page but
// the answer to a form; who is there already is not.
func TestPagesNameTheOnionService(t *testing.T) {
	w := newWorld(t, setup{server: func(s *Server) { s.Announce(onionAddress) }})
	for path, want := range map[string]string{
		"/": "/", "/fr/": "/fr/", "/en/report": "/en/report", "/nl/return": "/nl/return", "/en/relay": "/en/relay",
		"/not%20there": "/not%20there",
	} {
		if got := w.get(path).header.Get("Onion-Location"); got != "http://"+onionAddress+want {
			t.Errorf("%s: Onion-Location is %q", path, got)
		}
	}
	received := w.post("/en/report", entry{name: "codename", value: w.newCodename("en")}, entry{name: "what.seen", value: "x"})
	if got := received.header.Get("Onion-Location"); received.status != 200 || got != "" {
		t.Errorf("received: status %d, Onion-Location %q", received.status, got)
	}
	for _, host := range []string{onionAddress, strings.ToUpper(onionAddress), onionAddress + ":80"} {
		if p := w.getAs(host, "/en/", nil); p.header.Get("Onion-Location") != "" {
			t.Errorf("at %s: %q", host, p.header.Get("Onion-Location"))
		}
	}
	for _, language := range []string{"en", "fr", "nl"} {
		if page := w.get("/" + language + "/relay"); !strings.Contains(page.body, ">"+onionAddress+"<") {
			t.Errorf("%s: the address is not on the page", language)
		}
	}
}

func TestWithoutAnOnionServiceNoneIsNamed(t *testing.T) {
	w := newWorld(t, setup{})
	for _, path := range []string{"/", "/en/relay"} {
		p := w.get(path)
		if p.status != 200 || p.header.Get("Onion-Location") != "" || strings.Contains(p.body, "onion") {
			t.Errorf("%s: status %d, Onion-Location %q\n%s", path, p.status, p.header.Get("Onion-Location"), p.body)
		}
	}
}

// What a proxy says of who connected changes nothing and is kept nowhere.
func TestForwardedHeadersAreIgnored(t *testing.T) {
	w := newWorld(t, setup{})
	plain := w.getAs(w.addr, "/en/", nil)
	forwarded := w.getAs(w.addr, "/en/", map[string]string{
		"X-Forwarded-For": "203.0.113.77", "X-Real-IP": "203.0.113.77", "Forwarded": "for=203.0.113.77;host=evil.example;proto=https",
		"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https",
	})
	if plain.body != forwarded.body || plain.status != forwarded.status || fmt.Sprint(withoutDate(plain.header)) != fmt.Sprint(withoutDate(forwarded.header)) {
		t.Errorf("another answer: %v\n%s", forwarded.header, forwarded.body)
	}
	if strings.Contains(w.log.String(), "203.0.113.77") {
		t.Errorf("the log: %s", w.log)
	}
}

func withoutDate(h http.Header) http.Header {
	h = h.Clone()
	h.Del("Date")
	return h
}

// getAs asks for a path under a host name of its own.
func (w *world) getAs(host, path string, headers map[string]string) answer {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodGet, w.url+path, nil)
	must(w.t, err)
	req.Host = host
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	must(w.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(w.t, err)
	return answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
}

// The watchdog's question is answered while the server can make pages.
func TestAlive(t *testing.T) {
	w := newWorld(t, setup{})
	must(t, w.server.Alive(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// A question that nobody waits for any more has no good answer to give,
	// unless the page was made before that was seen.
	if err := w.server.Alive(ctx); err != nil && err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}

// A server behind a socket of the file system answers like one at a port, as
// an onion service needs.
func TestServesOnAUnixSocket(t *testing.T) {
	w := newWorld(t, setup{})
	name := t.TempDir() + "/web.sock"
	l, err := net.Listen("unix", name)
	must(t, err)
	go func() {
		if err := w.server.Serve(l); err != nil {
			t.Errorf("serving on the socket: %v", err)
		}
	}()
	c, err := net.Dial("unix", name)
	must(t, err)
	defer c.Close()
	must(t, c.SetDeadline(time.Now().Add(time.Minute)))
	_, err = fmt.Fprintf(c, "GET /en/ HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", onionAddress)
	must(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("status %s", resp.Status)
	}
}
