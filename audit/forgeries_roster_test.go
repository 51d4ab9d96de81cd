package audit_test

import (
	"bytes"
	"crypto/rand"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"tocsin/ledger"
	"tocsin/testorg"
)

// forgedRosters change the rosters, and who did what.
var forgedRosters = slices.Concat(by(access, []forging{
	{"roster-signature roster-missing record-digest", "the roster replaced, and nothing else", func(f *forgery) {
		f.put("rosters", key(rosterLeaf), testorg.New(f.T, 2).Signed)
	}},
	{"record-digest roster-number roster-rollback", "the roster rolled back: the one before put in its place", func(f *forgery) {
		before := f.Signed
		f.addRoster(func() {})
		f.put("rosters", key(leafCount), before)
	}},
	{"roster-rollback", "the roster rolled back: the organisation's newest not put in force", func(f *forgery) {
		f.Roster.Number++
		f.Sign(f.T)
	}},
	{"roster-origin", "the store of another intake handed to the auditor", func(f *forgery) {
		_, vkey, err := note.GenerateKey(rand.Reader, "other.test/intake")
		f.must(err)
		f.Roster.Origin, f.Roster.Intake.Ledger = "other.test/intake", vkey
		f.Sign(f.T)
	}},
}), by(ledgerKey, []forging{
	{"roster-signature roster-missing", "the roster replaced by one that the attacker signed", func(f *forgery) {
		forged := testorg.New(f.T, 2).Signed
		f.put("rosters", key(rosterLeaf), forged)
		f.leaf(rosterLeaf, func(l *ledger.Leaf) { l.Digest = testorg.Digest(forged) })
	}},
	{"roster-missing roster-signature", "the roster altered under the organisation's signature", func(f *forgery) {
		forged := bytes.Replace(f.Signed, []byte("Test organisation"), []byte("Best organisation"), 1)
		f.put("rosters", key(rosterLeaf), forged)
		f.leaf(rosterLeaf, func(l *ledger.Leaf) { l.Digest = testorg.Digest(forged) })
	}},
	{"roster-number", "a leaf that numbers its roster otherwise", func(f *forgery) {
		f.leaf(rosterLeaf, func(l *ledger.Leaf) { l.Number = 2 })
	}},
	{"event-signature", "a hand-over turned to another destination", func(f *forgery) {
		f.leaf(handOverA, func(l *ledger.Leaf) { l.Destination = "foreign-affairs" })
	}},
}), by(workerKey, []forging{
	{"event-worker", "a hand-over signed in the name of nobody on the roster", func(f *forgery) {
		f.signedLeaf(handOverA, f.Workers[0], "nobody", func(*ledger.Leaf) {})
	}},
	{"event-worker rekey-overdue", "a hand-over signed by a case worker who was removed", func(f *forgery) {
		f.addRoster(func() { f.Roster.Workers = f.Roster.Workers[1:] })
		f.addSigned(f.HandOver(f.Workers[0], f.b.ID, "police"))
	}},
	{"event-signature", "a hand-over signed in a colleague's name", func(f *forgery) {
		f.signedLeaf(handOverA, f.Workers[1], f.Workers[0].Name, func(*ledger.Leaf) {})
	}},
	{"event-destination", "a hand-over to a destination that the roster does not have", func(f *forgery) {
		f.signedLeaf(handOverA, f.Workers[0], f.Workers[0].Name, func(l *ledger.Leaf) { l.Destination = "elsewhere" })
	}},
	{"event-order", "an acknowledgement without a hand-over", func(f *forgery) {
		f.addEvent(&ledger.Leaf{Event: ledger.EventAcknowledged, Case: f.b.ID, Destination: "police", Size: 1, Digest: testorg.Digest(nil)})
	}},
}), by(orgKey, []forging{
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
	{"roster-fork", "two rosters signed under one number, one for the intake and one for the auditor", func(f *forgery) {
		f.Roster.Organisation = "Other organisation"
		f.Sign(f.T)
	}},
	{"roster-fork", "two rosters signed under one number that was in force before", func(f *forgery) {
		f.addRoster(func() {})
		f.addRoster(func() {})
		f.Roster.Number, f.Roster.Organisation = 2, "Other organisation"
		f.Sign(f.T)
	}},
}))
