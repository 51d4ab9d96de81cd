package intake

import (
	"net/http"
	"strings"
	"testing"
)

// Who comes back can tell that they have read the replies, and what they add says
// how many they had read: sealed, so that nobody but the case workers learns it.
func TestTellingWhatWasRead(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.sent()
	button := w.says("en", "seen.tell")
	p := w.post("/en/return", entry{name: "codename", value: codename})
	p.wantSaid(t, nil, []string{button})
	w.reply(codename, "Which room?")
	w.reply(codename, "And which car?")
	p = w.post("/en/return", entry{name: "codename", value: codename})
	p.wantSaid(t, []string{button, `name="seen" value="2"`}, nil)
	form := []entry{{name: "codename", value: codename}, {name: "once", value: once(t, p)}, {name: "seen", value: "2"}}

	told := append(form, entry{name: "read", value: "yes"})
	for range 2 { // sent twice is told once
		w.post("/en/add", told...).wantSaid(t, []string{w.says("en", "seen.told")}, []string{w.says("en", "add.received")})
	}
	w.reply(codename, "A third, which the page below does not have.")
	w.post("/en/add", append(form, entry{name: "text", value: "Room 12"})...).wantSaid(t, []string{w.says("en", "add.received")}, nil)
	var got []added
	for _, a := range w.additions(codename) {
		got = append(got, added{text: a.text, seen: a.seen})
	}
	if len(got) != 2 || got[0].text != "" || got[0].seen != 2 || got[1].text != "Room 12" || got[1].seen != 2 {
		t.Errorf("the case worker reads %+v", got)
	}
	w.wantWhole()
}

// A form that no page of ours has tells nothing.
func TestTellingWhatCannotBeTold(t *testing.T) {
	w := newWorld(t, setup{})
	codename := w.sent()
	w.reply(codename, "Which room?")
	form := w.addForm(codename, "")
	for name, tc := range map[string]struct {
		more []entry
		want string // in the page
	}{
		"nothing was read":       {[]entry{{name: "read", value: "yes"}}, "problem.empty"},
		"less than nothing":      {[]entry{{name: "seen", value: "-1"}, {name: "read", value: "yes"}}, "problem.empty"},
		"more than there can be": {[]entry{{name: "seen", value: strings.Repeat("9", 30)}, {name: "read", value: "yes"}}, "problem.empty"},
		"text as well":           {[]entry{{name: "seen", value: "1"}, {name: "read", value: "yes"}, {name: "text", value: "x"}}, "refusal.other-form.heading"},
		"files as well":          {[]entry{{name: "seen", value: "1"}, {name: "read", value: "yes"}, {name: "files", file: "a.jpg", value: "x"}}, "refusal.other-form.heading"},
	} {
		t.Run(name, func(t *testing.T) {
			w.post("/en/add", append(form[:2:2], tc.more...)...).wantSaid(t, []string{w.says("en", tc.want)}, nil)
		})
	}
	// Nonsense in a number does not lose what was written.
	if p := w.post("/en/add", append(form[:2:2], entry{name: "seen", value: "x"}, entry{name: "text", value: "Room 12"})...); p.status != http.StatusOK {
		t.Errorf("status %d", p.status)
	}
	w.wantAdditions(codename, "Room 12")
}
