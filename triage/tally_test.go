package triage

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"pgregory.net/rapid"

	"tocsin/audit"
	"tocsin/ledger"
	"tocsin/seal/roster"
	"tocsin/triage/stats"
)

// The auditor counts the same leaves by a program of its own. What it counts
// must be what the yearly report is made of, and what that publishes must be
// true of it: the same numbers where they are told, and within what a range, a
// "few" or "the others" leaves open.

// published is a yearly report as programs read it.
type published struct {
	Total  string `json:"total"`
	Tables []struct {
		Name string
		Rows []struct{ Code, Count string }
	}
}

// disagreements says in what the auditor's numbers of a year and the case
// workers' differ: rows, from which theirs are made, and what they publish.
func disagreements(counted *audit.Statistics, year int, rows []stats.Case, r *stats.Report) (wrong []string) {
	differ := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	same := func(what string, got, want any) {
		if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
			differ("%s: the auditor counts %s, the case workers %s", what, g, w)
		}
	}
	g := audit.Group{Year: strconv.Itoa(year)}
	if i := slices.IndexFunc(counted.Years, func(x audit.Group) bool { return x.Year == g.Year }); i >= 0 {
		g = counted.Years[i]
	}
	var months [13]int // by number
	for _, m := range counted.Months {
		if of, found := strings.CutPrefix(m.Month, g.Year+"-"); found {
			n, _ := strconv.Atoi(of)
			months[n] = m.Reports
		}
	}
	to := map[string]int{}
	for _, d := range g.Destinations {
		to[d.Name] = d.Reports
	}
	purged := 0
	for _, p := range g.Purged {
		purged += p.Reports
	}

	// All that the yearly report is made of.
	var wantMonths [13]int
	wantTo := map[string]int{}
	var want audit.Group
	wantPurged, inTime := 0, func(days int) int {
		if days != stats.Never && (days+1)*24 <= counted.DeadlineHours {
			return 1
		}
		return 0
	}
	for _, c := range rows {
		want.Reports++
		wantMonths[c.Month]++
		for _, d := range slices.Compact(slices.Sorted(slices.Values(c.Destinations))) {
			wantTo[d]++
		}
		is := func(n *int, yes bool) {
			if yes {
				*n++
			}
		}
		is(&want.Added, c.Addition)
		is(&want.Withdrawn, c.Withdrawn)
		is(&wantPurged, c.Purged && !c.Withdrawn)
		is(&want.Acknowledged, c.HandedOver != stats.Never && c.Acknowledged != stats.Never)
		is(&want.Reading.Done, c.Read != stats.Never)
		is(&want.HandingOver.Done, c.HandedOver != stats.Never)
		want.Reading.InTime += inTime(c.Read)
		want.HandingOver.InTime += inTime(c.HandedOver)
	}
	same("deadline", counted.DeadlineHours, r.Deadline)
	same("reports", g.Reports, want.Reports)
	same("months", months, wantMonths)
	same("destinations", to, wantTo)
	same("with an addition", g.Added, want.Added)
	same("withdrawn", g.Withdrawn, want.Withdrawn)
	same("purged", purged, wantPurged)
	same("acknowledged", g.Acknowledged, want.Acknowledged)
	same("read", g.Reading.Done, want.Reading.Done)
	same("read in time", g.Reading.InTime, want.Reading.InTime)
	same("handed over", g.HandingOver.Done, want.HandingOver.Done)
	same("handed over in time", g.HandingOver.InTime, want.HandingOver.InTime)

	// What is published of it.
	text, err := json.Marshal(r)
	var p published
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		return append(wrong, err.Error())
	}
	fits := func(what string, n int, count string) {
		isFew, isMany := strings.HasPrefix(count, "<"), strings.HasPrefix(count, ">")
		bound, _ := strconv.Atoi(strings.TrimLeft(count, "<>"))
		switch {
		case isFew && n > 0 && n < bound, isMany && n > bound && n < g.Reports, count == "withheld" && n > 0 && n < g.Reports, strconv.Itoa(n) == count:
		default:
			differ("%s: published is %s, the auditor counts %d", what, count, n)
		}
	}
	share := func(what string, n, all int, s *stats.Share) {
		if s != nil && (100*n < s.From*all || s.To < 100 && 100*n >= s.To*all) {
			differ("%s: published is from %d to %d %%, the auditor counts %d of %d", what, s.From, s.To, n, all)
		}
	}
	median := func(what string, theirs, ours *float64) {
		if theirs != nil && (ours == nil || *ours != *theirs) {
			differ("%s: published is %v, the auditor's is %v", what, *theirs, ours)
		}
	}
	fits("reports", g.Reports, p.Total)
	for _, t := range p.Tables {
		named := map[string]bool{}
		for _, row := range t.Rows {
			named[row.Code] = true
			what := t.Name + " " + row.Code
			switch t.Name {
			case stats.TableMonths:
				from, to, _ := strings.Cut(row.Code, "-")
				first, _ := strconv.Atoi(from)
				last, _ := strconv.Atoi(to)
				n := 0
				for m := first; m <= max(first, last); m++ {
					n += months[m]
				}
				fits(what, n, row.Count)
			case stats.TableEvents:
				fits(what, map[string]int{"addition": g.Added, "withdrawn": g.Withdrawn, "purged": purged}[row.Code], row.Count)
			case stats.TableDestinations:
				if row.Code != "(others)" {
					fits(what, to[row.Code], row.Count)
				} else if n, err := strconv.Atoi(row.Count); err == nil {
					// Reports that went to any of them: at least what went to one, at
					// most what went to all.
					largest, all := 0, 0
					for d, reports := range to {
						if !named[d] {
							largest, all = max(largest, reports), all+reports
						}
					}
					if n < largest || n > all {
						differ("%s: published is %d, the auditor counts from %d to %d", what, n, largest, all)
					}
				}
			}
		}
	}
	share("read in time", g.Reading.InTime, g.Reports, r.Reading.InTime)
	share("handed over in time", g.HandingOver.InTime, g.HandingOver.Done, r.HandingOver.InTime)
	share("acknowledged", g.Acknowledged, g.HandingOver.Done, r.Acknowledge)
	median("days to read", r.Reading.Median, g.Reading.Median)
	median("days to hand over", r.HandingOver.Median, g.HandingOver.Median)
	return wrong
}

// TestTheAuditorCountsTheSame counts any ledger both ways.
func TestTheAuditorCountsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &roster.Signed{Roster: roster.Roster{Policy: roster.Policy{DeadlineHours: rapid.SampledFrom([]int{1, 24, 48, 72, 100}).Draw(t, "deadline")}}}
		day := time.Date(2025, 12, 20, 0, 0, 0, 0, time.UTC)
		var tally audit.Tally
		m := new(mirror)
		add := func(l *ledger.Leaf) {
			l.Day = ledger.DayOf(day)
			m.leaves = append(m.leaves, l)
			tally.Add(l, r)
		}
		add(&ledger.Leaf{Event: ledger.EventRoster, Number: 1})
		var open []ledger.CaseID
		something := []ledger.Event{
			ledger.EventRead, ledger.EventHandedOver, ledger.EventHandedOver, ledger.EventAcknowledged, ledger.EventMessage,
			ledger.EventHeld, ledger.EventReleased, ledger.EventPurgeProposed, ledger.EventPurged, ledger.EventWithdrawn,
		}
		for range rapid.IntRange(0, 250).Draw(t, "steps") {
			day = day.AddDate(0, 0, rapid.SampledFrom([]int{0, 0, 0, 1, 2, 9}).Draw(t, "days"))
			if len(open) == 0 || rapid.IntRange(0, 2).Draw(t, "new") == 0 {
				id := ledger.CaseID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "case"))
				if slices.Contains(open, id) {
					continue
				}
				open = append(open, id)
				add(&ledger.Leaf{Event: ledger.EventCase, Case: id})
				add(&ledger.Leaf{Event: ledger.EventMessage, Kind: ledger.KindReport, Case: id})
				continue
			}
			i := rapid.IntRange(0, len(open)-1).Draw(t, "of case")
			l := &ledger.Leaf{Event: rapid.SampledFrom(something).Draw(t, "event"), Case: open[i]}
			// A worker's clock may be wrong.
			l.Done = ledger.DayOf(day.AddDate(0, 0, rapid.SampledFrom([]int{0, 0, -1, -4, 1}).Draw(t, "clock")))
			switch l.Event {
			case ledger.EventMessage:
				l.Kind = rapid.SampledFrom([]string{ledger.KindAddition, ledger.KindReply, ledger.KindNote}).Draw(t, "kind")
			case ledger.EventHandedOver, ledger.EventAcknowledged:
				l.Destination = rapid.SampledFrom([]string{"police", "foreign-affairs", "hotline"}).Draw(t, "destination")
			case ledger.EventPurged:
				l.Rule = rapid.SampledFrom(ledger.Rules()).Draw(t, "rule")
			}
			// Nobody confirms what did not come.
			if l.Event == ledger.EventAcknowledged && !slices.ContainsFunc(m.leaves, func(x *ledger.Leaf) bool {
				return x.Event == ledger.EventHandedOver && x.Case == l.Case && x.Destination == l.Destination
			}) {
				continue
			}
			if l.Retires() {
				open = slices.Delete(open, i, i+1)
			}
			add(l)
		}
		counted := tally.Statistics()
		byYear, weeks := map[int][]stats.Case{}, 0
		for _, c := range m.cases() {
			year := c.Day.Time().Year()
			byYear[year] = append(byYear[year], c.count())
		}
		for _, year := range slices.Sorted(maps.Keys(byYear)) {
			rows := byYear[year]
			about := stats.About{Year: year, Through: 12, Deadline: r.Policy.DeadlineHours}
			for _, d := range disagreements(counted, year, rows, stats.Make(about, rows)) {
				t.Errorf("%d: %s", year, d)
			}
		}
		for _, w := range counted.Weeks {
			weeks += w.Reports
		}
		if n := len(m.cases()); weeks != n || counted.All.Reports != n || len(counted.Years) != len(byYear) {
			t.Errorf("%d reports in the weeks and %d in all of %d, in %d years of %d", weeks, counted.All.Reports, n, len(counted.Years), len(byYear))
		}
	})
}

// TestTheAuditorsNumbersAreTheYearlyReports does so with a real store: what an
// audit of a snapshot counts, and what a case worker who pulled it publishes.
func TestTheAuditorsNumbersAreTheYearlyReports(t *testing.T) {
	start := today
	defer func() { today = start }()
	today = time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	s := newStation(t)
	other, err := age.GenerateHybridIdentity()
	ok(t, err)
	ok(t, s.org.OrgAddDestination(roster.Destination{Name: "foreign-affairs", Title: "Foreign Affairs", Recipient: other.Recipient().String(), Delivery: roster.DeliveryOutbox}))
	s.policyOf(func(p *roster.Policy) { p.Withdraw, p.PurgeSigners, p.RetentionDays = true, 1, 40 })
	key, err := s.alice.deskKey()
	ok(t, err)
	event := func(c *told, l ledger.Leaf) {
		t.Helper()
		l.Case, l.Done = c.id, ledger.DayOf(today)
		l.Sign(s.vault.Roster().Instance(), "alice", key)
		_, err := s.vault.AddEvent(t.Context(), &l)
		ok(t, err)
	}
	var cases []*told
	for i := range 48 {
		c := s.addCase(s.vault, plain)
		cases = append(cases, c)
		if i%12 == 5 {
			s.withdraw(c)
			continue
		}
		if i%9 == 0 {
			s.add(c, "another thing")
		}
		if i%8 == 7 {
			continue // nobody gets to it
		}
		came := today
		today = came.AddDate(0, 0, i%4)
		event(c, ledger.Leaf{Event: ledger.EventRead})
		if i%5 > 0 {
			event(c, ledger.Leaf{Event: ledger.EventHandedOver, Destination: "police", Size: 1, Digest: ledger.Digest(random(32))})
		}
		if i%3 > 0 {
			event(c, ledger.Leaf{Event: ledger.EventHandedOver, Destination: "foreign-affairs", Size: 1, Digest: ledger.Digest(random(32))})
			event(c, ledger.Leaf{Event: ledger.EventAcknowledged, Destination: "foreign-affairs", Size: 1, Digest: ledger.Digest(random(32))})
		}
		today = today.AddDate(0, 0, 1)
	}
	purge := func(c *told, rule string) {
		history, err := s.vault.History(c.id)
		ok(t, err)
		event(c, ledger.Leaf{Event: ledger.EventPurged, Rule: rule, After: history[len(history)-1].Index})
	}
	for i, c := range cases[:14] {
		switch {
		case i == 5: // withdrawn
		case i%2 == 0:
			purge(c, ledger.RuleRetention)
		case i%3 == 0:
			purge(c, ledger.RuleRequest)
		}
	}
	s.pull()
	snapshot := filepath.Join(s.dir, "snapshot")
	ok(t, s.vault.Snapshot(t.Context(), snapshot))
	found, err := audit.Verify(t.Context(), audit.Options{Store: snapshot, Roster: s.roster, OrgKey: s.orgKey})
	ok(t, err)
	for _, f := range found.Findings {
		t.Errorf("finding: %s", f)
	}
	r, err := s.alice.Year(2026)
	ok(t, err)
	m, err := s.alice.openMirror()
	ok(t, err)
	var rows []stats.Case
	for _, c := range m.cases() {
		rows = append(rows, c.count())
	}
	for _, d := range disagreements(found.Statistics, 2026, rows, r) {
		t.Error(d)
	}
	// Or all of it would agree about nothing.
	g := found.Statistics.All
	if g.Reports != 48 || g.Withdrawn != 4 || len(g.Purged) != 2 || len(g.Destinations) != 2 || g.Reading.InTime == 0 || g.Reading.Late == 0 ||
		r.Reading.InTime == nil || r.HandingOver.InTime == nil || r.Acknowledge == nil || len(found.Statistics.Weeks) < 8 {
		t.Errorf("too little happened: %+v, published %+v", g, r)
	}
}
