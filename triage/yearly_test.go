package triage

import (
	"bytes"
	"encoding/json"
	"html"
	"os"
	"strings"
	"testing"
	"time"
)

// year returns the yearly report as it is published for programs.
func (s *station) year(year int) string {
	s.t.Helper()
	r, err := s.alice.Year(year)
	ok(s.t, err)
	text, err := json.Marshal(r)
	ok(s.t, err)
	return string(text)
}

func TestTheYearlyReport(t *testing.T) {
	s := withdrawable(t)
	var cases []*told
	add := func(n int, language string, fields map[string]string) {
		for range n {
			s.language = language
			cases = append(cases, s.addCase(s.vault, fields))
		}
	}
	thailand := map[string]string{"what.seen": "MARK-ACCOUNT", "where.country": "TH", "where.city": "MARK-CITY", "what.categories": "trafficking"}
	add(14, "fr", thailand)
	add(7, "en-GB", map[string]string{"what.seen": "MARK-ACCOUNT", "where.country": "unknown"})
	add(1, "ur", map[string]string{"what.seen": "MARK-ACCOUNT", "where.country": "BT"})
	add(6, "fr", thailand)
	s.pull()
	for _, c := range cases[22:] {
		s.withdraw(c)
	}
	// Handed over and read on the second day, and one on the third.
	day := today
	defer func() { today = day }()
	ok(t, s.alice.Lock())
	for i, c := range cases[:21] {
		today = day.AddDate(0, 0, 1+i/20)
		_, err := s.alice.MarkRead(s.find(c))
		ok(t, err)
		_, err = s.alice.Route(s.find(c), "police", With{})
		ok(t, err)
	}
	s.alice.Unlock()
	today = day.AddDate(0, 0, 2)

	// What is queued does not count yet: only the ledger tells.
	if got := s.year(2026); !strings.Contains(got, `"name":"destinations","rows":[]`) || !strings.Contains(got, `"reading":{"median_days":null,`) {
		t.Errorf("before the push: %s", got)
	}
	s.push()
	s.add(cases[0], "MARK-ADDITION")
	s.pull()
	got := s.year(2026)
	for _, want := range []string{
		`"year":2026,"through_month":3,"made":"2026-03-06","organisation":"Example","deadline_hours":48,"total":"28"`,
		`"months","rows":[{"code":"01","count":"0"},{"code":"02","count":"0"},{"code":"03","count":"28"}]`,
		`"countries","rows":[{"code":"TH","count":"14"},{"code":"(others)","count":"14"}]`,
		`"categories","rows":[{"code":"trafficking","count":"14"}]`,
		`"languages","rows":[{"code":"fr","count":"14"},{"code":"(others)","count":"14"}]`,
		`"destinations","rows":[{"code":"police","count":">17"}]`, // 21 of 22 that were not withdrawn
		`"events","rows":[{"code":"addition","count":"\u003c5"},{"code":"withdrawn","count":"6"},{"code":"purged","count":"0"}]`,
		`"reading":{"median_days":1,"in_time":{"from_percent":60,"to_percent":80}}`, // 20 of 28
	} {
		if !strings.Contains(got, strings.ReplaceAll(want, `">17"`, `"\u003e17"`)) {
			t.Errorf("lacks %s:\n%s", want, got)
		}
	}
	if got := s.year(2025); !strings.Contains(got, `"total":"0","tables":[]`) {
		t.Errorf("the year before: %s", got)
	}

	// The page, in a directory that is made, whole and for its owner only.
	r, err := s.alice.Year(2026)
	ok(t, err)
	words, err := s.alice.YearWords("fr")
	ok(t, err)
	dir := s.alice.path("..", "published", "2026")
	for range 2 {
		paths, err := WriteYear(dir, r, words)
		ok(t, err)
		if len(paths) != 2 {
			t.Fatal(paths)
		}
	}
	names, err := os.ReadDir(dir)
	ok(t, err)
	if len(names) != 2 || names[0].Name() != "2026.csv" || names[1].Name() != "2026.html" {
		t.Errorf("written: %v", names)
	}
	everyFile(t, dir, func(path string, data []byte) {
		data = []byte(html.UnescapeString(string(data)))
		for _, want := range []string{"Federal Police", "Thaïlande (TH)", "français (fr)", catalogues["fr"].Messages["choice.what.categories.trafficking"]} {
			if !bytes.Contains(data, []byte(want)) {
				t.Errorf("%s lacks %q", path, want)
			}
		}
		for _, c := range cases {
			if bytes.Contains(data, []byte(c.id.String())) || bytes.Contains(data, []byte(c.id.String()[:8])) {
				t.Errorf("%s names a case", path)
			}
		}
		if bytes.Contains(data, []byte("MARK-")) || bytes.Contains(data, []byte("BT")) || bytes.Contains(data, []byte("alice")) {
			t.Errorf("%s tells what it must not", path)
		}
	})
}

// What stands in a report where a code belongs is a stranger's, and is not
// published.
func TestNothingButCodesIsPublished(t *testing.T) {
	row := (&Case{Day: "2026-03-04"}).count()
	(&Summary{Country: "=1+1", Language: "<script>", Category: []string{"anything", "other", "trafficking"}}).count(&row)
	if row.Country != "" || row.Language != "" || strings.Join(row.Categories, " ") != "other trafficking" {
		t.Errorf("%+v", row)
	}
	if row.Month != int(time.March) {
		t.Errorf("month %d", row.Month)
	}
}
