package intake

import (
	"slices"
	"strings"
	"testing"

	"tocsin/report"
)

// urgent sends what the page for a child in danger leads to the form with.
func (w *world) urgent(lang, country string) answer {
	w.t.Helper()
	page := w.post("/"+lang+"/danger", entry{name: "country", value: country})
	d := page.document(w.t)
	for _, f := range d.all("form") {
		if attribute(f, "action") == "/"+lang+"/report/again" {
			if attribute(f, "method") != "post" {
				w.t.Errorf("the country would stand in an address: method %q", attribute(f, "method"))
			}
			return w.post("/"+lang+"/report/again", d.entries(f)...)
		}
	}
	w.t.Fatalf("the page does not lead to the form:\n%s", page.body)
	return answer{}
}

// From the numbers to the form, in every language: the country and the danger
// are filled in, under words of its own; sent, they are in the sealed report, and
// the page that says received shows the numbers of that country again.
func TestDangerLeadsToTheForm(t *testing.T) {
	w := newWorld(t, setup{})
	seen := make(map[string]bool)
	for _, l := range w.server.languages.all {
		page := w.urgent(l.Code, "TH")
		got := values(page.document(t), "form")
		if page.status != 200 || !slices.Equal(got["danger.now"], []string{"yes"}) ||
			!slices.Equal(got["where.country"], []string{w.server.gazetteer.name(l, "TH")}) {
			t.Errorf("%s: the form holds danger %q, country %q", l.Code, got["danger.now"], got["where.country"])
		}
		page.wantSaid(t, nil, []string{w.says(l.Code, "form.again"), `role="alert"`})
		codename := hiddenCodename(t, page.body)
		page.wantWords(t, codename)
		if seen[codename] {
			t.Fatal("the form came under words that were given out before")
		}
		seen[codename] = true
		p := w.submit(page, "form", entry{name: "what.seen", value: "x"})
		want := []string{w.says(l.Code, "received.danger"), w.says(l.Code, "numbers.heading", w.server.gazetteer.name(l, "TH")), w.says(l.Code, "numbers.mobile")}
		for _, n := range w.server.directory.country("TH").Emergency {
			want = append(want, `href="tel:`+n.Dial+`"`)
		}
		p.wantSaid(t, want, nil)
		if len(want) < 4 {
			t.Error("Thailand has no numbers: the test shows nothing")
		}
		m, _ := w.open(codename)
		r, err := report.Parse(m.Body)
		must(t, err)
		if r.Danger.Now != report.Yes || r.Where.Country != "TH" {
			t.Errorf("%s: sealed as danger %q, country %q", l.Code, r.Danger.Now, r.Where.Country)
		}
	}
}

// Each country of the list arrives as itself, whatever the language: some names
// are spelt like another country's code.
func TestDangerInEachCountry(t *testing.T) {
	w := newWorld(t, setup{})
	for _, l := range w.server.languages.all {
		for _, p := range w.server.gazetteer.places[l] {
			d := new(draft)
			must(t, w.server.set(l, d, "where.country", p.Code))
			if d.report.Where.Country != p.Code {
				t.Errorf("%s: %s arrives as %q", l.Code, p.Code, d.report.Where.Country)
			}
			if n := w.server.numbersFor(l, p.Code, false); n == nil || n.Name != p.Name {
				t.Errorf("%s: %s has the numbers of %v", l.Code, p.Code, n)
			}
		}
	}
}

// Without a country the danger alone goes along, and what is no country is none.
func TestDangerWithoutACountry(t *testing.T) {
	w := newWorld(t, setup{})
	for _, country := range []string{"", "unknown", "Atlantis", "th", "TH\n", "<b>"} {
		page := w.post("/en/danger", entry{name: "country", value: country})
		page.wantSaid(t, []string{w.says("en", "numbers.mobile")}, []string{`name="where.country"`, `<section class="numbers">`, "Atlantis", "selected"})
		form := w.urgent("en", country)
		got := values(form.document(t), "form")
		if !slices.Equal(got["danger.now"], []string{"yes"}) || !slices.Equal(got["where.country"], []string{""}) {
			t.Errorf("%q: the form holds danger %q, country %q", country, got["danger.now"], got["where.country"])
		}
	}
	page := w.get("/en/danger")
	page.wantSaid(t, []string{w.says("en", "numbers.mobile")}, []string{`<section class="numbers">`})
	// A report that speaks of no danger shows no numbers when it is received.
	p := w.post("/en/report", entry{name: "codename", value: w.newCodename("en")},
		entry{name: "what.seen", value: "x"}, entry{name: "where.country", value: "TH"}, entry{name: "danger.now", value: "unknown"})
	p.wantSaid(t, []string{w.says("en", "received.heading")}, []string{w.says("en", "received.danger"), "tel:"})
	w.post("/en/danger", entry{name: "colour", value: "TH"}).want(t, w.server, "en", "other-form")
	if w.get("/en/danger?country=TH").body != page.body {
		t.Error("a country in the address is read")
	}
	if strings.Contains(w.log.String(), "TH") {
		t.Errorf("logged: %s", w.log)
	}
}
