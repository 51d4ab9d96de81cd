package intake

import (
	"bytes"
	"html"
	"net/http"
	"strings"
	"testing"

	"tocsin/ledger"
)

// shown takes the proof out of its page.
func shown(t *testing.T, p answer) string {
	t.Helper()
	_, rest, _ := strings.Cut(p.body, `<pre class="proof"`)
	_, rest, _ = strings.Cut(rest, ">")
	proof, _, ok := strings.Cut(rest, "</pre>")
	if !ok {
		t.Fatalf("the page shows no proof:\n%s", p.body)
	}
	return html.UnescapeString(proof)
}

// wantProof verifies a proof with nothing but the ledger's key, as its witness
// could, and checks that it is of that case's report.
func (w *world) wantProof(proof, codename string) {
	w.t.Helper()
	found, _ := w.find(codename)
	p, err := ledger.ParseProof([]byte(proof))
	must(w.t, err)
	leaf, head, err := p.Verify(w.roster.Intake.Ledger)
	must(w.t, err)
	if leaf.Case != found.ID || leaf.Event != ledger.EventMessage || leaf.Kind != ledger.KindReport {
		w.t.Errorf("the proof is of %s %s in case %v, not of the report of %v", leaf.Event, leaf.Kind, leaf.Case, found.ID)
	}
	if int(head.Size) != w.leaves() {
		w.t.Errorf("the proof is in a tree of %d leaves, the ledger has %d", head.Size, w.leaves())
	}
	sealed, err := w.vault.OpenMessage(p.Index)
	must(w.t, err)
	defer sealed.Close()
	if sealed.Size() != leaf.Size {
		w.t.Errorf("the leaf is of %d bytes, the report has %d", leaf.Size, sealed.Size())
	}
	for _, secret := range append(strings.Fields(codename), "room 12") {
		if len(secret) > 4 && strings.Contains(proof, secret) {
			w.t.Errorf("the proof holds %q", secret)
		}
	}
}

// The page and the file hold the same proof, which the ledger's key alone
// verifies, also after the case has grown.
func TestProof(t *testing.T) {
	w := newWorld(t, setup{})
	w.sent()
	codename := w.newCodename("en")
	w.post("/en/report", entry{name: "codename", value: codename}, entry{name: "what.seen", value: "room 12"})
	w.sent()
	c := entry{name: "codename", value: codename}
	look := func() {
		t.Helper()
		w.midnight()
		page := w.post("/en/proof", c)
		file := w.post("/en/proof/file", c)
		w.wantProof(shown(t, page), codename)
		w.wantProof(file.body, codename)
		if shown(t, page) != file.body {
			t.Error("the file is another proof than the page's")
		}
	}
	look()
	w.event(codename, ledger.EventRead)
	w.reply(codename, "Which floor?")
	w.post("/en/add", w.addForm(codename, "The third.")...)
	look()
	for _, l := range w.server.languages.all {
		p := w.post("/"+l.Code+"/proof", c)
		w.wantProof(shown(t, p), codename)
		p.wantSaid(t, []string{w.says(l.Code, "proof.careful"), `action="/` + l.Code + `/proof/file"`, `formaction="/` + l.Code + `/return"`}, nil)
	}
}

// Until midnight there is no proof, and nothing on the page or in the file's
// place tells that anybody else sends a report. Nor does the proof afterwards.
func TestProofIsMadeAtMidnight(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.sent()
	c := entry{name: "codename", value: codename}
	for _, l := range w.server.languages.all {
		for _, path := range []string{"/proof", "/proof/file"} {
			before := w.post("/"+l.Code+path, c)
			before.wantSaid(t, []string{w.says(l.Code, "proof.later"), `formaction="/` + l.Code + `/return"`},
				[]string{w.says(l.Code, "proof.careful"), w.says(l.Code, "proof.save"), "c2sp.org/tlog-proof"})
			if before.status != http.StatusOK || before.header.Get("Content-Disposition") != "" || len(before.body) != leastPage {
				t.Errorf("%s%s: status %d, %q, %d bytes", l.Code, path, before.status, before.header.Get("Content-Disposition"), len(before.body))
			}
			if l.Code == "en" {
				w.sent()
				if after := w.post("/"+l.Code+path, c); after.body != before.body {
					t.Errorf("%s: another page since somebody else sent a report", path)
				}
			}
		}
	}
	w.midnight()
	before := w.post("/en/proof/file", c).body
	w.wantProof(before, codename)
	other := w.sent()
	if w.post("/en/proof/file", c).body != before {
		t.Error("another proof since somebody else sent a report")
	}
	w.post("/en/proof", entry{name: "codename", value: other}).wantSaid(t, []string{w.says("en", "proof.later")}, nil)
}

// What a browser writes into its list of downloads says nothing, whatever the
// language, and the file is for no viewer to run.
func TestProofFileSaysNothing(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.sent()
	w.midnight()
	for _, l := range w.server.languages.all {
		p := w.post("/"+l.Code+"/proof/file", entry{name: "codename", value: strings.ToUpper(codename)})
		if got := p.header.Get("Content-Disposition"); got != `attachment; filename="receipt.txt"` {
			t.Errorf("%s: Content-Disposition %q", l.Code, got)
		}
		if got := p.header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
			t.Errorf("%s: Content-Type %q", l.Code, got)
		}
		for _, kv := range securityHeaders {
			if got := p.header.Get(kv[0]); got != kv[1] {
				t.Errorf("%s: %s is %q", l.Code, kv[0], got)
			}
		}
	}
}

// Without a case there is no proof but the page that asks for the words, in the
// file's place too.
func TestProofOfNothing(t *testing.T) {
	w := newWorld(t, setup{})
	never := w.newCodename("en")
	for _, path := range []string{"/en/proof", "/en/proof/file"} {
		p := w.post(path, entry{name: "codename", value: never})
		p.wantSaid(t, []string{w.says("en", "return.problem.unknown"), never}, nil)
		if p.status != http.StatusOK || p.header.Get("Content-Disposition") != "" || len(p.body) != leastPage {
			t.Errorf("%s: status %d, %q, %d bytes", path, p.status, p.header.Get("Content-Disposition"), len(p.body))
		}
		p = w.post(path, entry{name: "codename", value: "zoom zoom"})
		p.wantSaid(t, []string{w.says("en", "return.problem.count", 2)}, nil)
		w.post(path).want(t, w.server, "en", "other-form")
		w.post(path, entry{name: "codename", value: never}, entry{name: "sure", value: "yes"}).want(t, w.server, "en", "other-form")
	}
}

// That there was a report can be proved when it is gone.
func TestProofOfAWithdrawnCase(t *testing.T) {
	w := newWorld(t, setup{policy: mayWithdraw})
	codename := w.sent()
	w.midnight()
	before := w.post("/en/proof/file", entry{name: "codename", value: codename}).body
	w.destroy("en", codename)
	w.midnight()
	after := w.post("/en/proof/file", entry{name: "codename", value: codename}).body
	w.wantProof(after, codename)
	w.wantProof(shown(t, w.post("/en/proof", entry{name: "codename", value: codename})), codename)
	one, err := ledger.ParseProof([]byte(before))
	must(t, err)
	other, err := ledger.ParseProof([]byte(after))
	must(t, err)
	if one.Index != other.Index || !bytes.Equal(one.Leaf, other.Leaf) {
		t.Error("the proof is of another leaf since")
	}
}
