package ledger_test

import (
	"strings"
	"testing"

	"tocsin/ledger"
)

// What a vault appends goes through, and what it never would is named at the
// very leaf, once.
func TestOrder(t *testing.T) {
	a, b := ledger.CaseID{1}, ledger.CaseID{2}
	on := func(day ledger.Day, l ledger.Leaf) ledger.Leaf { l.Day = day; return l }
	plain := func(e ledger.Event, id ledger.CaseID) ledger.Leaf {
		return on("2026-03-14", ledger.Leaf{Event: e, Case: id})
	}
	message := func(id ledger.CaseID, kind string) ledger.Leaf {
		l := plain(ledger.EventMessage, id)
		l.Kind = kind
		return l
	}
	roster := plain(ledger.EventRoster, ledger.CaseID{})
	open := func(id ledger.CaseID) ledger.Leaf { return plain(ledger.EventCase, id) }
	report := func(id ledger.CaseID) ledger.Leaf { return message(id, ledger.KindReport) }
	reply := message(a, ledger.KindReply)

	for name, c := range map[string]struct {
		leaves []ledger.Leaf
		bad    int // index of the only leaf that is refused, or -1
		says   string
	}{
		"nothing": {nil, -1, ""},
		"all there is": {[]ledger.Leaf{
			roster, open(a), report(a), reply, message(a, ledger.KindAddition), roster, open(b), report(b),
			plain(ledger.EventRekey, a), plain(ledger.EventHandedOver, a), plain(ledger.EventAcknowledged, a),
			plain(ledger.EventHeld, b), plain(ledger.EventPurged, a), plain(ledger.EventRead, b), on("2026-03-15", message(b, ledger.KindReply)),
		}, -1, ""},
		"a case withdrawn": {[]ledger.Leaf{roster, open(a), report(a), open(b), report(b), plain(ledger.EventRead, b), plain(ledger.EventWithdrawn, a)}, -1, ""},
		"a case withdrawn after an addition": {[]ledger.Leaf{
			roster, open(a), report(a), message(a, ledger.KindAddition), plain(ledger.EventRekey, a), plain(ledger.EventWithdrawn, a),
		}, -1, ""},

		"a case first":                     {[]ledger.Leaf{open(a), report(a), roster}, 0, "not a roster"},
		"a day back":                       {[]ledger.Leaf{roster, on("2026-03-13", open(a)), report(a), reply}, 1, "before"},
		"a second report":                  {[]ledger.Leaf{roster, open(a), report(a), report(a), reply}, 3, "a second report"},
		"a second report later":            {[]ledger.Leaf{roster, open(a), report(a), open(b), report(b), reply, report(a)}, 6, "a second report"},
		"a second report behind a reply":   {[]ledger.Leaf{roster, open(a), report(a), reply, report(a)}, 4, "a second report"},
		"another case's report in between": {[]ledger.Leaf{roster, open(a), report(a), open(b), report(a)}, 4, "the report of case " + b.String()},
		"a case without a report":          {[]ledger.Leaf{roster, open(a), open(b), report(b)}, 2, "the report of case " + a.String()},
		"a reply before the report":        {[]ledger.Leaf{roster, open(a), reply}, 2, "the report of case " + a.String()},
		"a roster before the report":       {[]ledger.Leaf{roster, open(a), roster}, 2, "the report of case " + a.String()},
		"a case opened twice":              {[]ledger.Leaf{roster, open(a), report(a), open(a), report(a)}, 3, "opened before"},
		"a case opened twice at once":      {[]ledger.Leaf{roster, open(a), open(a), report(a)}, 2, "the report of case " + a.String()},
		"a report of no case":              {[]ledger.Leaf{roster, report(a)}, 1, "not opened"},
		"a reply to no case":               {[]ledger.Leaf{roster, reply}, 1, "not opened"},
		"a hand-over of no case":           {[]ledger.Leaf{roster, open(a), report(a), plain(ledger.EventHandedOver, b)}, 3, "not opened"},
		"a reply to a purged case":         {[]ledger.Leaf{roster, open(a), report(a), plain(ledger.EventPurged, a), reply}, 4, "purged"},
		"a report of a purged case":        {[]ledger.Leaf{roster, open(a), report(a), plain(ledger.EventPurged, a), report(a)}, 4, "purged"},

		"withdrawn after it was read":         {[]ledger.Leaf{roster, open(a), report(a), plain(ledger.EventRead, a), message(a, ledger.KindAddition), plain(ledger.EventWithdrawn, a)}, 5, "after read"},
		"withdrawn after a hold was released": {[]ledger.Leaf{roster, open(a), report(a), plain(ledger.EventHeld, a), plain(ledger.EventReleased, a), plain(ledger.EventWithdrawn, a)}, 5, "after held"},
		"a proposal for a purged case":        {[]ledger.Leaf{roster, open(a), report(a), plain(ledger.EventPurgeProposed, a), plain(ledger.EventPurged, a), plain(ledger.EventPurgeProposed, a)}, 5, "purged"},
		"a purged case released":              {[]ledger.Leaf{roster, open(a), report(a), plain(ledger.EventPurged, a), plain(ledger.EventReleased, a)}, 4, "purged"},
		"a purged case purged":                {[]ledger.Leaf{roster, open(a), report(a), plain(ledger.EventPurged, a), plain(ledger.EventPurged, a)}, 4, "purged"},
		"withdrawn after a hand-over":         {[]ledger.Leaf{roster, open(a), report(a), plain(ledger.EventHandedOver, a), plain(ledger.EventWithdrawn, a)}, 4, "after handed-over"},
		"withdrawn after an acknowledgement":  {[]ledger.Leaf{roster, open(a), report(a), plain(ledger.EventAcknowledged, a), plain(ledger.EventWithdrawn, a)}, 4, "after acknowledged"},
		"withdrawn after a reply":             {[]ledger.Leaf{roster, open(a), report(a), reply, plain(ledger.EventWithdrawn, a)}, 4, "after reply"},
		"withdrawn after a note":              {[]ledger.Leaf{roster, open(a), report(a), message(a, ledger.KindNote), plain(ledger.EventWithdrawn, a)}, 4, "after note"},
		"a note before the report":            {[]ledger.Leaf{roster, open(a), message(a, ledger.KindNote)}, 2, "the report of case " + a.String()},
		"a note in a purged case":             {[]ledger.Leaf{roster, open(a), report(a), plain(ledger.EventPurged, a), message(a, ledger.KindNote)}, 4, "purged"},
		"withdrawn while it is held":          {[]ledger.Leaf{roster, open(a), report(a), plain(ledger.EventHeld, a), plain(ledger.EventWithdrawn, a)}, 4, "after held"},
		"withdrawn twice":                     {[]ledger.Leaf{roster, open(a), report(a), plain(ledger.EventWithdrawn, a), plain(ledger.EventWithdrawn, a)}, 4, "was withdrawn before"},
		"withdrawn after a purge":             {[]ledger.Leaf{roster, open(a), report(a), plain(ledger.EventPurged, a), plain(ledger.EventWithdrawn, a)}, 4, "was purged before"},
		"withdrawn before the report":         {[]ledger.Leaf{roster, open(a), plain(ledger.EventWithdrawn, a)}, 2, "the report of case " + a.String()},
		"withdrawn without a case":            {[]ledger.Leaf{roster, plain(ledger.EventWithdrawn, a)}, 1, "not opened"},
		"an addition to a withdrawn case":     {[]ledger.Leaf{roster, open(a), report(a), plain(ledger.EventWithdrawn, a), message(a, ledger.KindAddition)}, 4, "was withdrawn before"},
		"a withdrawn case read":               {[]ledger.Leaf{roster, open(a), report(a), plain(ledger.EventWithdrawn, a), plain(ledger.EventRead, a)}, 4, "was withdrawn before"},
		"a withdrawn case handed over":        {[]ledger.Leaf{roster, open(a), report(a), plain(ledger.EventWithdrawn, a), plain(ledger.EventHandedOver, a)}, 4, "was withdrawn before"},
		"a withdrawn case sealed again":       {[]ledger.Leaf{roster, open(a), report(a), plain(ledger.EventWithdrawn, a), plain(ledger.EventRekey, a)}, 4, "was withdrawn before"},
	} {
		var o ledger.Order
		for i := range c.leaves {
			err := o.Add(&c.leaves[i])
			if i != c.bad {
				if err != nil {
					t.Errorf("%s: leaf %d: %v", name, i, err)
				}
				continue
			}
			wantError(t, name, err, ledger.ErrMalformed)
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v, want it to say %q", name, err, c.says)
			}
		}
	}
}
