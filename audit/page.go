package audit

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"tocsin/ledger"
	"tocsin/seal/roster"
)

// The page stands alone: no script, no resource from anywhere, and a policy in
// it that forbids both to whatever opens it.
//
//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"show": Printable}).Parse(pageText))

// maxRows is how many rows of a table of statistics the page shows.
const maxRows = 100

// About is what the page says of an audit beside its result.
type About struct {
	Day     ledger.Day // on which it was made
	Program string     // name and version
	Command string     // that repeats it
}

// page is what the template sees.
type page struct {
	*Result
	About
}

// WriteHTML writes the result as a page to be attached to the minutes of who
// answers for the store. What it quotes of the store is escaped, and what is not
// printable in it is shown as [Printable] does.
func (r *Result) WriteHTML(dst io.Writer, about About) error {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, &page{r, about}); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	if _, err := dst.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}

// count is how many findings there are of some severities, with those that are
// not listed.
func (p *page) count(of ...Severity) int {
	n := 0
	for _, g := range p.groups(of...) {
		n += len(g.Findings) + g.More
	}
	return n
}

// plural says how many there are of something.
func plural(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}

// Verdict says in a sentence what was found, and in another whether anything
// waits for somebody.
func (p *page) Verdict() string {
	said := "The store is whole, but nothing was remembered of it: whether its history was rewritten before this day could not be told."
	switch {
	case !p.Whole:
		said = fmt.Sprintf("The store is not whole: %s, of which %d critical.", plural(p.count(Critical, Serious), "finding", "findings"), p.count(Critical))
	case p.History == HistoryGrew:
		said = "The store is whole: nothing that was accepted is missing or altered, nothing was slipped in, and its history contains all that the last audit saw."
	}
	if n := p.count(Notice); n > 0 {
		said += fmt.Sprintf(" In %s somebody should act.", plural(n, "matter", "matters"))
	}
	return said
}

// Memory says what the store's history was held against.
func (p *page) Memory() string {
	switch p.History {
	case HistoryFirst:
		return "Nothing was remembered of it. The checkpoint of this audit is, for the next."
	case HistoryGrew:
		return "It contains the history that the last audit remembered: it was only added to."
	case HistoryBroken:
		return "It does not contain the history that the last audit remembered: see the findings."
	}
	return "It was held against nothing that was remembered."
}

// Vouched says which cosigners vouch for how much of the history.
func (p *page) Vouched() string {
	if p.Cosigned == nil {
		return "nobody"
	}
	said := make([]string, len(p.Cosigned.By))
	for i, c := range p.Cosigned.By {
		said[i] = fmt.Sprintf("%s (%s)", c.Name, c.Day)
	}
	return fmt.Sprintf("%s, for the first %d leaves", strings.Join(said, ", "), p.Cosigned.Size)
}

// Title names whose store it is.
func (p *page) Title() string {
	if p.InForce == nil {
		return "Audit of a store"
	}
	return "Audit of the store of " + p.InForce.Organisation
}

// Instance is which of the organisation's stores it is.
func (p *page) Instance() *roster.Instance {
	if p.InForce == nil {
		return nil
	}
	i := p.InForce.Instance()
	return &i
}

// A findingGroup is the findings of one kind.
type findingGroup struct {
	Finding  // what they have in common
	Findings []Finding
	More     int // that are not listed
}

func (p *page) groups(of ...Severity) []findingGroup {
	var list []findingGroup
	for _, f := range p.Result.Findings {
		wanted := false
		for _, s := range of {
			wanted = wanted || f.Severity == s
		}
		if !wanted {
			continue
		}
		if n := len(list); n == 0 || list[n-1].ID != f.ID {
			list = append(list, findingGroup{Finding: f, More: p.More[f.ID]})
		}
		g := &list[len(list)-1]
		g.Findings = append(g.Findings, f)
	}
	return list
}

// Wrong are the findings for which the store is not whole, by kind.
func (p *page) Wrong() []findingGroup { return p.groups(Critical, Serious) }

// Waiting are those that wait for somebody, such as what is past its deadline.
func (p *page) Waiting() []findingGroup { return p.groups(Notice) }

// A shownTable is a table of statistics as far as the page shows it.
type shownTable struct {
	Table
	Chart *chart
	Left  int // rows left out
}

// Charted lists the statistics: of weeks and months the newest.
func (p *page) Charted() []shownTable {
	var list []shownTable
	for _, t := range p.Statistics.Tables() {
		s := shownTable{Table: t, Left: max(0, len(t.Rows)-maxRows)}
		switch t.Name {
		case tableWeeks:
			s.Chart = weekChart(p.Statistics.Weeks)
			s.Left = max(0, len(t.Rows)-chartWeeks)
			s.Rows = t.Rows[s.Left:]
		case tableMonths:
			s.Rows = t.Rows[s.Left:]
		case tableDestinations:
			s.Chart = destinationChart(p.Statistics.All.Destinations)
			s.Rows = t.Rows[:len(t.Rows)-s.Left]
		default:
			s.Rows = t.Rows[:len(t.Rows)-s.Left]
		}
		if len(t.Rows) > 0 {
			list = append(list, s)
		}
	}
	return list
}

// Method says how to read what days tell of hours.
func (p *page) Method() string {
	n := p.Statistics.DeadlineHours
	if n == 0 {
		return "No roster verified, so that it is not known which deadline holds."
	}
	return fmt.Sprintf("The deadline is %d hours. The ledger holds days only, by the clocks of the case workers: as in time counts what was done on a day that was over before the deadline was, counted from the beginning of the day on which the report came; as late what was done on a day that began after it, counted from the end of that day. Between them days can't tell. Shares are rounded down.", n)
}
