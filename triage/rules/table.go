package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tocsin/report"
)

const (
	tableHeader = "tocsin.cases.v1"
	maxCases    = 2000

	// notAnswered takes an answer back that was given for all cases.
	notAnswered = "not answered"
)

// A Table is worked cases: answers of the form, and where they should lead.
// Lawyers and case workers write and read it; rules are tried on it.
//
// Its format, with the line rules of the rules' own:
//
//	tocsin.cases.v1
//
//	given danger.now no; what.seen a man with a child
//
//	case A Belgian in Thailand
//	facts where.country TH; suspect.nationality BE
//	to police BE: facts-abroad, suspect-home
//	to foreign-affairs BE: embassy
//	note consent-none
//	ask danger.departure, child.missing
//
// Given holds for every case whose facts don't say otherwise; "not answered"
// for a value takes it back. A field of several choices is named once for each.
// Each "to" is an authority, its country if one matters, urgent if it is, and
// the rules that propose it; note lists the rules that apply and propose
// nobody; ask lists the fields that undecided rules lack. What a case does not
// list must not come out of the rules.
type Table struct {
	cases []tableCase
}

type tableCase struct {
	line   int
	title  string
	report *report.Report
	want   []string // as lines gives
}

// Len returns the number of cases.
func (t *Table) Len() int { return len(t.cases) }

// ParseTable reads worked cases. The error wraps ErrVersion or ErrMalformed
// and names the line.
func ParseTable(text []byte) (*Table, error) {
	lines, err := split(text, tableHeader)
	if err != nil {
		return nil, fmt.Errorf("cases: %w", err)
	}
	t := new(Table)
	given := ""
	for _, l := range lines {
		if l.key == "given" && given == "" && len(t.cases) == 0 {
			given = l.value
			err = tell(new(report.Report), given)
		} else {
			err = t.take(l, given)
		}
		if err != nil {
			return nil, fmt.Errorf("cases, line %d: %w: %w", l.number, ErrMalformed, err)
		}
	}
	if len(t.cases) == 0 {
		return nil, fmt.Errorf("cases: %w: there is no case", ErrMalformed)
	}
	for _, c := range t.cases {
		if err := c.report.Validate(); err != nil {
			return nil, fmt.Errorf("cases, line %d: %w: %w", c.line, ErrMalformed, err)
		}
	}
	return t, nil
}

func (t *Table) take(l line, given string) error {
	if l.key == "case" {
		if len(t.cases) == maxCases {
			return fmt.Errorf("there may be at most %d cases", maxCases)
		}
		c := tableCase{line: l.number, title: l.value, report: new(report.Report)}
		if err := sentence(l.value); err != nil {
			return err
		}
		t.cases = append(t.cases, c)
		return tell(c.report, given)
	}
	if len(t.cases) == 0 {
		return fmt.Errorf("%q can't stand here: given comes first, once, then the cases", l.key)
	}
	c := &t.cases[len(t.cases)-1]
	switch l.key {
	case "facts":
		return tell(c.report, l.value)
	case "to":
		return c.expectTo(l.value)
	case "note", "ask":
		return c.expect(l.key, l.value)
	}
	return fmt.Errorf("%q can't stand here: a case has facts, to, note and ask", l.key)
}

// tell puts "FIELD VALUE; FIELD VALUE" into a report.
func tell(r *report.Report, facts string) error {
	var fields []string
	for part := range strings.SplitSeq(facts, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		field, value, _ := strings.Cut(part, " ")
		if value = strings.TrimSpace(value); value == "" {
			return fmt.Errorf("%s has no value; write %q if there is none", field, notAnswered)
		}
		if !slices.Contains(fields, field) {
			// A list is told anew, and not added to what was given.
			fields = append(fields, field)
			clearField(r, field)
		}
		if value == notAnswered {
			continue
		}
		if err := r.Set(field, value); err != nil {
			return fmt.Errorf("%q: %w", field, err)
		}
	}
	return nil
}

func clearField(r *report.Report, field string) {
	switch field {
	case "what.categories":
		r.What.Categories = nil
	case "others.intervened":
		r.Others.Intervened = nil
	default:
		r.Set(field, "")
	}
}

// expectTo takes "KIND [COUNTRY] [urgent]: RULE, RULE".
func (c *tableCase) expectTo(v string) error {
	who, ids, _ := strings.Cut(v, ":")
	d := Proposal{}
	who, d.Urgent = strings.CutSuffix(strings.TrimSpace(who), " urgent")
	d.Kind, d.Country, _ = strings.Cut(who, " ")
	if !slices.Contains(report.Authorities(), d.Kind) {
		return fmt.Errorf("%q is no kind of authority; there are: %s", d.Kind, strings.Join(report.Authorities(), ", "))
	}
	if d.Country != "" {
		if err := country(d.Country); err != nil {
			return err
		}
	}
	rules, err := list(ids)
	if err != nil {
		return err
	}
	c.want = append(c.want, toLine(&d, rules))
	return nil
}

func (c *tableCase) expect(key, v string) error {
	values, err := list(v)
	if err != nil {
		return err
	}
	for _, value := range values {
		c.want = append(c.want, key+" "+value)
	}
	return nil
}

func list(v string) ([]string, error) {
	values := strings.Split(v, ",")
	for i := range values {
		if values[i] = strings.TrimSpace(values[i]); values[i] == "" || strings.Contains(values[i], " ") {
			return nil, errors.New("names are expected, with commas between them")
		}
	}
	return values, nil
}

// toLine is what one destination comes to; the rules stand in any order.
func toLine(d *Proposal, rules []string) string {
	s := "to " + d.Kind
	if d.Country != "" {
		s += " " + d.Country
	}
	if d.Urgent {
		s += " urgent"
	}
	return s + ": " + strings.Join(slices.Sorted(slices.Values(rules)), ", ")
}

// lines is what proposals come to, to be compared to a case of a table.
func lines(p *Proposals) []string {
	var list []string
	for i := range p.Destinations {
		var rules []string
		for _, r := range p.Destinations[i].Reasons {
			rules = append(rules, r.Rule)
		}
		list = append(list, toLine(&p.Destinations[i], rules))
	}
	for _, n := range p.Notes {
		list = append(list, "note "+n.Rule)
	}
	for _, u := range p.Undecided {
		for _, m := range u.Missing {
			if ask := "ask " + m.Field; !slices.Contains(list, ask) {
				list = append(list, ask)
			}
		}
		if u.Problem != "" {
			list = append(list, "problem with "+u.Rule)
		}
	}
	return list
}

// A Difference is a case in which the rules do not do what the table says.
type Difference struct {
	Line       int      `json:"line"` // of the case
	Case       string   `json:"case"`
	Missing    []string `json:"missing"`    // lines of the table that the rules don't come to
	Unexpected []string `json:"unexpected"` // lines that they come to instead
}

// Check tries rules on every case and returns where they differ from it.
func (t *Table) Check(s *Rules) []Difference {
	var all []Difference
	for _, c := range t.cases {
		got := lines(s.Propose(c.report))
		d := Difference{c.line, c.title, without(c.want, got), without(got, c.want)}
		if len(d.Missing)+len(d.Unexpected) > 0 {
			all = append(all, d)
		}
	}
	return all
}

// without returns what is in a and not in b.
func without(a, b []string) []string {
	list := []string{}
	for _, v := range a {
		if !slices.Contains(b, v) {
			list = append(list, v)
		}
	}
	return list
}
