package intake

import (
	"strings"
	"testing"
)

const unseenField = `<div class="trap" aria-hidden="true"><label for="website">`

// The field that people do not see: filled in, the form comes back with all that
// was typed and the field shown; emptied, it is taken.
func TestTrap(t *testing.T) {
	w := newWorld(t, setup{})
	for _, path := range []string{"report", "testify"} {
		for _, l := range w.server.languages.all {
			at := "/" + l.Code + "/" + path
			form := w.get(at)
			form.wantSaid(t, []string{unseenField, ` name="website" tabindex="-1">`}, nil)
			codename := hiddenCodename(t, form.body)
			entries := []entry{
				{name: "codename", value: codename}, {name: "website", value: "http://x/<b>"},
				{name: "what.seen", value: "<what was typed>"}, {name: "consent", value: "direct"},
			}
			p := w.post(at, entries...)
			p.want(t, w.server, l.Code, "trap")
			p.wantSaid(t, []string{
				"\n" + escaped("<what was typed>") + "</textarea>", `value="direct" checked`,
				`<input id="website" name="website" value="http://x/&lt;b&gt;"`, w.says(l.Code, "form.trap"),
			}, []string{unseenField, `class="trap"`})
			if hiddenCodename(t, p.body) != codename || !strings.Contains(p.body, `action="`+at+`"`) {
				t.Error("the form came back under another codename, or as another")
			}
			// Changing the language keeps it shown.
			p = w.post("/en/"+path+"/again", entries...)
			p.wantSaid(t, []string{`name="website" value="http://x/&lt;b&gt;"`}, []string{unseenField})
			entries[1].value = ""
			if p = w.post(at, entries...); p.status != 200 {
				t.Errorf("%s: emptied, it got status %d", at, p.status)
			}
		}
	}
	w.wantReports(2 * len(w.server.languages.all))
}

// A trap is told before a file is let in, and together with nothing else.
func TestTrapWithFiles(t *testing.T) {
	w := newWorld(t, setup{})
	p := w.post("/en/report", entry{name: "codename", value: w.newCodename("en")}, entry{name: "website", value: "x"},
		entry{name: "what.seen", value: "typed"}, entry{name: "files", file: "a", value: strings.Repeat("x", 1<<20)})
	p.want(t, w.server, "en", "trap")
	p.wantSaid(t, []string{"\ntyped</textarea>", w.says("en", "form.again.files")}, nil)
	w.wantReports(0)
	wantNoBlobs(t, w)
}
