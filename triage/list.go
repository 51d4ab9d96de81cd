package triage

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/triage/screen"
)

// A Summary is a line of the inbox. Its texts were written by a stranger: they
// are cleaned for one line of a terminal.
type Summary struct {
	ID        string   `json:"case"`
	Day       string   `json:"day"`
	Due       string   `json:"due"` // the day on which the deadline passes
	HoursLeft int      `json:"hours_left"`
	Age       int      `json:"age_hours"` // since the day on which it came began
	State     string   `json:"state"`     // one of the State constants
	Danger    bool     `json:"danger"`    // a child is in danger now
	Departure bool     `json:"departure"` // a departure is imminent
	Country   string   `json:"country,omitempty"`
	City      string   `json:"city,omitempty"`
	Account   string   `json:"account,omitempty"`  // first line
	Language  string   `json:"language,omitempty"` // in which the witness reported
	Category  []string `json:"category,omitempty"` // codes of report.Categories
	Messages  int      `json:"messages"`           // after the report, but for notes
	Unheard   bool     `json:"unheard"`            // the witness wrote after the last reply, after a hand-over or not
	Files     int      `json:"files"`
	HandedTo  []string `json:"handed_to"`
	Queued    bool     `json:"queued"`             // something waits to be pushed
	Assigned  string   `json:"assigned,omitempty"` // to a case worker
	Marks     []string `json:"marks"`
	Held      bool     `json:"held"`
	Read      bool     `json:"read"` // a case worker has opened it
	Purged    string   `json:"purged,omitempty"`
	Withdrawn bool     `json:"withdrawn"`         // by the witness
	Altered   bool     `json:"altered"`           // see ErrAltered
	Problem   string   `json:"problem,omitempty"` // why it could not be read
}

// Where a case stands: the last of these that happened to it.
const (
	StateNew          = "new"  // nobody has opened it
	StateRead         = "read" // a case worker has
	StateHeld         = "held" // and has stopped its retention clock
	StateHandedOver   = "handed-over"
	StateAcknowledged = "acknowledged" // by one to whom it was handed
	StateWithdrawn    = "withdrawn"
	StatePurged       = "purged"
)

// Open reports whether nobody has been told of the case yet.
func (s *Summary) Open() bool { return len(s.HandedTo) == 0 && !s.retired() }

func (s *Summary) retired() bool { return s.Purged != "" || s.Withdrawn }

// List returns the cases, the most urgent first; see [Home.Inbox]. A case that
// can't be read is in it, with its problem, rather than missing.
func (h *Home) List() ([]Summary, error) {
	b, err := h.Inbox()
	if err != nil {
		return nil, err
	}
	return b.List(), nil
}

// at returns the entry's summary with what passes with time. Only the day of a
// report is kept, so that its clock starts when that day began: never too late.
func (e *entry) at(now time.Time, deadline time.Duration) Summary {
	s := e.Summary
	began := ledger.Day(s.Day).Time()
	due := began.Add(deadline)
	s.Due = string(ledger.DayOf(due))
	s.HoursLeft = int(due.Sub(now).Hours())
	s.Age = int(now.Sub(began).Hours())
	return s
}

// outline fills in what the ledger alone says.
func outline(c *Case) Summary {
	s := Summary{
		ID: c.ID.String(), Day: string(c.Day), Held: c.Held, Purged: c.Purged, HandedTo: []string{},
		Read: len(c.Read) > 0, Withdrawn: c.Withdrawn, Marks: []string{}, State: c.state(), Queued: c.queued,
	}
	for _, e := range c.Messages {
		switch e.Leaf.Kind {
		case ledger.KindAddition:
			s.Messages++
			s.Unheard = true
		case ledger.KindReply:
			s.Messages++
			s.Unheard = false
		}
	}
	for _, e := range c.Handed {
		if e.Leaf.Event == ledger.EventHandedOver && !slices.Contains(s.HandedTo, e.Leaf.Destination) {
			s.HandedTo = append(s.HandedTo, e.Leaf.Destination)
		}
	}
	return s
}

func (c *Case) state() string {
	acknowledged := func(e Entry) bool { return e.Leaf.Event == ledger.EventAcknowledged }
	switch {
	case c.Purged != "":
		return StatePurged
	case c.Withdrawn:
		return StateWithdrawn
	case slices.ContainsFunc(c.Handed, acknowledged):
		return StateAcknowledged
	case len(c.Handed) > 0:
		return StateHandedOver
	case c.Held:
		return StateHeld
	case len(c.Read) > 0:
		return StateRead
	}
	return StateNew
}

// A gist is what is found in a case beside its summary.
type gist struct {
	words     strings.Builder // to find it by
	report    *report.Report
	additions []string
}

// summarise fills in what the report and the notes say.
func (h *Home) summarise(o *opened, s *Summary, g *gist) error {
	unheard := false
	for _, e := range o.Messages {
		if e.Leaf.Kind == ledger.KindReply {
			unheard = false
		}
		if e.Leaf.IsSigned() { // by a case worker, rather than from the witness
			continue
		}
		msg, err := h.read(o, e, nil)
		if err != nil && e.Leaf.Kind == ledger.KindAddition {
			// The report was read, and decides how urgent the case is.
			s.Problem, unheard = screen.Line(err.Error()), true
			continue
		}
		if err != nil {
			return err
		}
		s.Files += len(msg.Files)
		for _, f := range msg.Files {
			g.words.WriteString(f.Name + "\n")
		}
		if e.Leaf.Kind != ledger.KindReport {
			note, err := parseNote(msg)
			if err != nil {
				s.Problem, unheard = screen.Line(err.Error()), true
				continue
			}
			unheard = unheard || note.Text != "" || len(msg.Files) > 0
			g.words.WriteString(note.Text + "\n")
			g.additions = append(g.additions, note.Text)
			continue
		}
		r, err := parseReport(msg)
		if err != nil {
			return err
		}
		g.report = r
		s.Altered = o.altered(msg)
		s.Danger = r.Danger.Now == report.Yes
		s.Departure = r.Danger.Departure == report.Yes
		s.Country = screen.Line(r.Where.Country)
		s.City = screen.Line(r.Where.City)
		s.Account, s.Language = firstLine(r), screen.Line(r.Language)
		for _, c := range r.What.Categories {
			s.Category = append(s.Category, screen.Line(c))
		}
		for _, f := range report.Fields() {
			for _, v := range r.Get(f.Name) {
				g.words.WriteString(v + "\n")
				if f.Format == report.Country {
					g.words.WriteString(countryLabel(v) + "\n")
				}
			}
		}
	}
	s.Unheard = unheard // an addition may only tell that replies were read
	d := h.deskOf(o)
	s.Assigned, s.Marks = d.Assigned, d.Marks
	for _, n := range d.Notes {
		g.words.WriteString(n.Text + "\n")
		if n.Problem != "" {
			s.Problem = n.Problem
		}
	}
	return nil
}

// firstLine returns the first line of the account, or of the address where
// there is none.
func firstLine(r *report.Report) string {
	for _, s := range []string{r.What.Seen, r.What.Heard, r.What.Suspected, r.What.Behaviour, r.What.Why, r.Online.URL} {
		for line := range strings.Lines(s) {
			if line = screen.Line(line); line != "" {
				return line
			}
		}
	}
	return ""
}

// moreUrgent orders what has to be looked at first: a case that can't be read
// may be anything, and one that was tampered with is not alone; then a child in
// danger, a departure; then what nobody was told of, by its deadline; then news
// in what was handed over; then the rest.
func moreUrgent(a, b *Summary) int {
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Day, b.Day))
}

func rank(s *Summary) int {
	switch {
	case s.retired():
		return 6
	case s.Problem != "" || s.Altered:
		return 0
	case s.Open() && s.Danger:
		return 1
	case s.Open() && s.Departure:
		return 2
	case s.Open():
		return 3
	case s.Unheard:
		return 4
	}
	return 5
}
