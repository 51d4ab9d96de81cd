package stats

import (
	"slices"
)

// A Case is what the yearly report counts of one report.
type Case struct {
	Month        int      // 1 to 12, in which it came
	Country      string   // of the facts, ISO 3166-1 alpha-2, or ""
	Language     string   // tag of the language it was made in, or ""
	Categories   []string // codes of report.Categories
	Destinations []string // names of those it was handed over to
	Addition     bool     // the witness added something
	Withdrawn    bool
	Purged       bool

	// Days from the one on which it came to the one on which that happened for
	// the first time, or Never.
	Read, HandedOver, Acknowledged int
}

// Never is for what did not happen.
const Never = -1

// An About says which report it is.
type About struct {
	Year         int    `json:"year"`
	Through      int    `json:"through_month"` // last month that it covers
	Made         string `json:"made"`          // the day
	Organisation string `json:"organisation"`
	Deadline     int    `json:"deadline_hours"` // to hand a report over
}

// A Report is what is published of a year.
type Report struct {
	About
	Total  Count   `json:"total"`
	Tables []Table `json:"tables"` // none of a year with fewer reports than Least

	// How fast. Only the days are known on which something was done: as in time
	// counts what was done on a day that was over before the deadline was, from
	// the beginning of the day on which the report came.
	Reading     Speed  `json:"reading"`      // of all reports
	HandingOver Speed  `json:"handing_over"` // of those that were handed over
	Acknowledge *Share `json:"acknowledged"` // of those that were handed over
}

// A Speed is how long something took. Either is nil where it would tell too
// much of too few.
type Speed struct {
	Median *float64 `json:"median_days"` // of those with which it was done
	InTime *Share   `json:"in_time"`
}

// A Table counts reports by one question.
type Table struct {
	Name string `json:"name"` // one of the Table constants
	Rows []Row  `json:"rows"`
}

// The tables, in their order, and the codes of their rows.
const (
	TableMonths       = "months"       // "01", or "02-04" for what is joined
	TableCountries    = "countries"    // ISO 3166-1 alpha-2, or "(others)"
	TableCategories   = "categories"   // codes of report.Categories, or "(others)"
	TableLanguages    = "languages"    // tags, or "(others)"
	TableDestinations = "destinations" // names in the roster, or "(others)"
	TableEvents       = "events"       // "addition", "withdrawn", "purged"
)

// Make counts.
func Make(about About, cases []Case) *Report {
	n := len(cases)
	r := &Report{About: about, Total: Count{n: n}, Tables: []Table{}}
	if n > 0 && n < Least {
		r.Total = Count{form: below}
	}
	if n < Least {
		return r
	}
	var months [12]int
	var countries, languages []string
	var categories, destinations [][]string
	withdrawn, purged, additions := 0, 0, 0
	for _, c := range cases {
		months[c.Month-1]++
		switch {
		case c.Withdrawn:
			withdrawn++
		case c.Purged:
			purged++
		}
		if c.Addition {
			additions++
		}
		destinations = append(destinations, c.Destinations)
		if c.Withdrawn || c.Purged { // of which nothing can be read
			c.Country, c.Language, c.Categories = "", "", nil
		}
		countries, languages, categories = append(countries, c.Country), append(languages, c.Language), append(categories, c.Categories)
	}
	all := base{known: n}
	w := all.count(withdrawn)
	handable := all.less(w, withdrawn) // nobody hands over what was withdrawn
	p := handable.count(purged)
	readable := handable.less(p, purged)
	lost := 0 // as far as it is published
	for _, c := range []Count{w, p} {
		if c.form == exact {
			lost += c.n
		}
	}
	to := joinSeveral(destinations, handable)
	r.Tables = []Table{
		{TableMonths, joinMonths(months, about.Through)},
		{TableCountries, joinOne(countries, lost)},
		{TableCategories, joinSeveral(categories, readable)},
		{TableLanguages, joinOne(languages, lost)},
		{TableDestinations, to},
		{TableEvents, []Row{{"addition", all.count(additions)}, {"withdrawn", w}, {"purged", p}}},
	}
	r.speeds(cases, to)
	return r
}

// speeds says how fast the cases went. That so many were handed over as are in
// the largest row of to, readers know; how many exactly they don't.
func (r *Report) speeds(cases []Case, to []Row) {
	handed := 0
	for _, row := range to {
		if row.Count.form == exact {
			handed = max(handed, row.Count.n)
		}
	}
	var read, gone []int
	readInTime, goneInTime, acknowledged := 0, 0, 0
	for _, c := range cases {
		if c.Read != Never {
			read = append(read, c.Read)
			readInTime += r.inTime(c.Read)
		}
		if c.HandedOver != Never {
			gone = append(gone, c.HandedOver)
			goneInTime += r.inTime(c.HandedOver)
			if c.Acknowledged != Never {
				acknowledged++
			}
		}
	}
	if n := len(cases); n >= 4*Least && len(read) >= Least {
		r.Reading = Speed{median(read), share(readInTime, n, n)}
	}
	if handed >= 4*Least {
		r.HandingOver = Speed{median(gone), share(goneInTime, len(gone), handed)}
		r.Acknowledge = share(acknowledged, len(gone), handed)
	}
}

// inTime returns 1 if the day that came so many days later was over before the
// deadline was.
func (r *Report) inTime(days int) int {
	if (days+1)*24 <= r.Deadline {
		return 1
	}
	return 0
}

// median returns the middle of at least one number, or what lies half way
// between the two in the middle.
func median(list []int) *float64 {
	slices.Sort(list)
	n := len(list)
	m := float64(list[(n-1)/2]+list[n/2]) / 2
	return &m
}
