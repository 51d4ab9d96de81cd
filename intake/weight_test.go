package intake

import (
	"io"
	"slices"
	"strings"
	"testing"
)

// loads are what a browser fetches by itself for a page.
func (d document) loads() []string {
	var all []string
	for _, n := range d.all("link", "script", "img", "iframe", "object", "embed", "source", "video", "audio", "track", "image", "use", "input", "body") {
		for _, key := range []string{"href", "src", "srcset", "data", "poster", "background", "xlink:href"} {
			v := attribute(n, key)
			if v != "" && !strings.HasPrefix(v, "data:") && !strings.HasPrefix(v, "#") {
				all = append(all, v)
			}
		}
	}
	for _, n := range d.all("style", "script", "base", "template") {
		all = append(all, "<"+n.Data+">")
	}
	for _, n := range d.all("meta") {
		if strings.EqualFold(attribute(n, "http-equiv"), "refresh") {
			all = append(all, attribute(n, "content"))
		}
	}
	return all
}

// transfer returns what the server sends for a path, byte for byte.
func (w *world) transfer(path string) int {
	w.t.Helper()
	c := w.dial()
	c.send("GET " + path + " HTTP/1.1\r\nHost: tips.example.org\r\nAccept-Encoding: gzip, deflate, br\r\nConnection: close\r\n\r\n")
	b, err := io.ReadAll(c)
	must(w.t, err)
	if !strings.HasPrefix(string(b), "HTTP/1.1 200 ") {
		w.t.Fatalf("%s: %.40q", path, b)
	}
	return len(b)
}

// The form and what it loads, heads and bodies as they are sent, fit in 14 KiB:
// the first flight of a TCP connection, for which a bad line is waited for once.
// That is so in every language, in both variants, and for who is told of the
// onion service too.
func TestWeightOnTheWire(t *testing.T) {
	w := newWorld(t, setup{server: func(s *Server) { s.Announce(onionAddress) }})
	style := w.transfer(w.server.style.path)
	largest, where := 0, ""
	for _, l := range w.server.languages.all {
		for _, path := range []string{"/" + l.Code + "/report", "/" + l.Code + "/testify"} {
			if got := w.get(path).document(t).loads(); !slices.Equal(got, []string{w.server.style.path}) {
				t.Errorf("%s loads %q beside itself, want the stylesheet only", path, got)
			}
			n := w.transfer(path) + style
			if n > largest {
				largest, where = n, path
			}
			if n > 14<<10 {
				t.Errorf("%s weighs %d bytes, more than %d", path, n, 14<<10)
			}
		}
	}
	t.Logf("the heaviest is %s: %d bytes, of which the stylesheet is %d", where, largest, style)
	if strings.Contains(string(w.server.style.plain), "url(") || strings.Contains(string(w.server.style.plain), "@import") {
		t.Error("the stylesheet loads something")
	}
}

// No page loads anything but the stylesheet.
func TestPagesLoadTheStylesheetOnly(t *testing.T) {
	w, codename, gone := newEveryWorld(t)
	for name, list := range w.everyPage(w.server.languages.all[0], codename, gone) {
		for _, p := range list {
			if got := p.document(t).loads(); !slices.Equal(got, []string{w.server.style.path}) {
				t.Errorf("%s loads %q", name, got)
			}
		}
	}
}
