package triage

import (
	"cmp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal/roster"
	"tocsin/triage/screen"
)

// A Summary is a line of the inbox. Its texts were written by a stranger: they
// are cleaned for one line of a terminal.
type Summary struct {
	ID        string   `json:"case"`
	Day       string   `json:"day"`
	Due       string   `json:"due"` // the day on which the deadline passes
	HoursLeft int      `json:"hours_left"`
	Danger    bool     `json:"danger"`    // a child is in danger now
	Departure bool     `json:"departure"` // a departure is imminent
	Country   string   `json:"country,omitempty"`
	City      string   `json:"city,omitempty"`
	Account   string   `json:"account,omitempty"` // first line
	Messages  int      `json:"messages"`          // after the report, but for notes
	Unheard   bool     `json:"unheard"`           // the witness wrote after the last reply, after a hand-over or not
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

// Open reports whether nobody has been told of the case yet.
func (s *Summary) Open() bool { return len(s.HandedTo) == 0 && !s.retired() }

func (s *Summary) retired() bool { return s.Purged != "" || s.Withdrawn }

// List opens every case and returns the most urgent first. A case that can't
// be read is in it, with its problem, rather than missing.
func (h *Home) List() ([]Summary, error) {
	r, err := h.Roster()
	if err != nil {
		return nil, err
	}
	cases, err := h.Cases()
	if err != nil {
		return nil, err
	}
	if len(cases) == 0 {
		return nil, nil
	}
	// Without the key there is one error to tell, not one for each case.
	if _, err := h.Identity(); err != nil {
		return nil, err
	}
	deadline := time.Duration(r.Policy.DeadlineHours) * time.Hour
	list := make([]Summary, len(cases))
	var next atomic.Int64
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(cases)); i = next.Add(1) - 1 {
				list[i] = h.summary(cases[i], r, deadline)
			}
		})
	}
	all.Wait()
	slices.SortStableFunc(list, moreUrgent)
	return list, nil
}

// summary opens a case for its line of the list. Identity was called before,
// so that several may run at once.
func (h *Home) summary(c *Case, r *roster.Signed, deadline time.Duration) Summary {
	s := h.outline(c, deadline)
	if c.retired() {
		return s
	}
	o, err := h.open(c, r)
	if err == nil {
		err = h.summarise(o, &s)
	}
	if err != nil {
		s.Problem = screen.Line(err.Error())
	}
	return s
}

// outline fills in what the ledger alone says. Only the day of a report is
// kept, so that its clock starts when that day began: never too late.
func (h *Home) outline(c *Case, deadline time.Duration) Summary {
	due := c.Day.Time().Add(deadline)
	s := Summary{
		ID: c.ID.String(), Day: string(c.Day), Due: string(ledger.DayOf(due)),
		HoursLeft: int(due.Sub(h.Now()).Hours()), Held: c.Held, Purged: c.Purged, HandedTo: []string{},
		Read: len(c.Read) > 0, Withdrawn: c.Withdrawn, Marks: []string{},
	}
	for _, e := range c.Messages {
		s.Queued = s.Queued || e.Index < 0
		switch e.Leaf.Kind {
		case ledger.KindAddition:
			s.Messages++
			s.Unheard = true
		case ledger.KindReply:
			s.Messages++
			s.Unheard = false
		}
	}
	for _, e := range c.Read {
		s.Queued = s.Queued || e.Index < 0
	}
	for _, e := range c.Handed {
		s.Queued = s.Queued || e.Index < 0
		if e.Leaf.Event == ledger.EventHandedOver && !slices.Contains(s.HandedTo, e.Leaf.Destination) {
			s.HandedTo = append(s.HandedTo, e.Leaf.Destination)
		}
	}
	return s
}

// summarise fills in what the report says, and the notes.
func (h *Home) summarise(o *opened, s *Summary) error {
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
		if e.Leaf.Kind != ledger.KindReport {
			note, err := parseNote(msg)
			if err != nil {
				s.Problem, unheard = screen.Line(err.Error()), true
				continue
			}
			unheard = unheard || note.Text != "" || len(msg.Files) > 0
			continue
		}
		r, err := parseReport(msg)
		if err != nil {
			return err
		}
		s.Altered = o.altered(msg)
		s.Danger = r.Danger.Now == report.Yes
		s.Departure = r.Danger.Departure == report.Yes
		s.Country = screen.Line(r.Where.Country)
		s.City = screen.Line(r.Where.City)
		s.Account = firstLine(r)
	}
	s.Unheard = unheard // an addition may only tell that replies were read
	d := h.deskOf(o)
	s.Assigned, s.Marks = d.Assigned, d.Marks
	for _, n := range d.Notes {
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
// may be anything, and one that was tampered with is not alone; then a child in danger, a departure; then what nobody was
// told of, by its deadline; then news in what was handed over; then the rest.
func moreUrgent(a, b Summary) int {
	return cmp.Or(cmp.Compare(rank(&a), rank(&b)), cmp.Compare(a.Day, b.Day))
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
