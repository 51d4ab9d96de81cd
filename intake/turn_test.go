package intake

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"tocsin/report"
)

// answers are one for each question, or two where several may be given. What may
// be said in any language is.
func answers(l *Language, g *gazetteer) map[string][]string {
	all := make(map[string][]string)
	for _, f := range report.Fields() {
		switch {
		case f.Format == report.Country:
			all[f.Name] = []string{g.name(l, "AT")}
		case f.Kind == report.Choices:
			all[f.Name] = []string{f.Choices[0], f.Choices[len(f.Choices)-1]}
		case f.Kind == report.Choice:
			all[f.Name] = []string{f.Choices[len(f.Choices)-1]}
		case f.Kind == report.Text:
			all[f.Name] = []string{f.Name + ": <b>\"é'\r\nدوم & third\r\n\r\nend"}
		case f.Format == report.Date:
			all[f.Name] = []string{"2026-02-03"}
		case f.Format == report.Time:
			all[f.Name] = []string{"23:59"}
		case f.Format == report.Coordinates:
			all[f.Name] = []string{"50.85,4.35"}
		default:
			all[f.Name] = []string{f.Name + ": <b>\"é' & second"}
		}
	}
	return all
}

// fill puts values into what a form sends: a radio that nobody chose sends
// nothing, so that they are all put in anew.
func fill(values map[string][]string) func([]entry) []entry {
	return func(entries []entry) []entry {
		var all []entry
		for _, e := range entries {
			if values[e.name] == nil {
				all = append(all, e)
			}
		}
		for _, f := range report.Fields() {
			for _, v := range values[f.Name] {
				all = append(all, entry{name: f.Name, value: v})
			}
		}
		// As in the form, files come last.
		slices.SortStableFunc(all, func(a, b entry) int {
			if a.noFile == b.noFile {
				return 0
			} else if a.noFile {
				return 1
			}
			return -1
		})
		return all
	}
}

// others are all languages but the first, and then that.
func (w *world) others() []*Language {
	all := w.server.languages.all
	return slices.Concat(all[1:], all[:1])
}

// values are what the form of a page holds, by name.
func values(d document, id string) map[string][]string {
	d.t.Helper()
	all := make(map[string][]string)
	for _, f := range d.all("form") {
		if attribute(f, "id") != id {
			continue
		}
		for _, e := range d.entries(f) {
			all[e.name] = append(all[e.name], e.value)
		}
	}
	return all
}

// Whoever changes the language, from each to the next, finds all that was typed
// under the same words, and nothing of it is kept; sent at the end, all of it is
// in the sealed report.
func TestChangingTheLanguageOfAReport(t *testing.T) {
	w := newWorld(t, setup{})
	ls := w.server.languages.all
	for i, path := range []string{"report", "testify"} {
		page := w.get("/" + ls[0].Code + "/" + path)
		codename := hiddenCodename(t, page.body)
		change := fill(answers(ls[0], w.server.gazetteer))
		for _, l := range w.others() {
			page = w.turn(page, l.Code, change)
			change = nil // it is all in the page now
			if page.status != 200 {
				t.Fatalf("%s: status %d", l.Code, page.status)
			}
			d := page.document(t)
			got := values(d, "form")
			for name, want := range answers(l, w.server.gazetteer) {
				if !slices.Equal(got[name], want) {
					t.Errorf("%s: %s is %q, want %q", l.Code, name, got[name], want)
				}
			}
			page.wantWords(t, codename)
			page.wantSaid(t, []string{w.says(l.Code, "form.again"), `action="/` + l.Code + `/` + path + `"`}, []string{`role="alert"`, `aria-invalid`})
			w.wantReports(i)
		}
		p := w.submit(page, "form")
		p.wantSaid(t, []string{w.says("en", "received.heading")}, nil)
		m, _ := w.open(codename)
		r, err := report.Parse(m.Body)
		must(t, err)
		for name, want := range answers(ls[0], w.server.gazetteer) {
			got := r.Get(name)
			for i := range want {
				want[i] = w.server.gazetteer.code(ls[0], strings.ReplaceAll(want[i], "\r\n", "\n"))
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("sealed: %s is %q, want %q", name, got, want)
			}
		}
	}
}

// What is wrong goes along as well, and is told when it is sent and not before.
func TestChangingTheLanguageOfAMistake(t *testing.T) {
	w := newWorld(t, setup{})
	page := w.get("/en/report")
	page = w.turn(page, "fr", fill(map[string][]string{
		"when.date": {"yesterday"}, "where.country": {"Atlantis"}, "what.seen": {strings.Repeat("é", report.MaxMessage+1)},
		"what.heard": {"\xff"}, // which can't be shown
	}))
	page.wantSaid(t, []string{`value="yesterday"`, `value="Atlantis"`, strings.Repeat("é", report.MaxMessage+1)}, []string{"aria-invalid"})
	page = w.submit(page, "form")
	page.want(t, w.server, "fr", "invalid")
	page = w.turn(page, "nl", nil)
	page.wantSaid(t, []string{`value="yesterday"`, `value="Atlantis"`}, []string{"aria-invalid"})
	w.wantReports(0)
}

// Words typed to come back go along, whether they were sent or not.
func TestChangingTheLanguageOfTheWayBack(t *testing.T) {
	w := newWorld(t, setup{})
	typed := "zoom zoom <zoom"
	page := w.turn(w.get("/en/return"), "fr", func(e []entry) []entry { e[0].value = typed; return e })
	look := func(lang string) {
		t.Helper()
		if got := values(page.document(t), "keep")["codename"]; !slices.Equal(got, []string{typed}) {
			t.Errorf("%s: the words are %q", lang, got)
		}
		page.wantSaid(t, []string{w.says(lang, "return.heading")}, nil)
	}
	look("fr")
	page = w.post("/fr/return", entry{name: "codename", value: typed})
	page.wantSaid(t, []string{`role="alert"`}, nil)
	look("fr")
	for _, l := range w.server.languages.all {
		if l.Code != "fr" {
			page = w.turn(page, l.Code, nil)
			look(l.Code)
			page = w.turn(page, "fr", nil)
		}
	}
	page = w.post("/en/return/again", entry{name: "codename", value: strings.Repeat("x", 5000)})
	if got := values(page.document(t), "keep")["codename"]; !slices.Equal(got, []string{""}) {
		t.Errorf("far too much is shown again: %q", got)
	}
}

// An addition being written goes along with its number, so that it is the same
// one however often the language changes; also when it was refused.
func TestChangingTheLanguageOfAnAddition(t *testing.T) {
	w := newWorld(t, setup{policy: small})
	codename := w.sent()
	const typed = "a second\r\n<line>"
	page := w.post("/en/return", entry{name: "codename", value: codename})
	number := once(t, page)
	write := func(e []entry) []entry {
		for i := range e {
			if e[i].name == "text" {
				e[i].value = typed
			}
		}
		return e
	}
	for _, l := range w.others() {
		page = w.turn(page, l.Code, write)
		got := values(page.document(t), "keep")
		if !slices.Equal(got["text"], []string{typed}) || once(t, page) != number || got["codename"][0] != codename {
			t.Errorf("%s: the addition is %q", l.Code, got)
		}
		page.wantSaid(t, []string{w.says(l.Code, "status.heading")}, nil)
		write = nil
	}
	w.wantAdditions(codename)
	// With a file chosen, which can't come along and is not read.
	page = w.turn(page, "fr", func(e []entry) []entry {
		e = slices.DeleteFunc(e, func(e entry) bool { return e.noFile })
		return append(e, entry{name: "files", file: "a", value: strings.Repeat("x", 3<<20)})
	})
	page.wantSaid(t, []string{w.says("fr", "status.heading"), escaped("<line>")}, nil)
	// Refused, and then in another language.
	page = w.submit(page, "keep", entry{name: "files", file: "a", value: strings.Repeat("x", 100_001)})
	page.want(t, w.server, "fr", "file-too-large")
	page = w.turn(page, "nl", nil)
	if got := values(page.document(t), "keep"); !slices.Equal(got["text"], []string{typed}) || once(t, page) != number {
		t.Errorf("after a refusal the addition is %q", got)
	}
	page = w.submit(page, "keep")
	page.wantSaid(t, []string{w.says("nl", "add.received")}, nil)
	w.wantAdditions(codename, "a second\n<line>")
}

// The country goes along, in the body, and shows its numbers in the other
// language.
func TestChangingTheLanguageOfTheNumbers(t *testing.T) {
	w := newWorld(t, setup{})
	for _, path := range []string{"danger", "intervene"} {
		page := w.post("/en/"+path, entry{name: "country", value: "TH"})
		for _, l := range w.others() {
			page = w.turn(page, l.Code, nil)
			page.wantSaid(t, []string{
				w.says(l.Code, "numbers.heading", w.server.gazetteer.name(l, "TH")), w.says(l.Code, path+".heading"),
			}, nil)
			if got := values(page.document(t), "choose")["country"]; !slices.Equal(got, []string{"TH"}) {
				t.Errorf("%s/%s: the country is %q", l.Code, path, got)
			}
		}
	}
}
