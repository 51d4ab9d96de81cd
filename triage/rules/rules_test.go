package rules

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/report"
)

// tellReport makes a report from "FIELD VALUE; FIELD VALUE".
func tellReport(t testing.TB, facts string) *report.Report {
	t.Helper()
	r := new(report.Report)
	if err := tell(r, facts); err != nil {
		t.Fatal(err)
	}
	return r
}

const head = "tocsin.rules.v1\nname x\nhome BE\nrule a\n"

// one parses a single rule with that condition.
func one(t testing.TB, when string) *Rules {
	t.Helper()
	s, err := Parse([]byte(head + "when " + when + "\npropose police home\nwhy So.\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParseRefusesWhatIsWrong(t *testing.T) {
	good := head + "when danger.now\npropose police home\nwhy So.\n"
	if _, err := Parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, w := range []struct {
		name, text string
		err        error
		says       string
	}{
		{"nothing", "", ErrMalformed, "the first line must be tocsin.rules.v1"},
		{"a newer version", strings.Replace(good, "v1", "v2", 1), ErrVersion, "a newer program is needed"},
		{"another thing", "tocsin.cases.v1\n", ErrMalformed, "the first line"},
		{"no rules", "tocsin.rules.v1\nname x\nhome BE\n", ErrMalformed, "at least one rule"},
		{"no home", strings.Replace(good, "home BE\n", "", 1), ErrMalformed, "a home"},
		{"no country", strings.Replace(good, "home BE", "home Belgium", 1), ErrMalformed, "line 3"},
		{"home twice", strings.Replace(good, "rule a", "home NL\nrule a", 1), ErrMalformed, "line 4"},
		{"an unknown key", good + "priority 1\n", ErrMalformed, `"priority" can't stand here`},
		{"two rules of a name", good + "rule a\nwhen danger.now\nwhy So.\n", ErrMalformed, "another rule"},
		{"no sentence", strings.Replace(good, "why So.\n", "", 1), ErrMalformed, "no why"},
		{"no condition", strings.Replace(good, "when danger.now\n", "", 1), ErrMalformed, "no when"},
		{"an unknown authority", strings.Replace(good, "propose police", "propose press", 1), ErrMalformed, "hotline"},
		{"an unknown country", strings.Replace(good, "police home", "police UK", 1), ErrMalformed, "UK"},
		{"a fact that is no country", strings.Replace(good, "police home", "police suspect.role", 1), ErrMalformed, "suspect.role"},
		{"a proposal twice", strings.Replace(good, "why", "propose police home\nwhy", 1), ErrMalformed, "already"},
		{"nothing to go on from", "tocsin.rules.v1\n  x\n", ErrMalformed, "go on from"},
		{"an escape sequence", strings.Replace(good, "So.", "So.\x1b[2J", 1), ErrMalformed, "can't be seen"},
		{"a bidirectional override", strings.Replace(good, "So.", "So.\u202e", 1), ErrMalformed, "can't be seen"},
		{"not UTF-8", good + "# \xff\n", ErrMalformed, "UTF-8"},
		{"too long", good + strings.Repeat("# x\n", MaxSize/4), ErrMalformed, "longer than"},
		{"urgent without anybody", strings.Replace(good, "propose police home", "urgent", 1), ErrMalformed, "proposes nothing"},
	} {
		_, err := Parse([]byte(w.text))
		if !errors.Is(err, w.err) || !strings.Contains(err.Error(), w.says) {
			t.Errorf("%s: %v; want %v that says %q", w.name, err, w.err, w.says)
		}
	}
}

func TestConditionsAreHeldToFactsAndAnswers(t *testing.T) {
	for _, when := range []string{
		"danger.now == ",                          // no expression
		"danger.soon",                             // no such fact
		"where.country",                           // neither true nor false
		`danger.now == "yes"`,                     // a bool and a text
		`where.country == "Thailand"`,             // no answer of the form
		`where.country == "unknown"`,              // unknown is never a value
		`suspect.role == "turist"`,                // a slip of the pen
		`witness.country == "BE"`,                 // about the witness
		`others.witnesses`,                        // about who was with the witness
		"true",                                    // no fact
		`home == "BE"`,                            // no fact
		`what.categories.exists(c, c == "other")`, // a macro
		`where.country.startsWith("B")`,           // a function
		`where.country + "X" == "BE"`,             // an operator
		`what.categories[0] == "other"`,           // an index, which could fail
		`danger.now && 1 == 1`,                    // a number
		`{"a": danger.now}["a"]`,                  // a map
		strings.Repeat("(", 40) + "danger.now" + strings.Repeat(")", 40), // deep
		"danger.now" + strings.Repeat(" || danger.now", 80),              // long
	} {
		if _, err := Parse([]byte(head + "when " + when + "\npropose police home\nwhy So.\n")); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.60s: %v, want ErrMalformed", when, err)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60s: an error of several lines: %q", when, err)
		}
	}
}

func TestUnansweredIsNeverNo(t *testing.T) {
	for _, w := range []struct {
		when, facts string
		applies     bool
		answers     string // that led to it, or that are missing
	}{
		{"danger.now", "danger.now yes", true, "danger.now=yes"},
		{"!danger.now", "danger.now no", true, "danger.now=no"},
		{"!danger.now", "danger.now unknown", false, "danger.now=unknown"},
		{"!danger.now", "what.seen x", false, "danger.now="},
		{"!child.missing && where.country != home", "where.country TH", false, "child.missing="},
		{"child.missing || where.country != home", "where.country TH", true, "where.country=TH"},
		{"child.missing || danger.now", "child.missing no", false, "danger.now="},
		// An or tells every side that holds, an and both, a not what it turned.
		{`suspect.nationality == home || suspect.residence == home`, "suspect.nationality BE; suspect.residence BE", true, "suspect.nationality=BE suspect.residence=BE"},
		{`suspect.nationality == home || suspect.residence == home`, "suspect.nationality BE; suspect.residence TH", true, "suspect.nationality=BE"},
		{`!(danger.now && child.missing)`, "danger.now no; child.missing yes", true, "danger.now=no"},
		{`!(danger.now && child.missing)`, "danger.now no", true, "danger.now=no"},
		{`danger.now ? child.missing : danger.departure`, "danger.now no; danger.departure yes; child.missing yes", true, "danger.now=no danger.departure=yes"},
		{`danger.now ? child.missing : danger.departure`, "child.missing yes", false, "danger.now="},
		// Lists and texts.
		{`"trafficking" in what.categories`, "what.categories trafficking; what.categories other", true, "what.categories=trafficking, other"},
		{`"trafficking" in what.categories`, "what.categories unknown", false, "what.categories=unknown"},
		{`where.country in ["TH", "PH", home]`, "where.country PH", true, "where.country=PH"},
		{"suspect.flight", "suspect.flight SN123", true, "suspect.flight=told"},
		{"!suspect.flight", "what.seen x", false, "suspect.flight="},
		// A code that this program does not know is no answer.
		{"suspect.nationality != home", "suspect.nationality Atlantis", false, "suspect.nationality="},
		// Made of several fields.
		{"online.only", "online.url x", true, "online.url=told where.place=not told"},
		{"!online.only", "online.url x; where.city Gent", true, "where.city=told"},
		{"!online.only", "where.country TH", true, "where.country=TH online.url=not told"},
		{"what.doubt", "what.why x", true, "what.why=told what.seen=not told what.heard=not told what.behaviour=not told"},
		{"what.doubt", "online.url x", false, "what.seen= what.heard= what.suspected="},
		{`consent == "none"`, "what.seen x", true, "consent="},
	} {
		p := one(t, w.when).Propose(tellReport(t, w.facts))
		var answers []Answer
		switch {
		case len(p.Destinations) == 1 && len(p.Undecided) == 0 && w.applies:
			answers = p.Destinations[0].Reasons[0].Answers
		case len(p.Destinations) == 0 && len(p.Undecided) == 1 && !w.applies:
			answers = p.Undecided[0].Missing
		default:
			t.Errorf("%s with %s: applies %v, undecided %v", w.when, w.facts, p.Destinations, p.Undecided)
			continue
		}
		var got []string
		for _, a := range answers {
			got = append(got, a.Field+"="+a.Value)
		}
		if strings.Join(got, " ") != w.answers {
			t.Errorf("%s with %s: answers %q, want %q", w.when, w.facts, got, w.answers)
		}
	}
}

// TestAnotherAnswerUndoesNothing holds, for any rules of ours and any report,
// that what was decided without an answer stays so whatever the answer is.
func TestAnotherAnswerUndoesNothing(t *testing.T) {
	var questions []report.Field
	for _, f := range report.Fields() {
		// A place told turns "only online" round: it is no missing answer.
		if f.Kind == report.Choice && f.Name != "consent" && f.Name != "where.place_kind" {
			questions = append(questions, f)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		r := new(report.Report)
		var open []report.Field
		for _, f := range questions {
			v := rapid.SampledFrom([]string{"", "", report.Unknown, "yes", "no", "BE", "TH", "DE"}).Draw(t, f.Name)
			if v != "" && !slices.Contains(f.Choices, v) {
				v = ""
			}
			r.Set(f.Name, v)
			if v == "" || v == report.Unknown {
				open = append(open, f)
			}
		}
		for _, f := range []string{"what.seen", "what.suspected", "online.url", "online.handle", "where.city"} {
			r.Set(f, rapid.SampledFrom([]string{"", "x"}).Draw(t, f))
		}
		before := Default().Propose(r)
		if len(open) == 0 {
			return
		}
		f := rapid.SampledFrom(open).Draw(t, "question")
		r.Set(f.Name, rapid.SampledFrom(f.Choices[:len(f.Choices)-1]).Draw(t, "answer"))
		after := Default().Propose(r)
		for _, v := range Default().rules {
			b, a := standing(before, v.id), standing(after, v.id)
			if b != "undecided" && b != a {
				t.Fatalf("rule %s %s, and %s after %s was answered", v.id, b, a, f.Name)
			}
		}
	})
}

func standing(p *Proposals, id string) string {
	is := func(r Reason) bool { return r.Rule == id }
	switch {
	case slices.ContainsFunc(p.Undecided, func(u Undecided) bool { return u.Rule == id }):
		return "undecided"
	case slices.ContainsFunc(p.Notes, is),
		slices.ContainsFunc(p.Destinations, func(d Proposal) bool { return slices.ContainsFunc(d.Reasons, is) }):
		return "applies"
	}
	return "does not apply"
}

// TestProposalsHoldNothingOfTheWitness fills every field of a report and looks
// for what must stay out of a decision that is handed over.
func TestProposalsHoldNothingOfTheWitness(t *testing.T) {
	r := new(report.Report)
	for _, f := range report.Fields() {
		v := "MARK-" + f.Name
		if len(f.Choices) > 0 {
			v = f.Choices[0]
		}
		if err := r.Set(f.Name, v); err != nil {
			t.Fatal(err)
		}
	}
	// Written by another program: a choice that is none.
	r.Suspect.Nationality = "MARK-\x1b[2J"
	r.Consent = "MARK-consent"
	var rules strings.Builder
	rules.WriteString("tocsin.rules.v1\nname all\nhome BE\n")
	for i, f := range Facts() {
		condition := f.Name
		switch f.Kind {
		case FactText:
			condition += ` == "` + f.Choices[0] + `"`
		case FactList:
			condition = `"` + f.Choices[0] + `" in ` + f.Name
		}
		rules.WriteString("rule r" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + "\nwhen " + condition + "\npropose police suspect.nationality\npropose police home\nwhy So.\n")
	}
	s, err := Parse([]byte(rules.String()))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s.Propose(r))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), Told) || strings.Contains(string(text), "MARK") || strings.Contains(string(text), "witness") {
		t.Errorf("a proposal says too much, or nothing: %s", text)
	}
	// And what is withheld is no fact at all.
	r.Consent = report.ConsentNone
	_, held := r.Withhold()
	for _, h := range held {
		if factByName[h.Field] != nil {
			t.Errorf("%s is withheld without consent, but is a fact", h.Field)
		}
	}
	if len(held) == 0 {
		t.Error("nothing is withheld")
	}
}

func TestOrderAndMatching(t *testing.T) {
	r := tellReport(t, "where.country TH; suspect.nationality DE; child.missing yes; danger.departure yes")
	p := Default().Propose(r)
	var got []string
	for _, d := range p.Destinations {
		got = append(got, d.Kind+" "+d.Country)
	}
	if want := []string{"police BE", "foreign-affairs BE", "hotline DE", "child-protection BE"}; !slices.Equal(got, want) || !p.Destinations[0].Urgent {
		t.Errorf("proposed %q, urgent %v; want %q, the first of them urgent", got, p.Destinations[0].Urgent, want)
	}
	late, err := Parse([]byte(head + "when danger.departure\npropose police home\nwhy So.\nrule b\nwhen child.missing\npropose other\nurgent\nwhy So.\n"))
	if err != nil {
		t.Fatal(err)
	}
	if p := late.Propose(r); len(p.Destinations) != 2 || p.Destinations[0].Kind != "other" {
		t.Errorf("an urgent proposal does not come first: %v", p.Destinations)
	}
	for _, m := range []struct {
		kind, country string
		want          bool
	}{
		{"police", "BE", true}, {"police", "", true}, {"police", "TH", false},
		{"hotline", "DE", true}, {"hotline", "BE", false}, {"justice", "BE", false}, {"", "", false},
	} {
		if got := p.Confirms(m.kind, m.country); got != m.want {
			t.Errorf("Confirms(%q, %q) = %v", m.kind, m.country, got)
		}
	}
	first, _ := json.Marshal(p)
	for range 20 {
		if again, _ := json.Marshal(Default().Propose(r)); string(again) != string(first) {
			t.Fatalf("proposed %s and then %s", first, again)
		}
	}
	if !strings.HasPrefix(p.Rules, "belgium-1 sha256:") || late.Version() == p.Rules {
		t.Errorf("the rules are called %q", p.Rules)
	}
}

// A rule that proposes the authority of a country that is not known proposes
// it when it is.
func TestTheCountryOfAnAuthorityCanBeMissing(t *testing.T) {
	s, err := Parse([]byte(head + "when danger.now\npropose hotline suspect.nationality\npropose police home\nwhy So.\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := s.Propose(tellReport(t, "danger.now yes"))
	if !slices.Equal(lines(p), []string{"to police BE: a", "ask suspect.nationality"}) {
		t.Errorf("%q", lines(p))
	}
}
