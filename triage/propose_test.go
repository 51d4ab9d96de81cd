package triage

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"tocsin/report"
	"tocsin/seal/roster"
	"tocsin/triage/rules"
)

// TestEveryFactHasWords holds that whatever a proposal can name is said in
// words and fits the screen.
func TestEveryFactHasWords(t *testing.T) {
	for _, f := range rules.Facts() {
		field := f.Name
		if field == "online.only" || field == "what.doubt" {
			continue // made of fields: its answers name those
		}
		for _, v := range append(slices.Clone(f.Choices), "", report.Unknown, rules.Told) {
			got := answerLabel(rules.Answer{Field: field, Value: v})
			if _, value, ok := strings.Cut(got, ": "); !ok || value == "" || strings.HasPrefix(got, ",") || strings.Contains(got, field) {
				t.Errorf("%s %q is said as %q", field, v, got)
			}
		}
	}
	if got := answerLabel(rules.Answer{Field: "what.categories", Value: "trafficking, other"}); got != "What happened, categories: trafficking of children for sexual exploitation; other" {
		t.Errorf("two choices are said as %q", got)
	}
}

func proposed(t *testing.T, r *roster.Roster, facts ...string) *Proposed {
	t.Helper()
	told := new(report.Report)
	for i := 0; i < len(facts); i += 2 {
		if err := told.Set(facts[i], facts[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	p := rules.Default().Propose(told)
	return &Proposed{ID: "case", Rules: p.Rules, proposals: p, roster: &roster.Signed{Roster: *r}}
}

func TestDecideAsksForAReason(t *testing.T) {
	r := &roster.Roster{Destinations: []roster.Destination{
		{Name: "police", Kind: "police", Country: "BE"},
		{Name: "police-nl", Kind: "police", Country: "NL"},
		{Name: "ministry", Kind: "foreign-affairs"},
		{Name: "court", Kind: "justice", Country: "BE"},
		{Name: "ngo", Kind: "other"},
		{Name: "old"},
	}}
	p := proposed(t, r, "where.country", "TH", "suspect.nationality", "BE")
	for _, w := range []struct {
		to     []string
		reason string
		ok     bool
	}{
		{[]string{"police"}, "", true},
		{[]string{"police", "ministry"}, "", true},
		{[]string{"ministry"}, "", true}, // leaving one out
		{[]string{"police"}, "and I say why", true},
		{[]string{"police-nl"}, "", false},
		{[]string{"police", "court"}, "", false},
		{[]string{"court"}, " \n", false},
		{[]string{"court"}, "asked for", true},
		{[]string{"ngo"}, "", false},
		{[]string{"old"}, "", true}, // the roster does not say what it is
		{[]string{"court"}, strings.Repeat("x", report.MaxMessage+1), false},
	} {
		d, err := p.Decide(w.to, w.reason)
		if (err == nil) != w.ok {
			t.Errorf("to %v because %.20q: %v", w.to, w.reason, err)
			continue
		}
		if err != nil {
			if len(w.reason) < 100 && (!errors.Is(err, ErrReason) || !strings.Contains(err.Error(), "--reason")) {
				t.Errorf("to %v: %v, want ErrReason", w.to, err)
			}
			continue
		}
		var list []rules.Proposal
		if err := json.Unmarshal(d.Proposed, &list); err != nil || len(list) != 2 {
			t.Errorf("to %v: proposed %s, %v", w.to, d.Proposed, err)
		}
		if d.Rules != p.Rules || !slices.Equal(d.To, w.to) || d.Reason != strings.TrimSpace(w.reason) {
			t.Errorf("to %v: decided %+v", w.to, d)
		}
	}
}

func TestRulesOfTheHome(t *testing.T) {
	h := &Home{Dir: t.TempDir()}
	shipped, err := h.Rules()
	if err != nil || shipped != rules.Default() {
		t.Fatalf("rules %v, %v; want those that are shipped", shipped, err)
	}
	own := strings.Replace(shipped.Text(), "home BE", "home NL", 1)
	for _, w := range []struct {
		text string
		err  error
	}{
		{own, nil},
		{"", rules.ErrMalformed},
		{"tocsin.rules.v2\n", rules.ErrVersion},
		{own + strings.Repeat("#\n", rules.MaxSize/2), rules.ErrMalformed},
	} {
		if err := os.WriteFile(h.path("rules"), []byte(w.text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := h.Rules()
		if !errors.Is(err, w.err) || err == nil && (s.Home != "NL" || s.Version() == shipped.Version()) {
			t.Errorf("rules of %d bytes: %v, %v", len(w.text), s, err)
		}
	}
}

// TestProposeShowsNothingOfAReport lays out what a hostile report leads to.
func TestProposeShowsNothingOfAReport(t *testing.T) {
	const hostile = "MARK\x1b[2J\u202e"
	r := &report.Report{
		What: report.What{Suspected: hostile, Categories: []string{hostile}}, Online: report.Online{URL: hostile},
		Where: report.Where{Country: hostile}, Suspect: report.Suspect{Nationality: hostile}, Consent: hostile,
	}
	p := rules.Default().Propose(r)
	shown := &Proposed{ID: "case", Rules: p.Rules, Notes: p.Notes, Undecided: p.Undecided, roster: new(roster.Signed)}
	for _, d := range p.Destinations {
		shown.Destinations = append(shown.Destinations, ProposedTo{d, nil})
	}
	var out bytes.Buffer
	if err := shown.Write(&out); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); strings.ContainsAny(s, "\x1b\u202e") || strings.Contains(s, "MARK") || !strings.Contains(s, "a hotline, Belgium (BE)") {
		t.Errorf("%s", s)
	}
}
