package intake

import (
	"net/http"
	"strings"
	"testing"
)

// hidden takes the value of a hidden field out of a page.
func hidden(t testing.TB, html, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(html, `<input type="hidden" name="`+name+`" value="`)
	if !ok {
		t.Fatalf("the page holds no field %s:\n%s", name, html)
	}
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// kept sends a report and comes back to it: its codename, and the number of the
// form for an addition.
func (w *world) kept() (codename, once string) {
	w.t.Helper()
	codename = w.newCodename("en")
	if p := w.post("/en/report", entry{name: "codename", value: codename}, entry{name: "what.seen", value: "x"}); p.status != http.StatusOK {
		w.t.Fatalf("the report got status %d", p.status)
	}
	p := w.post("/en/return", entry{name: "codename", value: codename})
	return codename, hidden(w.t, p.body, "once")
}

// An addition that is refused comes back as it was typed, under the same
// codename and number.
func TestARefusedAdditionIsNotLost(t *testing.T) {
	w := newWorld(t, setup{policy: small})
	codename, once := w.kept()
	for _, l := range w.server.languages.all {
		p := w.post("/"+l.Code+"/add", entry{name: "codename", value: codename}, entry{name: "once", value: once},
			entry{name: "text", value: "<typed & kept>"}, entry{name: "files", file: "a", value: strings.Repeat("x", 100_001)})
		p.want(t, w.server, l.Code, "file-too-large")
		if hiddenCodename(t, p.body) != codename || hidden(t, p.body, "once") != once {
			t.Errorf("%s: the form came back under another codename or number", l.Code)
		}
		if !strings.Contains(p.body, "&lt;typed &amp; kept&gt;</textarea>") {
			t.Errorf("%s: what was typed is lost:\n%s", l.Code, p.body)
		}
	}
	if log := w.log.String(); log != "" {
		t.Errorf("the log says: %s", log)
	}
}

// The same form sent twice is one addition; what was changed in between is
// another, and not lost behind a page that says "received".
func TestAChangedAdditionIsKept(t *testing.T) {
	w := newWorld(t, setup{})
	codename, once := w.kept()
	before := w.leaves()
	send := func(text string, files ...string) {
		t.Helper()
		form := []entry{{name: "codename", value: codename}, {name: "once", value: once}, {name: "text", value: text}}
		for _, content := range files {
			form = append(form, entry{name: "files", file: "a", value: content})
		}
		if p := w.post("/en/add", form...); !strings.Contains(p.body, escaped(w.server.languages.ByCode("en").T("add.received"))) {
			t.Errorf("the page does not say that it was received:\n%s", p.body)
		}
	}
	for range 2 {
		send("first")
		send("first", "a file")
		send("first", "a file", "another")
		send("changed since")
	}
	if got := w.leaves() - before; got != 4 {
		t.Errorf("%d additions are kept, want 4", got)
	}
}
