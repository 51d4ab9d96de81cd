package main

import (
	"strings"
	"testing"
	"time"

	"tocsin/audit"
	"tocsin/ledger"
	"tocsin/seal/roster"
)

// What a proof says of its cosigners, of where it was looked for, and of what
// became of the case.
func TestProofInWords(t *testing.T) {
	at := time.Date(2026, 3, 15, 0, 7, 59, 0, time.UTC)
	report := &ledger.Leaf{Event: ledger.EventMessage, Kind: ledger.KindReport, Day: "2026-03-14", Size: 17000}
	keys := &audit.Keys{Roster: &roster.Signed{Roster: roster.Roster{Number: 4}}}
	for _, c := range []struct {
		name  string
		r     audit.Receipt
		store string
		want  string
	}{
		{"cosigned", audit.Receipt{Quorum: 2, Cosigned: []ledger.Cosignature{{Cosigner: "north", Time: at}}, History: audit.HistoryUnchecked}, "",
			"cosigned by north on 2026-03-15 00:07 UTC\n1 of the 2 cosigners that roster 4 asks for signed\nwhether it is still there was not looked at: name a snapshot\n"},
		{"cosigned though no roster asks for it", audit.Receipt{Cosigned: []ledger.Cosignature{{Cosigner: "north", Time: at}}, History: audit.HistoryUnchecked}, "",
			"cosigned by north on 2026-03-15 00:07 UTC\nwhether it is still there was not looked at: name a snapshot\n"},
		{"purged", audit.Receipt{Quorum: 1, History: audit.HistoryGrew, Retired: &ledger.Leaf{Event: ledger.EventPurged, Day: "2027-05-01", By: "alice", Rule: ledger.RuleRetention}}, "snapshot",
			"0 of the 1 cosigners that roster 4 asks for signed\nit is in the store's history; the case was purged on 2027-05-01 by alice under the rule retention\n"},
		{"withdrawn", audit.Receipt{Quorum: 1, History: audit.HistoryGrew, Retired: &ledger.Leaf{Event: ledger.EventWithdrawn, Day: "2026-03-15"}}, "snapshot",
			"0 of the 1 cosigners that roster 4 asks for signed\nit is in the store's history; the case was withdrawn on 2026-03-15 by its witness\n"},
	} {
		c.r.Leaf, c.r.Checkpoint = report, &ledger.Checkpoint{Origin: "tocsin.test/intake", Size: 7}
		var b strings.Builder
		if err := (&proofCmd{Store: c.store}).print(&b, &c.r, keys); err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfterN(b.String(), "\n", 3)
		if !strings.HasPrefix(lines[0], "proved: on 2026-03-14 the report of case ") || lines[2] != c.want {
			t.Errorf("%s: %q, want %q", c.name, b.String(), c.want)
		}
	}
}
