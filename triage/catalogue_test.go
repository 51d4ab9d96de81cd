package triage

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/report"
	"tocsin/seal/roster"
)

func TestEveryPageLanguageHasACatalogue(t *testing.T) {
	if got := slices.Sorted(maps.Keys(catalogues)); !slices.Equal(got, slices.Sorted(slices.Values(roster.PageLanguages()))) {
		t.Errorf("catalogues: %v; a roster may ask for %v", got, roster.PageLanguages())
	}
}

var verbs = regexp.MustCompile(`%[a-z]`)

// sameEverywhere are the words that are what they are in English.
var sameEverywhere = map[string]string{
	"fr": `page.questions section.danger field.when.date field.suspect.description field.online.date
		field.child.description field.evidence.description field.witness.contact provenance.heading
		choice.where.place_kind.restaurant`,
	"nl": `page.bytes section.online field.witness.contact field.online.platform choice.where.place_kind.hotel
		choice.where.place_kind.restaurant choice.where.place_kind.school choice.where.place_kind.online
		field.witness.country time.home`,
	"de": `page.bytes field.suspect.name time.home`,
}

func TestEveryCatalogueSaysEverything(t *testing.T) {
	for tag, c := range catalogues {
		for key, text := range english.Messages {
			other, ok := c.Messages[key]
			switch {
			case !ok || strings.TrimSpace(other) == "":
				t.Errorf("%s: %s is missing", tag, key)
			case !slices.Equal(verbs.FindAllString(text, -1), verbs.FindAllString(other, -1)):
				t.Errorf("%s: %s puts other things in, or in another order: %q", tag, key, other)
			case tag != "en" && other == text && !slices.Contains(strings.Fields(sameEverywhere[tag]), key):
				t.Errorf("%s: %s was left in English: %q", tag, key, other)
			}
		}
		for key := range c.Messages {
			if _, ok := english.Messages[key]; !ok {
				t.Errorf("%s: %s is nothing that English says", tag, key)
			}
		}
	}
}

// TestEveryTextIsUsed looks for names of texts in the page and the program.
// What is asked for by the code of an answer is held against the form.
func TestEveryTextIsUsed(t *testing.T) {
	used := make(map[string]bool)
	quoted := regexp.MustCompile(`"((?:page|event|reason|withheld|note|consent|provenance|check|value|ack|time|mission)\.[a-z.-]+[a-z])"`)
	sources, err := filepath.Glob("*.go")
	ok(t, err)
	for _, name := range append(sources, "page.html") {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		ok(t, err)
		for _, m := range quoted.FindAllStringSubmatch(string(text), -1) {
			used[m[1]] = true
			if english.Messages[m[1]] == "" && !strings.HasSuffix(m[1], ".json") && !strings.HasSuffix(m[1], ".html") {
				t.Errorf("%s says %q, which no catalogue does", name, m[1])
			}
		}
	}
	for _, f := range report.Fields() {
		used["section."+f.Section], used["field."+f.Name] = true, true
		for _, c := range f.Choices {
			used["choice."+f.Name+"."+c], used["value."+c], used["consent."+c] = true, true, true
		}
	}
	for _, a := range report.Authorities() {
		used["authority."+a] = true
	}
	for _, event := range []string{"report", "addition", "reply", "note", "case", "read", "handed-over", "acknowledged", "held", "rekey"} {
		used["event."+event] = true
		if english.Messages["event."+event] == "" {
			t.Errorf("the event %s has no name", event)
		}
	}
	used["withheld.files.name"] = true
	for key := range english.Messages {
		if !used[key] {
			t.Errorf("nothing says %s", key)
		}
	}
}

func TestTheGuidelinesTermsAreTheReports(t *testing.T) {
	for _, c := range report.Categories() {
		if got := english.Messages["choice.what.categories."+c.Code]; got != c.Term {
			t.Errorf("%s is %q, and %q on the page", c.Code, c.Term, got)
		}
	}
}

// full returns a report in which everything is answered.
func full(t *testing.T) *report.Report {
	r := new(report.Report)
	for _, f := range report.Fields() {
		for _, v := range answers(f) {
			ok(t, r.Set(f.Name, v))
		}
	}
	ok(t, r.Validate())
	return r
}

func answers(f report.Field) []string {
	switch {
	case f.Format == report.Country:
		return []string{"TH"}
	case f.Kind == report.Choices:
		return f.Choices
	case f.Kind == report.Choice:
		return f.Choices[:1]
	case f.Format == report.Date:
		return []string{"2026-02-28"}
	case f.Format == report.Time:
		return []string{"21:40"}
	case f.Format == report.Coordinates:
		return []string{"12.9,100.9"}
	}
	return []string{"42"}
}

// The page is in one language: but for names and commands, no text of it is in
// the template, and none of the English ones is on a page in another.
func TestThePageIsInItsLanguage(t *testing.T) {
	bare := pageText[strings.Index(pageText, "<body>"):]
	for _, strip := range []string{`(?s)<pre>.*?</pre>`, `\{\{.*?\}\}`, `<[^>]*>`} {
		bare = regexp.MustCompile(strip).ReplaceAllString(bare, " ")
	}
	bare = strings.ReplaceAll(bare, "SHA-256", "")
	if left := regexp.MustCompile(`[A-Za-z]{2,}`).FindAllString(bare, -1); len(left) > 0 {
		t.Errorf("the template itself says %v", left)
	}
	country := map[string]string{"en": "Thailand (TH)", "fr": "Thaïlande (TH)", "nl": "Thailand (TH)", "de": "Thailand (TH)"}
	for tag, c := range catalogues {
		page, err := firstPage(fullPage(t, tag))
		ok(t, err)
		shown := string(page)
		for _, want := range []string{`<html lang="` + tag + `">`, country[tag], c.Messages["page.heading"], c.Messages["page.danger"],
			c.Messages["reason.consent"], c.Messages["note.words"],
			c.Messages["choice.what.categories.trafficking"], "case-1"} {
			if !strings.Contains(unescaped(shown), want) {
				t.Errorf("%s: the page lacks %q", tag, want)
			}
		}
		if strings.Contains(shown, "%!") {
			t.Errorf("%s: something was not put into its place", tag)
		}
		for key, text := range english.Messages {
			if tag != "en" && len(text) > 14 && c.Messages[key] != text && strings.Contains(shown, ">"+text+"<") {
				t.Errorf("%s: the page says %q", tag, text)
			}
		}
	}
}

func unescaped(s string) string {
	return strings.NewReplacer("&#39;", "'", "&#34;", `"`, "&#43;", "+").Replace(s)
}

// fullPage is what a page can be asked to say.
func fullPage(t *testing.T, tag string) *pageData {
	return &pageData{
		Report: full(t), Received: "2026-03-04", Policy: roster.DefaultPolicy(),
		Destination: &roster.Destination{Name: "police", Title: "Police", Language: tag, Kind: "foreign-affairs", Country: "BE"},
		Provenance: &provenance{
			Case: "case-1", Organisation: "Example", By: "alice", Routed: "2026-03-05", Roster: 3,
			Messages: []bagMessage{{Kind: "addition", Day: "2026-03-05", Text: "42"}, {Kind: "reply", Day: "2026-03-05", Text: "42"}},
			Files:    []bagFile{{Path: "files/001.jpg", Size: 42}},
			Withheld: []withheld{{"witness.contact", report.ReasonConsent}, {"files.name", reasonName}, {"what.new", report.ReasonUnknown}},
			Sealed:   []source{{Index: 2, Kind: "report", Day: "2026-03-04", Size: 42}, {Index: -1, Kind: "reply", Day: "2026-03-05", Size: 42}},
			Custody:  []custodyLeaf{{Index: 1, Event: "case", Day: "2026-03-04"}, {Index: 5, Event: "handed-over", Destination: "embassy", Day: "2026-03-05", By: "bob"}},
		},
		Notes: []said{{Key: "note.times"}, {Key: "note.words"}, {Key: "note.unreadable", Args: []any{int64(7)}}},
	}
}

func TestACountryIsNamedAndCoded(t *testing.T) {
	for code, want := range map[string]string{"TH": "Thailand (TH)", "XK": "Kosovo (XK)", "?": "?"} {
		if got := countryLabel(code); got != want {
			t.Errorf("%s is %q", code, got)
		}
	}
}
