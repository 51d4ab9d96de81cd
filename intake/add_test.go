package intake

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/report"
	"tocsin/seal/roster"
)

// once takes the number of the form for an addition out of a page.
func once(t testing.TB, p answer) string {
	t.Helper()
	m := regexp.MustCompile(`name="once" value="([0-9a-f]{64})"`).FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("the page holds no form for an addition:\n%s", p.body)
	}
	return m[1]
}

// addForm opens the case and returns the fields of its form for an addition.
func (w *world) addForm(codename, text string) []entry {
	w.t.Helper()
	p := w.post("/en/return", entry{name: "codename", value: codename})
	return []entry{{name: "codename", value: codename}, {name: "once", value: once(w.t, p)}, {name: "text", value: text}}
}

// wantAdditions checks the texts that a case worker finds.
func (w *world) wantAdditions(codename string, want ...string) {
	w.t.Helper()
	var got []string
	for _, a := range w.additions(codename) {
		got = append(got, a.text)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("the case worker reads %q, want %q", got, want)
	}
}

// Text and files come out of an addition as they went in, and the witness sees
// that they are there.
func TestAdding(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.sent()
	large := strings.Repeat("plate ", 400_000)
	form := w.addForm(codename, "His car:\r\n1-ABC-234")
	p := w.post("/en/add", append(form,
		entry{name: "files", file: "plate.jpg", value: large},
		entry{name: "files", noFile: true},
		entry{name: "files", file: "../../etc/passwd", value: "second"})...)
	p.wantSaid(t, []string{w.says("en", "add.received"), codename}, []string{form[1].value, "1-ABC-234"})
	if p.status != http.StatusOK || len(steps(t, p)) != 3 {
		t.Errorf("status %d, and the page says %q", p.status, steps(t, p))
	}
	all := w.additions(codename)
	if len(all) != 1 || all[0].text != "His car:\n1-ABC-234" || len(all[0].files) != 2 ||
		all[0].files["plate.jpg"] != large || all[0].files["passwd"] != "second" {
		t.Errorf("%d additions, or other ones than went in", len(all))
	}
	w.wantWhole()
}

// The same form sent twice is one addition, at another case two, and the form
// of the next page is another.
func TestAddingTwiceIsAddingOnce(t *testing.T) {
	w := newWorld(t, setup{})
	codename, other := w.sent(), w.sent()
	form := w.addForm(codename, "first")
	for range 3 {
		p := w.post("/en/add", form...)
		p.wantSaid(t, []string{w.says("en", "add.received")}, nil)
	}
	w.wantAdditions(codename, "first")
	// Changed since, and sent from the same form: what is new is not lost.
	form[2].value = "changed since"
	for range 2 {
		w.post("/en/add", form...)
	}
	w.wantAdditions(codename, "first", "changed since")
	form[0].value = other
	p := w.post("/en/add", form...)
	w.wantAdditions(other, "changed since")
	w.wantAdditions(codename, "first", "changed since")
	if next := once(t, p); next == form[1].value {
		t.Error("the page after an addition holds its number again: the next one would be lost")
	} else {
		w.post("/en/add", form[0], entry{name: "once", value: next}, entry{name: "text", value: "second"})
	}
	w.wantAdditions(other, "changed since", "second")
	w.wantWhole()
}

// What can't be kept comes back as it was typed, in the form, with the number
// that it had; mended, it is taken.
func TestAdditionsThatCannotBeKept(t *testing.T) {
	w := newWorld(t, setup{policy: small})
	codename := w.sent()
	file := func(name string, n int) entry { return entry{name: "files", file: name, value: strings.Repeat("x", n)} }
	tooLong := strings.Repeat("é", report.MaxMessage+1)
	for _, tc := range []struct {
		name    string
		text    string
		files   []entry
		problem string // of the text, or
		kind    string // of a refusal
		args    []any
	}{
		{name: "empty", problem: "problem.empty"},
		{name: "white space", text: " \r\n\u00a0", problem: "problem.empty"},
		{name: "empty, with a file", files: []entry{file("a", 1)}, problem: "problem.empty"},
		{name: "too long", text: tooLong, problem: "problem.too-long", args: []any{report.MaxMessage}},
		{name: "a file too large", text: "<kept>", files: []entry{file("a", 100_001)}, kind: "file-too-large"},
		{name: "files too large", text: "<kept>", files: []entry{file("a", 100_000), file("b", 100_000), file("c", 100_000)}, kind: "report-too-large"},
		{name: "too many files", text: "<kept>", files: []entry{file("a", 1), file("b", 1), file("c", 1), file("d", 1)}, kind: "too-many-files"},
		{name: "text behind files", text: "<kept>", files: []entry{file("a", 1), {name: "text", value: "x"}}, kind: "wrong-order"},
		{name: "no text at all", text: "<kept>\xff", kind: "malformed"},
	} {
		for _, l := range w.server.languages.all {
			t.Run(tc.name+" in "+l.Code, func(t *testing.T) {
				form := w.addForm(codename, tc.text)
				p := w.post("/"+l.Code+"/add", append(form, tc.files...)...)
				if tc.kind != "" {
					p.want(t, w.server, l.Code, tc.kind)
				} else {
					p.wantSaid(t, []string{w.says(l.Code, tc.problem, tc.args...)}, []string{w.says(l.Code, "add.received")})
				}
				if hiddenCodename(t, p.body) != codename || once(t, p) != form[1].value {
					t.Error("the form came back under another codename or number")
				}
				if !strings.Contains(p.body, "\n"+escaped(tc.text)+"</textarea>") {
					t.Error("what was typed is lost")
				}
			})
		}
	}
	w.wantAdditions(codename)
	wantNoBlobs(t, w)
	form := w.addForm(codename, strings.Repeat("é", report.MaxMessage))
	p := w.post("/en/add", append(form, file("a", 100_000), file("b", 100_000))...)
	p.wantSaid(t, []string{w.says("en", "add.received")}, nil)
	w.wantAdditions(codename, form[2].value)
	w.wantWhole()
}

// Where the roster takes no files, an addition is not asked for any and is
// refused with some; the text is there to be sent without.
func TestAddingWithFilesSwitchedOff(t *testing.T) {
	w := newWorld(t, setup{policy: func(p *roster.Policy) { p.Attachments = false }})
	codename := w.sent()
	p := w.post("/en/return", entry{name: "codename", value: codename})
	p.wantSaid(t, nil, []string{`type="file"`})
	form := w.addForm(codename, "more")
	p = w.post("/en/add", append(form, entry{name: "files", file: "a", value: "x"})...)
	p.want(t, w.server, "en", "no-files")
	p.wantSaid(t, []string{"\nmore</textarea>"}, []string{`type="file"`, w.says("en", "form.again.files")})
	w.wantAdditions(codename)
	p = w.post("/en/add", append(form, entry{name: "files", noFile: true})...)
	p.wantSaid(t, []string{w.says("en", "add.received")}, nil)
	w.wantAdditions(codename, "more")
}

// An addition without a case leads to the page that asks for the words, and a
// form that is not ours is none.
func TestAddingToNothing(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.sent()
	form := w.addForm(codename, "more")
	never := w.newCodename("en")
	for _, file := range [][]entry{nil, {{name: "files", file: "a", value: strings.Repeat("x", 1<<20)}}} {
		p := w.post("/en/add", append([]entry{{name: "codename", value: never}, form[1], form[2]}, file...)...)
		p.wantSaid(t, []string{w.says("en", "return.problem.unknown"), never}, []string{w.says("en", "add.received")})
	}
	for name, once := range map[string]string{"none": "", "short": "abcd", "not hexadecimal": strings.Repeat("g", 64)} {
		p := w.post("/en/add", form[0], entry{name: "once", value: once}, form[2])
		if p.want(t, w.server, "en", "other-form"); !strings.Contains(p.body, "\nmore</textarea>") {
			t.Errorf("number %s: what was typed is lost", name)
		}
	}
	w.post("/en/add", form[1], form[2]).want(t, w.server, "en", "other-form")
	w.post("/en/add", form[0], form[1], form[2], form[2]).want(t, w.server, "en", "other-form")
	w.post("/en/add", append(form, entry{name: "colour", value: "green"})...).want(t, w.server, "en", "other-form")
	w.wantAdditions(codename)
	wantNoBlobs(t, w)
}

// Much text needs a place, as in a report, and without one comes back.
func TestAddingMoreTextThanThereIsRoomFor(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.sent()
	form := w.addForm(codename, strings.Repeat("a", maxText))
	w.post("/en/add", form...).want(t, w.server, "en", "text-too-long")
	form[2].value = strings.Repeat("a", maxText-1000)
	p := w.post("/en/add", form...)
	p.wantSaid(t, []string{w.says("en", "problem.too-long", report.MaxMessage), form[2].value}, nil)
	w.wantAdditions(codename)
}
