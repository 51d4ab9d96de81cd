package triage

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/triage/screen"
	"tocsin/triage/stats"
)

// Year counts the reports that came in a year, for the organisation's yearly
// report. Days and what became of a report are what the ledger says: what is
// queued here and not in it yet does not count. Country, category and language
// are what the inbox says; of a report that was destroyed, or that can't be read
// here, they are unknown. Opening many is told to Reading. Errors are those of
// Inbox.
func (h *Home) Year(year int) (*stats.Report, error) {
	r, err := h.Roster()
	if err != nil {
		return nil, err
	}
	list, err := h.List()
	if err != nil {
		return nil, err
	}
	said := make(map[string]*Summary)
	for i := range list {
		said[list[i].ID] = &list[i]
	}
	m, err := h.openMirror()
	if err != nil {
		return nil, err
	}
	today := h.today().Time()
	about := stats.About{
		Year: year, Through: 12, Made: string(h.today()), Organisation: r.Organisation,
		Deadline: r.Policy.DeadlineHours,
	}
	if year == today.Year() {
		about.Through = int(today.Month())
	}
	var cases []stats.Case
	for _, c := range m.cases() {
		if c.Day.Time().Year() != year {
			continue
		}
		row := c.count()
		if s := said[c.ID.String()]; s != nil {
			s.count(&row)
		}
		// The clocks of the store and of this machine may differ.
		about.Through = max(about.Through, row.Month)
		cases = append(cases, row)
	}
	return stats.Make(about, cases), nil
}

// count is what the ledger tells of a case for the yearly report.
func (c *Case) count() stats.Case {
	first := func(entries []Entry, event ledger.Event) int {
		days := stats.Never
		for _, e := range entries {
			if e.Leaf.Event != event {
				continue
			}
			// By the worker's clock, which may be behind.
			n := max(0, int(e.Leaf.Done.Time().Sub(c.Day.Time()).Hours())/24)
			if days == stats.Never || n < days {
				days = n
			}
		}
		return days
	}
	row := stats.Case{
		Month: int(c.Day.Time().Month()), Withdrawn: c.Withdrawn, Purged: c.Purged != "",
		Read:         first(c.Read, ledger.EventRead),
		HandedOver:   first(c.Handed, ledger.EventHandedOver),
		Acknowledged: first(c.Handed, ledger.EventAcknowledged),
	}
	for _, e := range c.Handed {
		if e.Leaf.Event == ledger.EventHandedOver {
			row.Destinations = append(row.Destinations, e.Leaf.Destination)
		}
	}
	row.Addition = slices.ContainsFunc(c.Messages, func(e Entry) bool { return e.Leaf.Kind == ledger.KindAddition })
	return row
}

// count fills in what the report tells. What it says where a code belongs may
// be anything, and this is published: what is no code is left out.
func (s *Summary) count(row *stats.Case) {
	if s.Problem != "" || s.retired() {
		return
	}
	if report.IsCountry(s.Country) {
		row.Country = s.Country
	}
	base, _, _ := strings.Cut(s.Language, "-")
	if templateSets[base] != nil { // those in which a witness can report
		row.Language = base
	}
	for _, c := range s.Category {
		if _, known := english.Messages["choice.what.categories."+c]; known || c == "other" || c == report.Unknown {
			row.Categories = append(row.Categories, c)
		}
	}
}

// YearWords returns the words of a language in which the yearly report can be
// published: those of the page of a hand-over, and the roster's titles of
// destinations. Another language is English.
func (h *Home) YearWords(language string) (*stats.Words, error) {
	r, err := h.Roster()
	if err != nil {
		return nil, err
	}
	c := catalogueOf(language)
	return stats.In(language, func(code string) string {
		return c.of(code, "choice.what.categories."+code, "value."+code)
	}, func(name string) string {
		if d := r.Destination(name); d != nil && d.Title != "" {
			return screen.Line(d.Title)
		}
		return name
	}), nil
}

// WriteYear writes YEAR.html and YEAR.csv in dir, which it makes if need be, each
// whole or not at all and in the place of one that is there, and returns their
// paths.
func WriteYear(dir string, r *stats.Report, words *stats.Words) (paths []string, err error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	for _, f := range []struct {
		ending string
		write  func(io.Writer, *stats.Words) error
	}{{"html", r.WriteHTML}, {"csv", r.WriteCSV}} {
		var b bytes.Buffer
		if err := f.write(&b, words); err != nil {
			return nil, err
		}
		path := filepath.Join(dir, fmt.Sprintf("%d.%s", r.Year, f.ending))
		if err := writeFile(path, b.Bytes()); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}
