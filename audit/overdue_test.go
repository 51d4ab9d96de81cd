package audit_test

import (
	"slices"
	"testing"
	"time"

	"tocsin/audit"
	"tocsin/ledger"
	"tocsin/testorg"
)

// forgedDelays are no forgeries: something was left undone.
var forgedDelays = by(nothing, []forging{
	{"day-ahead", "an intake whose clock is two days ahead", func(f *forgery) { f.Day = f.Day.AddDate(0, 0, -2) }},
	{"deadline-overdue", "a report that nobody read in time", func(f *forgery) { f.Day = f.Day.AddDate(0, 0, 3) }},
	{"retention-overdue deadline-overdue", "cases kept longer than the policy says", func(f *forgery) { f.Day = f.Day.AddDate(0, 0, 366) }},
	{"cosigned-old deadline-overdue", "a ledger that nobody cosigned since a roster asked for it", func(f *forgery) {
		f.addCosigners(1)
		f.Day = f.Day.AddDate(0, 0, 5)
	}},
	{"rekey-overdue", "a case worker who left", func(f *forgery) { f.addRoster(func() { f.Roster.Workers = f.Roster.Workers[:1] }) }},
	{"rekey-overdue", "a case worker who came", func(f *forgery) {
		f.addRoster(func() {
			f.Roster.Workers = append(slices.Clone(f.Roster.Workers), testorg.New(f.T, 3).Roster.Workers[2])
		})
	}},
})

// A report is overdue only once it is so whatever the hours of its coming and
// of the audit were; a case at rest only after the day on which it may be purged.
func TestOverdue(t *testing.T) {
	o := testorg.New(t, 1)
	o.Roster.Policy.Withdraw = true
	o.Roster.Policy.DeadlineHours, o.Roster.Policy.RetentionDays = 48, 30
	o.Sign(t)
	v := o.Open(t, o.Create(t))
	read, unread, withdrawn := o.NewReport(t, "account", 0), o.NewReport(t, "account", 0), o.NewReport(t, "account", 0)
	for _, r := range []*testorg.Report{read, unread, withdrawn} {
		if err := r.Add(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.AddEvent(t.Context(), o.Read(o.Workers[0], read.ID)); err != nil {
		t.Fatal(err)
	}
	if err := v.Withdraw(t.Context(), withdrawn.ID, withdrawn.Credential.Withdrawal); err != nil {
		t.Fatal(err)
	}
	dir, came := testorg.Snapshot(t, v), o.Day
	for day, want := range map[int][]string{
		0: nil, 2: nil, 3: {"deadline-overdue"}, 30: {"deadline-overdue"},
		31: {"deadline-overdue", "retention-overdue", "retention-overdue"},
	} {
		o.Day = came.AddDate(0, 0, day)
		r := o.Audit(t, dir, nil)
		var got []string
		for _, f := range r.Findings {
			got = append(got, f.ID)
		}
		if !slices.Equal(got, want) || !r.Whole {
			t.Errorf("after %d days found %v, want %v; whole is %v", day, r.Findings, want, r.Whole)
		}
	}
	r, err := audit.Verify(t.Context(), audit.Options{Store: dir, Roster: o.Signed, OrgKey: o.Key})
	if err != nil || len(r.Findings) > 0 {
		t.Errorf("as of no day: %v, %v", r.Findings, err)
	}
}

// A roster that changes other things than the case workers asks for no rekey.
func TestNoRekeyForAPolicy(t *testing.T) {
	f := newForgery(t)
	f.addRoster(func() { f.Roster.Policy.DeadlineHours = 24 })
	if r := f.Audit(t, f.dir, nil); len(r.Findings) > 0 {
		t.Errorf("found %v", r.Findings)
	}
}

// A held case is not overdue.
func TestHeldIsNotOverdue(t *testing.T) {
	o := testorg.New(t, 1)
	v := o.Open(t, o.Create(t))
	r := o.NewReport(t, "account", 0)
	if err := r.Add(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if _, err := v.AddEvent(t.Context(), o.Hold(o.Workers[0], r.ID, 0)); err != nil {
		t.Fatal(err)
	}
	o.Day = o.Day.Add(1000 * 24 * time.Hour)
	if found := o.Audit(t, testorg.Snapshot(t, v), nil).Findings; len(found) > 0 {
		t.Errorf("on %s found %v", ledger.DayOf(o.Day), found)
	}
}
