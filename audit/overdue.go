package audit

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/ledger"
	"tocsin/seal/roster"
)

// A caseFile is what the leaves so far say of a case.
type caseFile struct {
	custody ledger.Custody
	index   int64      // of the leaf that opened it
	came    ledger.Day // the day of its report; "" before that
	seen    bool       // a case worker has seen the report, or it was handed over
	retired bool
}

// caseFile returns that of a case, which is empty before its first leaf.
func (a *auditor) caseFile(index int64, id ledger.CaseID) *caseFile {
	c := a.cases[id]
	if c == nil {
		c = &caseFile{index: index}
		a.cases[id] = c
	}
	return c
}

// add takes the next leaf of the case.
func (c *caseFile) add(index int64, l *ledger.Leaf) {
	c.custody.Add(index, l)
	c.retired = c.retired || l.Retires()
	c.seen = c.seen || l.PreventsWithdrawal()
	if l.Event == ledger.EventMessage && l.Kind == ledger.KindReport {
		c.came = l.Day
	}
}

// overdue gives notice of what the policy in force would have had done by the
// auditor's day. The ledger knows days only, so that what may still be in time
// is not told: a report may have come at the end of its day, and the auditor's
// day may just have begun.
func (a *auditor) overdue(today ledger.Day) {
	if today == "" || len(a.rosters) == 0 {
		return
	}
	// A day is let pass: two clocks are never the same at midnight.
	if tomorrow := ledger.DayOf(today.Time().AddDate(0, 0, 1)); a.shown > tomorrow {
		// Nothing else in the store tells: with its clock ahead, a case is at
		// rest for long enough too early, and once the clock is right nothing is
		// published until it has caught up.
		a.found("day-ahead", "store", "it was in use on %s, and it is %s", a.shown, today)
	}
	a.aged(today)
	r := a.rosters[len(a.rosters)-1]
	deadline := time.Duration(r.Policy.DeadlineHours) * time.Hour
	inOrder := func(x, y ledger.CaseID) int { return int(a.cases[x].index - a.cases[y].index) }
	for _, id := range slices.SortedFunc(maps.Keys(a.cases), inOrder) {
		c := a.cases[id]
		if c.retired || c.came == "" {
			continue
		}
		where := fmt.Sprintf("case %s (leaf %d)", id, c.index)
		if last := c.came.Time().AddDate(0, 0, 1).Add(deadline); !c.seen && !today.Time().Before(last) {
			a.found("deadline-overdue", where, "it came on %s, no leaf shows that a case worker saw it, and roster %d gives %d hours", c.came, r.Number, r.Policy.DeadlineHours)
		}
		if due := c.custody.Due(r.Policy.RetentionDays); due != "" && due < today {
			a.found("retention-overdue", where, "it may be purged since %s, %d days at rest", due, r.Policy.RetentionDays)
		}
	}
}

// rekey gives notice of an envelope that is sealed to others than the case
// workers of the roster in force.
func (a *auditor) rekey(where string, sealed *roster.Signed) {
	now := a.rosters[len(a.rosters)-1].Signed
	gone, came := missing(sealed, now), missing(now, sealed)
	var what []string
	if len(gone) > 0 {
		what = append(what, strings.Join(gone, ", ")+" can still open it")
	}
	if len(came) > 0 {
		what = append(what, strings.Join(came, ", ")+" can't open it")
	}
	if len(what) > 0 {
		a.found("rekey-overdue", where, "it is sealed for roster %d, and roster %d is in force: %s", sealed.Number, now.Number, strings.Join(what, "; "))
	}
}

// missing returns the names of the case workers of a roster whose recipients
// are not in another.
func missing(r, other *roster.Signed) []string {
	var names []string
	recipients := other.Recipients()
	for _, w := range r.Workers {
		if !slices.Contains(recipients, w.Recipient) {
			names = append(names, w.Name)
		}
	}
	return names
}
