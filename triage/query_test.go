package triage

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// What people take for the same word folds to the same bytes, and what they do
// not stays apart.
func TestFold(t *testing.T) {
	for _, same := range [][]string{
		{"hotel", "Hôtel", "HOTEL", "ho\u0302tel", "ｈｏｔｅｌ", "ho\u200btel", "ho\u00adtel"},
		{"strasse", "Straße", "STRASSE"},
		{"a b", " a \t\n b ", "a\u00a0b"},
		{"الفندق", "الفُنْدُق", "الفـــندق"},
		{"احمد", "أحمد"},
		{"istanbul", "İstanbul", "ISTANBUL", "ıstanbul"},
		{"होटल", "होटल\u200d"},
		{"σοφος", "Σοφός"},
	} {
		for _, s := range same[1:] {
			if Fold(s) != Fold(same[0]) {
				t.Errorf("%q folds to %q, and %q to %q", s, Fold(s), same[0], Fold(same[0]))
			}
		}
	}
	for _, apart := range [][2]string{{"कि", "कु"}, {"কি", "কা"}, {"กา", "กี"}, {"a b", "ab"}} {
		if Fold(apart[0]) == Fold(apart[1]) {
			t.Errorf("%q and %q fold to the same", apart[0], apart[1])
		}
	}
}

func TestQuery(t *testing.T) {
	s := &Summary{
		ID: "7k3qabcd", Day: "2026-03-04", Country: "TH", Category: []string{"online", "travel"}, Assigned: "alice",
		Marks: []string{"urgent"}, Danger: true, Unheard: true, HoursLeft: -2, State: StateRead, Read: true,
	}
	handed := &Summary{HandedTo: []string{"police"}, State: StateAcknowledged, Held: true, HoursLeft: -2}
	withdrawn := &Summary{Withdrawn: true, State: StateWithdrawn, HandedTo: []string{"police"}}
	text := Fold("À l'Hôtel Blue Moon, room 214")
	for _, c := range []struct {
		query string
		s     *Summary
		want  bool
	}{
		{"", s, true}, {"hotel", s, true}, {"HÔTEL moon", s, true}, {"moon blue", s, true}, {`"blue moon"`, s, true},
		{`"moon blue"`, s, false}, {`"blue mo`, s, true}, {`hotel"blue moon"214`, s, true}, {"hostel", s, false}, {"hotel hostel", s, false},
		{"country:TH", s, true}, {"country:th hotel", s, true}, {"country:KH", s, false}, {"country:", s, true}, {"COUNTRY:th", s, true},
		{"case:7k3Q", s, true}, {"case:k3q", s, false}, {"day:2026-03", s, true}, {"day:2025", s, false},
		{"category:travel", s, true}, {"category:trav", s, false},
		{"assigned:Alice", s, true}, {"assigned:none", s, false}, {"assigned:none", handed, true}, {"mark:urgent", s, true}, {"mark:x", s, false},
		{"danger:yes", s, true}, {"danger:no", s, false}, {"departure:no", s, true}, {"departure:yes", s, false}, {"news:yes", s, true}, {"news:no", s, false},
		{"state:open", s, true}, {"state:overdue", s, true}, {"state:read", s, true}, {"state:new", s, false},
		{"state:held", s, false}, {"state:held", handed, true}, {"state:handed-over", handed, true}, {"state:acknowledged", handed, true},
		{"state:open", handed, false}, {"state:overdue", handed, false}, {"state:handed-over", withdrawn, false}, {"state:withdrawn", withdrawn, true},
		{"http://x", s, false}, {"country", s, false},
	} {
		q, err := ParseQuery(c.query)
		ok(t, err)
		if got := q.Match(c.s, text); got != c.want {
			t.Errorf("%q matches %+v: %t", c.query, c.s, got)
		}
	}
	for _, bad := range []string{"state:lost", "danger:maybe", "hotel \xff", strings.Repeat("x", maxQuery+1)} {
		if _, err := ParseQuery(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// Any query is parsed or refused, and one of words alone finds the text that it
// is made of.
func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{
		"hotel country:TH", `"room 214" danger:yes`, `"open`, "state:overdue assigned:none", "http://example.org/x?y",
		"होटल की", "الفُنْدُق", "İ ß ﬁ", "a\u0301 \u0301a", "country:", "mark:a:b", `""`, "-", "\u200b", "ǰ ΰ",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := ParseQuery(s)
		if err != nil {
			return
		}
		folded := Fold(s)
		if !utf8.ValidString(folded) || Fold(folded) != folded {
			t.Errorf("folding %q gives %q, and that again %q", s, folded, Fold(folded))
		}
		if len(q.filters) > 0 || strings.Contains(s, `"`) {
			return
		}
		for _, w := range q.words {
			if !strings.Contains(folded, string(w)) {
				t.Errorf("%q does not find itself: %q is not in %q", s, w, folded)
			}
		}
	})
}
