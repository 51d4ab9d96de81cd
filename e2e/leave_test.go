package e2e

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/chromedp"
)

// TestLeaveNow holds that the way out is a plain link, in the window wherever
// the page is scrolled to, and that following it tells the site on the other
// side nothing of where the reader was. That site is played here: no request
// gets out.
func TestLeaveNow(t *testing.T) {
	s := startIntake(t, setUp(t), t.TempDir())
	b := newBrowser(t)
	out := playWikipedia(b)
	for _, lang := range []string{"fr", "ur"} {
		for _, path := range []string{"", "report", "relay"} {
			t.Run(lang+"/"+path, func(t *testing.T) {
				b.t = t
				b.leave(chromedp.Navigate(s.web + "/" + lang + "/" + path))
				for _, size := range [][2]int64{{phoneWidth, phoneHeight}, {320, 480}, {1280, 800}} {
					b.size(size[0], size[1], 1)
					b.inReach()
				}
				if !b.has(`a.leave[href="https://` + lang + `.wikipedia.org/"]:not([target], [download], [ping])`) {
					t.Error("the way out is not a plain link to Wikipedia")
				}
				b.click(`a.leave`)
				if text := b.text(`body`); text != harmless {
					t.Errorf("the window shows %q", text)
				}
				request := out.asked("https://" + lang + ".wikipedia.org/")
				if request == nil {
					t.Fatal("nobody asked Wikipedia")
				}
				for name := range request {
					if strings.EqualFold(name, "Referer") || strings.EqualFold(name, "Origin") {
						t.Errorf("Wikipedia is told %s: %v", name, request[name])
					}
				}
			})
		}
	}
}

// inReach expects the way out in the window, with nothing over it, at the top of
// the page, at its end and between.
func (b *browser) inReach() {
	b.t.Helper()
	missing := get(b, chromedp.Evaluate[[]string](`[0, 0.25, 0.5, 0.75, 1].flatMap(part => {
		scrollTo(0, part * document.documentElement.scrollHeight);
		const way = document.querySelector(".leave"), r = way.getBoundingClientRect();
		const inside = r.left >= 0 && r.top >= 0 && r.right <= innerWidth && r.bottom <= innerHeight;
		const seen = document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2) === way;
		return inside && seen && r.height >= 24 ? [] : ["at " + part + ": " + JSON.stringify(r)];
	})`))
	for _, m := range missing {
		b.t.Errorf("the way out is not in the window %s", m)
	}
}

const harmless = "A harmless page."

// A wikipedia answers in Wikipedia's place.
type wikipedia struct {
	mu       sync.Mutex
	requests map[string]map[string]any // headers by URL, guarded by mu
}

// asked returns the headers of the request for a URL, once.
func (w *wikipedia) asked(url string) map[string]any {
	w.mu.Lock()
	defer w.mu.Unlock()
	header := w.requests[url]
	delete(w.requests, url)
	return header
}

// playWikipedia stops every request of the browser that is https and answers it.
func playWikipedia(b *browser) *wikipedia {
	b.t.Helper()
	w := &wikipedia{requests: make(map[string]map[string]any)}
	err := chromedp.Listen(b.ctx, func(event any) {
		e, ok := event.(*fetch.EventRequestPaused)
		if !ok {
			return
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.requests[e.Request.URL] = e.Request.Headers
		go func(ctx context.Context) { // a listener may not wait for the browser
			_, err := chromedp.Call(ctx, fetch.FulfillRequest, fetch.FulfillRequestParams{
				RequestID: e.RequestID, ResponseCode: http.StatusOK, Body: []byte("<!doctype html>" + harmless),
				ResponseHeaders: []*fetch.HeaderEntry{{Name: "Content-Type", Value: "text/html"}},
			})
			if err != nil {
				b.t.Errorf("answering in Wikipedia's place: %v", err)
			}
		}(b.ctx)
	})
	if err == nil {
		_, err = chromedp.Call(b.ctx, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: "https://*"}}})
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return w
}
