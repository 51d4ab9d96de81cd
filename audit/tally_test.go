package audit_test

import (
	"encoding/json"
	"strings"
	"testing"

	"tocsin/audit"
	"tocsin/ledger"
	"tocsin/seal/roster"
)

// under returns a roster whose policy has that deadline.
func under(hours int) *roster.Signed {
	return &roster.Signed{Roster: roster.Roster{Policy: roster.Policy{DeadlineHours: hours}}}
}

// A case opened in a tally, for what follows in it.
type tallied struct {
	*audit.Tally
	id ledger.CaseID
}

func opened(tally *audit.Tally, day ledger.Day) tallied {
	c := tallied{tally, ledger.NewCaseID()}
	c.add(day, ledger.Leaf{Event: ledger.EventCase})
	c.add(day, ledger.Leaf{Event: ledger.EventMessage, Kind: ledger.KindReport})
	return c
}

// add takes a leaf that was done on that day by the worker's clock.
func (c tallied) add(done ledger.Day, l ledger.Leaf) {
	l.Case, l.Day, l.Done = c.id, done, done
	c.Add(&l, under(48))
}

func TestStatistics(t *testing.T) {
	tally := new(audit.Tally)
	handOver := func(to string) ledger.Leaf { return ledger.Leaf{Event: ledger.EventHandedOver, Destination: to} }
	confirm := func(to string) ledger.Leaf { return ledger.Leaf{Event: ledger.EventAcknowledged, Destination: to} }
	read := ledger.Leaf{Event: ledger.EventRead}

	a := opened(tally, "2026-12-31") // a Thursday, in the last week of the year
	a.add("2027-01-01", read)
	a.add("2027-01-02", handOver("police"))
	a.add("2027-01-02", confirm("hotline")) // to which it did not go
	b := opened(tally, "2027-01-01")        // in the same week
	b.add("2027-01-03", read)
	b.add("2027-01-02", read) // by another, whose clock is right
	b.add("2027-01-04", handOver("police"))
	b.add("2027-01-04", handOver("police"))
	b.add("2027-01-05", handOver("hotline"))
	b.add("2027-01-06", confirm("police"))
	b.add("2027-01-06", ledger.Leaf{Event: ledger.EventMessage, Kind: ledger.KindAddition})
	b.add("2027-01-06", ledger.Leaf{Event: ledger.EventMessage, Kind: ledger.KindAddition})
	b.add("2028-03-01", ledger.Leaf{Event: ledger.EventPurged, Rule: ledger.RuleRetention})
	c := opened(tally, "2027-01-04")                                                    // a Monday
	c.add("2027-01-03", read)                                                           // a clock behind
	c.add("2027-01-05", ledger.Leaf{Event: ledger.EventMessage, Kind: ledger.KindNote}) // is no addition
	opened(tally, "2027-01-04").add("2027-01-05", ledger.Leaf{Event: ledger.EventWithdrawn})
	nowhere := tallied{tally, ledger.NewCaseID()} // no leaf opened it
	nowhere.add("2027-01-05", read)
	nowhere.add("2027-01-05", handOver("police"))

	got, err := json.MarshalIndent(tally.Statistics(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
 "deadline_hours": 48,
 "all": {
  "year": "all", "reports": 4, "with_addition": 1, "withdrawn": 1,
  "purged": [{"rule": "retention", "reports": 1}],
  "reading": {"done": 3, "in_time": 3, "late": 0, "median_days": 1},
  "handing_over": {"done": 2, "in_time": 0, "late": 1, "median_days": 2.5},
  "acknowledged": 1,
  "destinations": [
   {"name": "hotline", "reports": 1, "hand_overs": 1, "acknowledged": 0},
   {"name": "police", "reports": 2, "hand_overs": 3, "acknowledged": 1}
  ]
 },
 "years": [
  {
   "year": "2026", "reports": 1, "with_addition": 0, "withdrawn": 0, "purged": [],
   "reading": {"done": 1, "in_time": 1, "late": 0, "median_days": 1},
   "handing_over": {"done": 1, "in_time": 0, "late": 0, "median_days": 2},
   "acknowledged": 0,
   "destinations": [{"name": "police", "reports": 1, "hand_overs": 1, "acknowledged": 0}]
  },
  {
   "year": "2027", "reports": 3, "with_addition": 1, "withdrawn": 1,
   "purged": [{"rule": "retention", "reports": 1}],
   "reading": {"done": 2, "in_time": 2, "late": 0, "median_days": 0.5},
   "handing_over": {"done": 1, "in_time": 0, "late": 1, "median_days": 3},
   "acknowledged": 1,
   "destinations": [
    {"name": "hotline", "reports": 1, "hand_overs": 1, "acknowledged": 0},
    {"name": "police", "reports": 1, "hand_overs": 2, "acknowledged": 1}
   ]
  }
 ],
 "months": [{"month": "2026-12", "reports": 1}, {"month": "2027-01", "reports": 3}],
 "weeks": [
  {"week": "2026-W53", "from": "2026-12-28", "reports": 2},
  {"week": "2027-W01", "from": "2027-01-04", "reports": 2}
 ]
}`
	if g, w := strings.Join(strings.Fields(string(got)), ""), strings.Join(strings.Fields(want), ""); g != w {
		t.Errorf("%s\nwant\n%s", g, w)
	}
}

// The days can't tell everything: what is said of a deadline must be true
// whatever the hours were.
func TestWhatDaysTellOfHours(t *testing.T) {
	for _, hours := range []int{1, 23, 24, 25, 47, 48, 49, 71, 72, 100} {
		for days := range 8 {
			tally := new(audit.Tally)
			c := opened(tally, "2026-03-01")
			came := ledger.Day("2026-03-01").Time()
			done := ledger.DayOf(came.AddDate(0, 0, days))
			c.Add(&ledger.Leaf{Event: ledger.EventRead, Case: c.id, Day: done, Done: done}, under(hours))
			s := tally.Statistics().All.Reading
			// The longest that it can have taken, and the shortest; a report is not
			// read at the very moment at which its day ends.
			longest, shortest := (days+1)*24, max(0, (days-1)*24)
			if certain := longest <= hours; (s.InTime == 1) != certain {
				t.Errorf("%d hours, on day %d: in time is %t, want %t", hours, days, s.InTime == 1, certain)
			}
			if certain := shortest >= hours; (s.Late == 1) != certain {
				t.Errorf("%d hours, on day %d: late is %t, want %t", hours, days, s.Late == 1, certain)
			}
		}
	}
	// The newest roster's policy holds; without one nothing is said.
	tally := new(audit.Tally)
	c := opened(tally, "2026-03-01")
	c.add("2026-03-02", ledger.Leaf{Event: ledger.EventRead})
	tally.Add(&ledger.Leaf{Event: ledger.EventRoster}, under(24))
	if s := tally.Statistics(); s.DeadlineHours != 24 || s.All.Reading.InTime != 0 {
		t.Errorf("under the newest roster: %+v", s)
	}
	none := new(audit.Tally)
	for _, l := range []*ledger.Leaf{{Event: ledger.EventCase, Day: "2026-03-01"}, {Event: ledger.EventRead, Day: "2026-03-01", Done: "2026-06-01"}} {
		none.Add(l, nil)
	}
	if s := none.Statistics().All.Reading; s.Done != 1 || s.InTime != 0 || s.Late != 0 {
		t.Errorf("without a roster: %+v", s)
	}
}

// Programs read the CSV: one number a line, under names that stay.
func TestStatisticsAsCSV(t *testing.T) {
	tally := new(audit.Tally)
	c := opened(tally, "2026-03-02")
	c.add("2026-03-03", ledger.Leaf{Event: ledger.EventRead})
	c.add("2026-03-03", ledger.Leaf{Event: ledger.EventHandedOver, Destination: "police"})
	opened(tally, "2026-03-10")
	opened(tally, "2026-03-10").add("2027-03-10", ledger.Leaf{Event: ledger.EventPurged, Rule: ledger.RuleRequest})
	r := &audit.Result{Whole: true, Statistics: tally.Statistics()}
	var b strings.Builder
	if err := r.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"table,row,column,number", "about,store,whole,yes", "about,policy,deadline-hours,48",
		"reports,all,reports,3", "reports,2026,handed over,1", "reading,all,percent of reports in time,33", "handing-over,2026,percent in time,100",
		"reading,2026,median days,1", "destinations,2026 police,hand-overs,1", "purged,all request,reports,1", "months,2026-03,reports,3",
		"weeks,2026-W10 2026-03-02,reports,1", "weeks,2026-W11 2026-03-09,reports,2",
	} {
		if !strings.Contains("\n"+b.String(), "\n"+line+"\n") {
			t.Errorf("lacks %s:\n%s", line, b.String())
		}
	}
	b.Reset()
	if err := (&audit.Result{Statistics: new(audit.Tally).Statistics()}).WriteCSV(&b); err != nil || !strings.Contains(b.String(), "about,store,whole,no\n") {
		t.Errorf("of an empty store that is not whole: %v\n%s", err, b.String())
	}
}
