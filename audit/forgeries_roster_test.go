package audit_test

import (
	"bytes"
	"crypto/rand"

	"golang.org/x/mod/sumdb/note"

	"tocsin/ledger"
	"tocsin/testorg"
)

// forgedRosters change the rosters, and who did what.
var forgedRosters = []forging{
	{"roster-signature roster-missing", "a roster of another organisation", func(f *forgery) {
		forged := testorg.New(f.T, 2).Signed
		f.put("rosters", key(rosterLeaf), forged)
		f.leaf(rosterLeaf, func(l *ledger.Leaf) { l.Digest = testorg.Digest(forged) })
	}},
	{"roster-missing roster-signature", "no roster that the organisation signed", func(f *forgery) {
		forged := bytes.Replace(f.Signed, []byte("Test organisation"), []byte("Best organisation"), 1)
		f.put("rosters", key(rosterLeaf), forged)
		f.leaf(rosterLeaf, func(l *ledger.Leaf) { l.Digest = testorg.Digest(forged) })
	}},
	{"roster-number", "a leaf that numbers its roster otherwise", func(f *forgery) {
		f.leaf(rosterLeaf, func(l *ledger.Leaf) { l.Number = 2 })
	}},
	{"roster-order", "a second roster of the same number", func(f *forgery) {
		f.Roster.Organisation = "Other organisation"
		f.Sign(f.T)
		f.put("rosters", key(leafCount), f.Signed)
		f.history(func(leaves [][]byte) [][]byte {
			return append(leaves, f.encode(&ledger.Leaf{
				Event: ledger.EventRoster, Day: ledger.DayOf(f.Day), Number: 1, Digest: testorg.Digest(f.Signed),
			}))
		})
	}},
	{"roster-fork", "the auditor has another roster of that number", func(f *forgery) {
		f.Roster.Organisation = "Other organisation"
		f.Sign(f.T)
	}},
	{"roster-fork", "the auditor has another roster of a number that was in force", func(f *forgery) {
		f.addRoster(func() {})
		f.addRoster(func() {})
		f.Roster.Number, f.Roster.Organisation = 2, "Other organisation"
		f.Sign(f.T)
	}},
	{"roster-rollback", "the auditor has a later roster", func(f *forgery) {
		f.Roster.Number++
		f.Sign(f.T)
	}},
	{"roster-origin", "the auditor has another intake's roster", func(f *forgery) {
		_, vkey, err := note.GenerateKey(rand.Reader, "other.test/intake")
		f.must(err)
		f.Roster.Origin, f.Roster.Intake.Ledger = "other.test/intake", vkey
		f.Sign(f.T)
	}},
	{"event-worker", "a hand-over by no case worker", func(f *forgery) {
		f.signedLeaf(handOverA, f.Workers[0], "nobody", func(*ledger.Leaf) {})
	}},
	{"event-signature", "a hand-over signed by another", func(f *forgery) {
		f.signedLeaf(handOverA, f.Workers[1], f.Workers[0].Name, func(*ledger.Leaf) {})
	}},
	{"event-signature", "a hand-over altered", func(f *forgery) {
		f.leaf(handOverA, func(l *ledger.Leaf) { l.Destination = "foreign-affairs" })
	}},
	{"event-destination", "a hand-over to no destination", func(f *forgery) {
		f.signedLeaf(handOverA, f.Workers[0], f.Workers[0].Name, func(l *ledger.Leaf) { l.Destination = "elsewhere" })
	}},
	{"event-order", "an acknowledgement of no hand-over", func(f *forgery) {
		f.addEvent(&ledger.Leaf{Event: ledger.EventAcknowledged, Case: f.b.ID, Destination: "police", Size: 1, Digest: testorg.Digest(nil)})
	}},
}
