package audit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"tocsin/ledger"
	"tocsin/seal/roster"
)

// A Tally counts what the ledger tells of a store's reports: when they came, to
// whom they went, how fast, and what became of them. It reads leaves only, and
// so no word of any report. The zero Tally is ready.
//
// It counts as the case workers' yearly report does before that leaves out and
// joins what is small, so that an auditor can hold one against the other: a
// report belongs to the year in which it came, whenever the rest happened, and
// the policy is that of the newest roster. Leaves of a case that no leaf has
// opened, or that a second one opens, count for nothing; an audit finds them.
type Tally struct {
	deadline int // hours
	cases    map[ledger.CaseID]*course
}

// A course is what became of one report.
type course struct {
	came                           ledger.Day
	added, withdrawn, acknowledged bool
	purged                         string           // the rule, or ""
	read, handed                   after            // for the first time
	to                             map[string]*trip // by destination
}

// A trip is what went to one destination of one report.
type trip struct {
	handOvers    int
	acknowledged bool
}

// An after is how many days after the one on which the report came something was
// done for the first time, if it was.
type after struct {
	was  bool
	days int
}

// add takes one time that it was done. The day is that of a case worker's clock,
// which may be wrong: the first is not always the first in the ledger, and what
// was done before the report came was done on its day.
func (a *after) add(came, done ledger.Day) {
	n := max(0, int(done.Time().Sub(came.Time()).Hours())/24)
	if !a.was || n < a.days {
		*a = after{true, n}
	}
}

// Add takes the next leaf, and the roster in force at it or nil.
func (t *Tally) Add(l *ledger.Leaf, r *roster.Signed) {
	if r != nil {
		t.deadline = r.Policy.DeadlineHours
	}
	c := t.cases[l.Case]
	if l.Event == ledger.EventCase && c == nil {
		if t.cases == nil {
			t.cases = map[ledger.CaseID]*course{}
		}
		t.cases[l.Case] = &course{came: l.Day, to: map[string]*trip{}}
	}
	if c == nil {
		return
	}
	switch l.Event {
	case ledger.EventMessage:
		c.added = c.added || l.Kind == ledger.KindAddition
	case ledger.EventRead:
		c.read.add(c.came, l.Done)
	case ledger.EventHandedOver:
		c.handed.add(c.came, l.Done)
		if c.to[l.Destination] == nil {
			c.to[l.Destination] = new(trip)
		}
		c.to[l.Destination].handOvers++
	case ledger.EventAcknowledged:
		if to := c.to[l.Destination]; to != nil {
			c.acknowledged, to.acknowledged = true, true
		}
	case ledger.EventWithdrawn:
		c.withdrawn = true
	case ledger.EventPurged:
		c.purged = l.Rule
	}
}

// Statistics are what a ledger tells of all reports in numbers. No number is
// suppressed or joined with others: whoever holds the ledger can count it. They
// are for auditors and boards and not for publication, as a small number may
// single somebody out; what is published is triage's yearly report.
type Statistics struct {
	DeadlineHours int     `json:"deadline_hours"` // of the newest roster that verified; 0 if none did
	All           Group   `json:"all"`
	Years         []Group `json:"years"`  // in which a report came, in their order
	Months        []Month `json:"months"` // the same
	Weeks         []Week  `json:"weeks"`  // the same
}

// A Group is what became of the reports of a year, or of all.
type Group struct {
	Year         string        `json:"year"` // 2006, or "all"
	Reports      int           `json:"reports"`
	Added        int           `json:"with_addition"` // to which the witness added something
	Withdrawn    int           `json:"withdrawn"`
	Purged       []Purge       `json:"purged"` // and not withdrawn, by name of the rule
	Reading      Speed         `json:"reading"`
	HandingOver  Speed         `json:"handing_over"`
	Acknowledged int           `json:"acknowledged"` // of those handed over, by any destination
	Destinations []Destination `json:"destinations"` // by name
}

// A Speed says how soon something was done for the first time.
//
// The ledger knows days only, and of what was done that of the case worker's
// clock. Something was in time for certain if the day on which it was done was
// over before the deadline, counted from the beginning of the day on which the
// report came: with 48 hours, if it was done on that day or the next. It was
// late for certain if that day began when the deadline was over, counted from
// the end of the day on which the report came: with 48 hours, on the third day
// after it or later. What lies between can't be told, and a share in time does
// not count it.
type Speed struct {
	Done   int      `json:"done"` // reports with which it was done
	InTime int      `json:"in_time"`
	Late   int      `json:"late"`
	Median *float64 `json:"median_days"` // of those done; nil if none was
}

// A Purge is the number of reports that were purged under a rule.
type Purge struct {
	Rule    string `json:"rule"`
	Reports int    `json:"reports"`
}

// A Destination is what went to one.
type Destination struct {
	Name         string `json:"name"`
	Reports      int    `json:"reports"`      // handed over to it
	HandOvers    int    `json:"hand_overs"`   // the same report may go twice
	Acknowledged int    `json:"acknowledged"` // reports of which it confirmed a hand-over
}

// A Month is one in which reports came.
type Month struct {
	Month   string `json:"month"` // 2006-01
	Reports int    `json:"reports"`
}

// A Week is one of ISO 8601 in which reports came.
type Week struct {
	Week    string     `json:"week"` // 2006-W01
	From    ledger.Day `json:"from"` // its Monday
	Reports int        `json:"reports"`
}

// Statistics returns the numbers of the leaves so far.
func (t *Tally) Statistics() *Statistics {
	s := &Statistics{DeadlineHours: t.deadline, Years: []Group{}, Months: []Month{}, Weeks: []Week{}}
	years, months, weeks := map[string][]*course{}, map[string]int{}, map[Week]int{}
	all := make([]*course, 0, len(t.cases))
	for _, c := range t.cases {
		all = append(all, c)
		year, month := string(c.came[:len("2006")]), string(c.came[:len("2006-01")])
		years[year] = append(years[year], c)
		months[month]++
		weeks[weekOf(c.came)]++
	}
	s.All = t.group("all", all)
	for _, y := range slices.Sorted(maps.Keys(years)) {
		s.Years = append(s.Years, t.group(y, years[y]))
	}
	for _, m := range slices.Sorted(maps.Keys(months)) {
		s.Months = append(s.Months, Month{m, months[m]})
	}
	for w, n := range weeks {
		w.Reports = n
		s.Weeks = append(s.Weeks, w)
	}
	slices.SortFunc(s.Weeks, func(x, y Week) int { return cmp.Compare(x.From, y.From) })
	return s
}

// weekOf returns the week of a day, without a number of reports.
func weekOf(d ledger.Day) Week {
	at := d.Time()
	year, week := at.ISOWeek()
	monday := at.AddDate(0, 0, -int(at.Weekday()+6)%7)
	return Week{Week: fmt.Sprintf("%04d-W%02d", year, week), From: ledger.DayOf(monday)}
}

func (t *Tally) group(year string, cases []*course) Group {
	g := Group{Year: year, Reports: len(cases), Purged: []Purge{}, Destinations: []Destination{}}
	purged, destinations := map[string]int{}, map[string]Destination{}
	var read, handed []int
	for _, c := range cases {
		if c.added {
			g.Added++
		}
		switch {
		case c.withdrawn:
			g.Withdrawn++
		case c.purged != "":
			purged[c.purged]++
		}
		if c.read.was {
			read = append(read, c.read.days)
		}
		if c.handed.was {
			handed = append(handed, c.handed.days)
		}
		if c.acknowledged {
			g.Acknowledged++
		}
		for name, to := range c.to {
			d := destinations[name]
			d.Reports++
			d.HandOvers += to.handOvers
			if to.acknowledged {
				d.Acknowledged++
			}
			destinations[name] = d
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(purged)) {
		g.Purged = append(g.Purged, Purge{rule, purged[rule]})
	}
	for _, name := range slices.Sorted(maps.Keys(destinations)) {
		d := destinations[name]
		d.Name = name
		g.Destinations = append(g.Destinations, d)
	}
	g.Reading, g.HandingOver = t.speed(read), t.speed(handed)
	return g
}

// speed sums up after how many days something was done.
func (t *Tally) speed(days []int) Speed {
	s := Speed{Done: len(days)}
	if s.Done == 0 {
		return s
	}
	for _, n := range days {
		switch {
		case t.deadline == 0: // none is known
		case (n+1)*24 <= t.deadline:
			s.InTime++
		case (n-1)*24 >= t.deadline:
			s.Late++
		}
	}
	slices.Sort(days)
	m := float64(days[(s.Done-1)/2]+days[s.Done/2]) / 2
	s.Median = &m
	return s
}
