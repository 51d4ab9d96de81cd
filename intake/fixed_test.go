package intake

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"

	"tocsin/ledger"
)

var fixedPaths = []string{"", "danger", "intervene", "support", "relay", "return"}

// Pages that are the same for everybody are: byte for byte, compressed and
// plain, and there are no words on them.
func TestFixedPages(t *testing.T) {
	w := newWorld(t, setup{config: func(c *Config) { c.Address = "https://tips.example.org" }})
	for _, l := range w.server.languages.all {
		for _, path := range fixedPaths {
			at := "/" + l.Code + "/" + path
			plain, zipped := w.get(at), w.get(at, "Accept-Encoding", "gzip")
			if zipped.header.Get("Content-Encoding") != "gzip" || plain.header.Get("Content-Encoding") != "" {
				t.Fatalf("%s: encodings %q and %q", at, zipped.header.Get("Content-Encoding"), plain.header.Get("Content-Encoding"))
			}
			if unzip(t, zipped.body) != plain.body {
				t.Errorf("%s: compressed it is another page", at)
			}
			for _, p := range []answer{plain, zipped} {
				if got := fmt.Sprint(p.header["Vary"]); got != "[Accept-Language Accept-Encoding]" {
					t.Errorf("%s varies by %s", at, got)
				}
				if p.header.Get("Content-Length") != fmt.Sprint(len(p.body)) || p.header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s: Content-Length %s of %d bytes, Cache-Control %q", at, p.header.Get("Content-Length"), len(p.body), p.header.Get("Cache-Control"))
				}
			}
			if again := w.get(at); again.body != plain.body {
				t.Errorf("%s is another page the second time", at)
			}
			plain.wantSaid(t, nil, []string{`class="words"`, `value="` + "zoom", `name="once"`, `name="codename" value`})
		}
	}
	if got, want := len(w.server.fixedPages.pages), len(fixedPaths)*len(w.server.languages.all); got != want {
		t.Errorf("%d pages are kept, want %d", got, want)
	}
}

// A page is made once, however many ask for it at once, and anew under another
// roster or on another day, when the old ones are let go.
func TestFixedPagesAreMadeOnce(t *testing.T) {
	var f fixedPages
	made := 0
	render := func() (*bytes.Buffer, error) { made++; return bytes.NewBufferString(fmt.Sprint("page ", made)), nil }
	get := func(key fixedKey, want string) {
		t.Helper()
		p, err := f.get(key, render)
		must(t, err)
		if string(p.plain) != want || unzip(t, string(p.zipped)) != want {
			t.Errorf("the page is %q, want %q", p.plain, want)
		}
	}
	l := new(Language)
	key := fixedKey{"home", l, [32]byte{1}, ledger.Day("2026-01-02")}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { _, _ = f.get(key, render) })
	}
	all.Wait()
	get(key, "page 1")
	other := key
	other.name = "relay"
	get(other, "page 2")
	other.lang = new(Language)
	other.lang.Code = "xx"
	get(other, "page 3")
	get(key, "page 1")
	key.roster[0] = 2
	get(key, "page 4")
	if len(f.pages) != 1 {
		t.Errorf("%d pages are kept, of another roster too", len(f.pages))
	}
	key.day = "2026-01-03"
	get(key, "page 5")
	if len(f.pages) != 1 || made != 5 {
		t.Errorf("%d pages are kept, %d were made", len(f.pages), made)
	}
}

// A roster that comes into force shows at once.
func TestFixedPagesFollowTheRoster(t *testing.T) {
	w := newWorld(t, setup{})
	w.get("/en/return")
	w.roster.Number++
	w.roster.Policy.DeadlineHours++
	signed, err := w.roster.Sign(w.org)
	must(t, err)
	must(t, w.vault.UpdateRoster(context.Background(), signed))
	w.get("/en/return")
	for key := range w.server.fixedPages.pages {
		if key.roster != w.vault.Roster().Digest {
			t.Error("the page is still that of the roster before")
		}
	}
}
