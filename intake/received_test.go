package intake

import (
	"strings"
	"testing"
)

// wantWords checks that a page shows the words of a codename, in their order.
func (p answer) wantWords(t testing.TB, codename string) {
	t.Helper()
	want := "<span>" + strings.Join(strings.Fields(codename), "</span> <span>") + "</span>"
	if !strings.Contains(p.body, want) || hiddenCodename(t, p.body) != codename {
		t.Errorf("the page shows other words than %q:\n%s", codename, p.body)
	}
}

// Typing the words once tells whether they were written down right, as anybody
// would write them, and nothing of what was typed wrong.
func TestTryingTheWords(t *testing.T) {
	w := newWorld(t, setup{})
	codename, other := w.sent(), w.sent()
	words := strings.Fields(codename)
	swapped := append([]string{words[1], words[0]}, words[2:]...)
	slipped := strings.Replace(codename, words[3], words[3][:len(words[3])-1]+"7"+words[3][len(words[3])-1:], 1)
	right, wrong, heading := w.says("en", "received.try.right"), w.says("en", "received.try.wrong"), w.says("en", "received.heading")
	for typed, want := range map[string]string{
		codename:                                         right,
		strings.ToUpper(codename):                        right,
		strings.ReplaceAll(codename, " ", ""):            right,
		strings.ReplaceAll(codename, " ", "\u00a0-\r\n"): right,
		slipped:                           right,
		other:                             wrong,
		strings.Join(words[:7], " "):      wrong,
		codename + " zoom":                wrong,
		"<b>zoom</b>":                     wrong,
		"слово":                           wrong,
		strings.Repeat(codename+" ", 100): wrong,
	} {
		p := w.post("/en/received", entry{name: "codename", value: codename}, entry{name: "typed", value: typed})
		not := map[string]string{right: wrong, wrong: right}[want]
		p.wantSaid(t, []string{want, heading}, []string{not})
		p.wantWords(t, codename)
		if field := `<textarea id="typed"`; strings.Contains(p.body, field) != (want == wrong) {
			t.Errorf("%.40q: the field is there: %v", typed, strings.Contains(p.body, field))
		}
		if typed == "<b>zoom</b>" && strings.Contains(p.body, "zoom") {
			t.Error("what was typed is on the page")
		}
	}
	if strings.Join(swapped, " ") != codename {
		p := w.post("/en/received", entry{name: "codename", value: codename}, entry{name: "typed", value: strings.Join(swapped, " ")})
		p.wantSaid(t, []string{wrong}, []string{right})
	}
	w.wantReports(2)
}

// One slip in each of the words is forgiven, as where the words are asked for.
func TestTryingTheWordsWithSlips(t *testing.T) {
	w := newWorld(t, setup{})
	const (
		codename = "activism backpack carnation dominoes elevator flashback gigantic hydrant"
		slips    = "activsm backpacck carnetion dominose eleavtor fashback gigantiic hydramt"
	)
	w.post("/en/report", entry{name: "codename", value: codename}, entry{name: "what.seen", value: "x"})
	p := w.post("/en/received", entry{name: "codename", value: codename}, entry{name: "typed", value: slips})
	p.wantSaid(t, []string{w.says("en", "received.try.right")}, nil)
	p = w.post("/en/return", entry{name: "codename", value: slips})
	p.wantSaid(t, []string{w.says("en", "replies.none")}, nil)
	p = w.post("/en/received", entry{name: "codename", value: codename}, entry{name: "typed", value: strings.Replace(slips, "hydramt", "hydraamt", 1)})
	p.wantSaid(t, []string{w.says("en", "received.try.wrong")}, nil)
}

// The page in another language shows the same words, and does not say that
// trying them went wrong when they were not tried.
func TestReceivedInAnotherLanguage(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.sent()
	for _, l := range w.server.languages.all {
		p := w.post("/"+l.Code+"/received", entry{name: "codename", value: codename}, entry{name: "typed", value: ""})
		p.wantWords(t, codename)
		p.wantSaid(t, []string{w.says(l.Code, "received.heading"), `<textarea id="typed"`},
			[]string{w.says(l.Code, "received.try.wrong"), w.says(l.Code, "received.try.right"), w.says(l.Code, "received.again")})
	}
}

// "Received" is said of what the store holds and of nothing else.
func TestReceivedIsSaidOfNothingElse(t *testing.T) {
	w := newWorld(t, setup{})
	w.sent()
	never := w.newCodename("en")
	for _, l := range w.server.languages.all {
		for _, codename := range []string{never, "zoom", ""} {
			for _, typed := range []string{"", codename} {
				p := w.post("/"+l.Code+"/received", entry{name: "codename", value: codename}, entry{name: "typed", value: typed})
				p.wantSaid(t, []string{w.says(l.Code, "return.heading")},
					[]string{w.says(l.Code, "received.heading"), w.says(l.Code, "received.lead"), w.says(l.Code, "received.try.right")})
			}
		}
	}
	w.post("/en/received", entry{name: "typed", value: never}).want(t, w.server, "en", "other-form")
	w.wantReports(1)
}

// How many letters the words have does not show in the length of the page that
// a report is answered with.
func TestReceivedHidesTheWordsLength(t *testing.T) {
	w := newWorld(t, setup{})
	lengths, letters := make(map[int]bool), make(map[int]bool)
	for range 20 {
		codename := w.newCodename("en")
		p := w.post("/en/report", entry{name: "codename", value: codename}, entry{name: "what.seen", value: "x"})
		lengths[len(p.body)], letters[len(codename)] = true, true
	}
	if len(lengths) != 1 || len(letters) == 1 {
		t.Errorf("words of %d lengths came in pages of %d", len(letters), len(lengths))
	}
}
