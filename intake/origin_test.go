package intake

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// elsewhere makes Chromium find these names on this machine. Unlike localhost
// they are no trustworthy origins to it over plain HTTP, as the address of a
// machine on a network, and to most browsers an onion address, is none: it
// sends no Sec-Fetch-Site there.
var elsewhere = chromedp.Flag("host-resolver-rules", "MAP * 127.0.0.1")

const onionName = "tocsintocsintocsintocsintocsintocsintocsintocsintocsint2d.onion"

// In a real browser, without scripts and over plain HTTP, the way of a witness
// ends where it should on any host, and another site's form is refused.
func TestBrowserOverPlainHTTP(t *testing.T) {
	for i, host := range []string{"tips.example", onionName} {
		t.Run(host, func(t *testing.T) {
			w := newWorld(t, setup{server: func(s *Server) {
				h := s.http.Handler
				s.http.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Sec-Fetch-Site") != "" {
						t.Error("Chromium takes the address for a trustworthy one: the test shows nothing")
					}
					h.ServeHTTP(rw, r)
				})
			}})
			_, port, err := net.SplitHostPort(w.addr)
			must(t, err)
			site := "http://" + net.JoinHostPort(host, port)
			b := newBrowser(t, 390, 844, elsewhere)
			b.leave(chromedp.Navigate(site + "/en/report"))
			codename, err := chromedp.Run(b.ctx, chromedp.AttributeValue(chromedp.CSS(`input[name=codename]`), "value"))
			must(t, err)
			b.do(chromedp.SendKeys(chromedp.CSS(`#where-country`), "Atlantis"))
			b.leave(chromedp.Click(chromedp.CSS(`button[type=submit]`)))
			b.see(fmt.Sprintf("plain-%d-invalid", i), "Please choose from the list")
			b.do(chromedp.Clear(chromedp.CSS(`#where-country`)),
				chromedp.SendKeys(chromedp.CSS(`#what-seen`), "a man with a child in room 12"))
			b.leave(chromedp.Click(chromedp.CSS(`button[type=submit]`)))
			b.see(fmt.Sprintf("plain-%d-received", i), "Your report has been received")
			w.wantReports(1)
			b.leave(chromedp.Navigate(site + "/en/return"))
			b.do(chromedp.SendKeys(chromedp.CSS(`#codename`), codename.Value))
			b.leave(chromedp.Click(chromedp.CSS(`button[type=submit]`)))
			b.see(fmt.Sprintf("plain-%d-replies", i), "There is no answer yet")

			// Whatever referrer policy the other site chooses.
			for _, policy := range []string{"", "no-referrer", "same-origin", "unsafe-url"} {
				other := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					rw.Header().Set("Content-Type", "text/html")
					fmt.Fprintf(rw, `<meta name="referrer" content="%s"><form method="post" action="%s/en/report" enctype="multipart/form-data">
						<input name="codename" value="%s"><input name="what.seen" value="not by the witness"><button type="submit">x</button></form>`,
						policy, site, w.newCodename("en"))
				}))
				_, port, err := net.SplitHostPort(strings.TrimPrefix(other.URL, "http://"))
				must(t, err)
				b.leave(chromedp.Navigate("http://evil.example:" + port + "/"))
				b.leave(chromedp.Click(chromedp.CSS(`button[type=submit]`)))
				b.see(fmt.Sprintf("plain-%d-refused", i), escaped(w.server.languages.ByCode("en").T("refusal.cross-origin.heading")))
				b.do(chromedp.Navigate("about:blank")) // lets go of the other site
				other.Close()
			}
			w.wantReports(1)
		})
	}
}

// Only pages with a form let the browser say where it comes from, and to us
// only; the header, which holds for all else, says nothing at all.
func TestReferrer(t *testing.T) {
	w := newWorld(t, setup{})
	const meta = `<meta name="referrer" content="same-origin">`
	for path, want := range map[string]bool{"/en/": false, "/en/report": true, "/nl/return": true, "/en/nothing": false} {
		p := w.get(path)
		if got := strings.Contains(p.body, meta); got != want {
			t.Errorf("%s: same-origin is asked for: %v, want %v", path, got, want)
		}
		if got := strings.Contains(p.body, "<form "); got != want {
			t.Errorf("%s: there is a form: %v, want %v", path, got, want)
		}
		if got := p.header.Get("Referrer-Policy"); got != "no-referrer" {
			t.Errorf("%s: Referrer-Policy is %q", path, got)
		}
	}
}
