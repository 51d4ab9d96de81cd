package intake

import (
	"bytes"

	"tocsin/report"
	"tocsin/seal"
)

// A receipt is what the page that says "received" needs to know.
type receipt struct {
	Codename seal.Codename
	Again    bool           // it had arrived before
	Report   *report.Report // as it came in, or nil when the page is shown again
	Tried    string         // what became of trying the words: "right", "wrong" or ""
}

// receivedPage says that a report is on stable storage. Where a child is in
// danger now, the numbers to call stand on it once more.
func (s *Server) receivedPage(l *Language, r receipt) *bytes.Buffer {
	mobile := s.mobileCall()
	page := struct {
		view
		Codename string
		Words    []string
		Again    bool
		Tried    string
		Danger   bool
		Numbers  *countryNumbers
		Mobile   *call
		Deadline int
	}{
		view:     s.carrying(l, "received", "received", "keep"),
		Codename: r.Codename.String(),
		Words:    r.Codename.Words(),
		Again:    r.Again,
		Tried:    r.Tried,
		Mobile:   &mobile,
		Deadline: s.vault.Roster().Policy.DeadlineHours,
	}
	if r.Report != nil && r.Report.Danger.Now == report.Yes {
		page.Danger = true
		page.Numbers = s.numbersFor(l, r.Report.Where.Country, false)
	}
	return s.render("received", page)
}

// received shows the page again, in another language or after the witness has
// typed the words to be sure of them: two codenames are the same when their words
// are. It says "received" of what the store holds, and of nothing else.
func (s *Server) received(x *exchange, v *visit, fields map[string]string) (*bytes.Buffer, error) {
	if page, err := s.gone(x.lang, v.found.ID); page != nil || err != nil {
		return page, err
	}
	r := receipt{Codename: v.codename}
	if typed := fields["typed"]; typed != "" {
		r.Tried = "wrong"
		if c, err := seal.ParseCodename(typed); err == nil && c == v.codename {
			r.Tried = "right"
		}
	}
	return s.receivedPage(x.lang, r), nil
}
