package intake

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/ledger"
	"tocsin/report"
)

// steps are the lines that a page says about how far a case is.
func steps(t *testing.T, p answer) []string {
	t.Helper()
	_, rest, ok := strings.Cut(p.body, `<ol class="status">`)
	if !ok {
		t.Fatalf("the page does not say how far the case is:\n%s", p.body)
	}
	list, _, _ := strings.Cut(rest, "</ol>")
	var all []string
	for _, m := range regexp.MustCompile(`<li>(.*)</li>`).FindAllStringSubmatch(list, -1) {
		all = append(all, m[1])
	}
	return all
}

// From "received" to "the authority has it", each step is there with its day,
// and none before it was taken.
func TestHowFarACaseIs(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.sent()
	found, _ := w.find(codename)
	var want []string
	look := func(key string) {
		t.Helper()
		history, err := w.vault.History(found.ID)
		must(t, err)
		if key != "" {
			want = append(want, w.says("en", key, history[len(history)-1].Leaf.Day))
		}
		p := w.post("/en/return", entry{name: "codename", value: codename})
		shown := want
		if len(want) == 1 {
			shown = append(want[:1:1], w.says("en", "status.unread", w.roster.Policy.DeadlineHours))
		}
		if got := steps(t, p); !slices.Equal(got, shown) {
			t.Errorf("the page says %q, want %q", got, shown)
		}
		for _, other := range w.server.languages.all {
			n := len(steps(t, w.post("/"+other.Code+"/return", entry{name: "codename", value: codename})))
			if n != len(shown) {
				t.Errorf("%s: %d steps, want %d", other.Code, n, len(shown))
			}
		}
	}
	look("status.received")
	w.event(codename, ledger.EventRead)
	look("status.read")
	w.event(codename, ledger.EventHandedOver)
	look("status.handed")
	w.reply(codename, "We have passed it on.") // says nothing of to whom
	look("")
	w.event(codename, ledger.EventAcknowledged)
	look("status.acknowledged")
	w.wantWhole()
}

// A reply counts as having read the report.
func TestAnAnsweredReportIsNotUnread(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.sent()
	w.reply(codename, "Thank you.")
	if got := steps(t, w.post("/en/return", entry{name: "codename", value: codename})); len(got) != 1 {
		t.Errorf("the page says %q", got)
	}
}

// To whom a case was handed over is said in general terms, in the page's
// language, once, and only if a reply says so.
func TestToWhomACaseWasHandedOver(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.sent()
	w.tell(codename, "", "justice")
	p := w.post("/en/return", entry{name: "codename", value: codename})
	p.wantSaid(t, []string{w.says("en", "replies.none")}, []string{w.says("en", "authority.justice"), "<article"})
	w.event(codename, ledger.EventHandedOver)
	w.tell(codename, "It is with them.", "justice", "police")
	for _, l := range w.server.languages.all {
		to := l.T("authority.police") + " · " + l.T("authority.justice") // in their order, each once
		got := steps(t, w.post("/"+l.Code+"/return", entry{name: "codename", value: codename}))
		if want := " " + w.says(l.Code, "status.handed.to", to); len(got) != 2 || !strings.HasSuffix(got[1], want) {
			t.Errorf("%s: the page says %q, want %q at the end", l.Code, got, want)
		}
	}
	// The roster's own name for it is nobody else's business.
	p = w.post("/en/return", entry{name: "codename", value: codename})
	p.wantSaid(t, []string{"It is with them.", w.says("en", "replies.count", 1)},
		[]string{w.roster.Destinations[0].Title, "alice", found(w, codename)})
}

func found(w *world, codename string) string {
	c, _ := w.find(codename)
	return c.ID.String()
}

// Every code that a reply may name is one that the page can say.
func TestEveryAuthorityIsSaid(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.sent()
	w.event(codename, ledger.EventHandedOver)
	w.tell(codename, "", report.Authorities()...)
	p := w.post("/nl/return", entry{name: "codename", value: codename})
	for _, a := range report.Authorities() {
		p.wantSaid(t, []string{w.says("nl", "authority."+a)}, nil)
	}
}

// No answer to a codename is compressed, whatever the browser would take: its
// length would tell letters of the codename or of an answer.
func TestNothingBehindACodenameIsCompressed(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.sent()
	w.reply(codename, "Which room?")
	w.midnight()
	c := entry{name: "codename", value: codename}
	for path, more := range map[string][]entry{
		"return":       nil,
		"return/again": nil,
		"received":     {{name: "typed", value: codename}},
		"add":          {{name: "once", value: strings.Repeat("ab", 32)}, {name: "text", value: "more"}},
		"proof":        nil,
		"proof/file":   nil,
		"withdraw":     {{name: "sure", value: "yes"}},
		"report/again": {{name: "what.seen", value: "x"}},
		"report":       {{name: "what.seen", value: "x"}},
	} {
		body, contentType := encode(t, append([]entry{c}, more...)...)
		req, err := http.NewRequest("POST", w.url+"/en/"+path, bytes.NewReader(body))
		must(t, err)
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("Accept-Encoding", "gzip, deflate, br, zstd")
		p := w.do(req)
		// The receipt is filled up by way of gzip, with nothing compressed in it.
		stored := path == "proof/file" && strings.Contains(p.body, "c2sp.org/tlog-proof@v1\n")
		if p.status != http.StatusOK || p.header.Get("Content-Encoding") != "" && !stored {
			t.Errorf("%s: status %d, encoding %q", path, p.status, p.header.Get("Content-Encoding"))
		}
		if p.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: the answer may be kept", path)
		}
	}
}
