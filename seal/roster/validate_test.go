package roster_test

import (
	"cmp"
	"strings"
	"testing"

	"filippo.io/age"

	"tocsin/seal"
	"tocsin/seal/roster"
)

// A rule is broken by change, and the error says which field it is about.
type rule struct {
	what, says string
	change     func(*roster.Roster)
}

// Every rule can fail, and holds before signing and after reading alike.
func TestValidate(t *testing.T) {
	long := strings.Repeat("x", 201)
	x25519, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	tests := []rule{
		{"no number", "number", func(r *roster.Roster) { r.Number = 0 }},
		{"number too large", "number", func(r *roster.Roster) { r.Number = 1 << 62 }},
		{"no origin", "origin: must", func(r *roster.Roster) { r.Origin = "" }},
		{"origin with a space", "origin: must", func(r *roster.Roster) { r.Origin = "example.org/the intake" }},
		{"origin with a plus", "origin: must", func(r *roster.Roster) { r.Origin = "example.org+intake" }},
		{"origin beyond ASCII", "origin: must", func(r *roster.Roster) { r.Origin = "exämple.org" }},
		{"origin with DEL", "origin: must", func(r *roster.Roster) { r.Origin = "example.org\x7f" }},
		{"origin too long", "origin: must", func(r *roster.Roster) { r.Origin = long; r.Intake.Ledger = ledgerKey(t, long) }},
		{"no ledger key", "ledger key", func(r *roster.Roster) { r.Intake.Ledger = "" }},
		{"ledger key with a wrong hash", "ledger key", func(r *roster.Roster) { r.Intake.Ledger = strings.Replace(r.Intake.Ledger, "+", "+0", 1) }},
		{"ledger key of another name", "ledger key", func(r *roster.Roster) { r.Intake.Ledger = ledgerKey(t, "example.net/other") }},
		{"ledger key in another writing", "ledger key", func(r *roster.Roster) { r.Intake.Ledger += "\r" }},
		{"no intake desk key", "intake's desk key", func(r *roster.Roster) { r.Intake.Desk = nil }},
		{"intake desk key too short", "intake's desk key", func(r *roster.Roster) { r.Intake.Desk = r.Intake.Desk[:31] }},
		{"no workers", "workers", func(r *roster.Roster) { r.Workers = nil }},
		{"too many workers", "workers", func(r *roster.Roster) { r.Workers = make([]roster.Worker, roster.MaxWorkers+1) }},
		{"too many destinations", "destinations", func(r *roster.Roster) { r.Destinations = make([]roster.Destination, roster.MaxDestinations+1) }},
		{"no worker's desk key", "worker bo-2: the desk key", func(r *roster.Roster) { r.Workers[1].Desk = nil }},
		{"worker's desk key too long", "worker bo-2: the desk key", func(r *roster.Roster) { r.Workers[1].Desk = append(r.Workers[1].Desk, 0) }},
		{"a worker twice", "worker ana: the same worker name", func(r *roster.Roster) { r.Workers[1].Name = "ana" }},
		{"two workers with one recipient", "worker bo-2: the same recipient as worker ana", func(r *roster.Roster) { r.Workers[1].Recipient = recipient(0) }},
		{"two workers with one desk key", "worker bo-2: the same desk key as worker ana", func(r *roster.Roster) { r.Workers[1].Desk = deskPublic("ana") }},
		{"two workers with one onion key", "worker bo-2: the same onion key as worker ana", func(r *roster.Roster) { r.Workers[0].Onion, r.Workers[1].Onion = onionKey("ana"), onionKey("ana") }},
		{"onion key in small letters", "worker ana: the onion key", func(r *roster.Roster) { r.Workers[0].Onion = strings.ToLower(onionKey("ana")) }},
		{"onion key padded", "worker ana: the onion key", func(r *roster.Roster) { r.Workers[0].Onion = onionKey("ana") + "====" }},
		{"onion key too short", "worker ana: the onion key", func(r *roster.Roster) { r.Workers[0].Onion = onionKey("ana")[:50] }},
		{"onion key with stray bits", "worker ana: the onion key", func(r *roster.Roster) { r.Workers[0].Onion = onionKey("ana")[:51] + "B" }},
		{"onion key of zeros", "worker ana: the onion key", func(r *roster.Roster) { r.Workers[0].Onion = strings.Repeat("A", 52) }},
		{"onion key of low order", "worker ana: the onion key", func(r *roster.Roster) { r.Workers[0].Onion = "AE" + strings.Repeat("A", 50) }},
		{"onion key with a carriage return", "worker ana: the onion key", func(r *roster.Roster) { r.Workers[0].Onion = onionKey("ana") + "\r" }},
		{"a worker with the intake's desk key", "the same desk key as the intake", func(r *roster.Roster) { r.Workers[1].Desk = deskPublic("intake") }},
		{"a destination twice", "destination police: the same destination name", func(r *roster.Roster) { r.Destinations[1].Name = "police" }},
		{"two destinations with one recipient", "the same recipient as destination police", func(r *roster.Roster) { r.Destinations[1].Recipient = recipient(2) }},
		{"a destination with a worker's recipient", "the same recipient as worker bo-2", func(r *roster.Roster) { r.Destinations[0].Recipient = recipient(1) }},
		{"no delivery", "delivery", func(r *roster.Roster) { r.Destinations[0].Delivery = "" }},
		{"unknown delivery", "delivery", func(r *roster.Roster) { r.Destinations[0].Delivery = "carrier-pigeon" }},
	}
	for _, day := range []string{"", "today", "2026-3-14", "2026-02-29", "14-03-2026", "2026-03-14T00:00:00Z", " 2026-03-14", "20260314"} {
		tests = append(tests, rule{"day " + day, "day", func(r *roster.Roster) { r.Day = day }})
	}
	for _, title := range []string{"", long, " x", "x ", "two\nlines", "tab\t", "bell\a", "\xff", "right\u202eto left", "no\u00a0break", "zero\u200bwidth"} {
		tests = append(tests,
			rule{"organisation " + title, "organisation", func(r *roster.Roster) { r.Organisation = title }},
			rule{"title " + title, "title", func(r *roster.Roster) { r.Destinations[1].Title = title }},
		)
	}
	for _, name := range []string{"", "Ana", "-ana", "ana b", "ana.b", "ana/b", "..", "ana\n", "añа", strings.Repeat("a", 33)} {
		if roster.ValidName(name) {
			t.Errorf("ValidName(%q)", name)
		}
		tests = append(tests,
			rule{"worker " + name, "a name is", func(r *roster.Roster) { r.Workers[0].Name = name }},
			rule{"destination " + name, "a name is", func(r *roster.Roster) { r.Destinations[0].Name = name }},
		)
	}
	for _, key := range []string{
		"", "age1pq1", x25519.Recipient().String(), recipient(0)[:1958], recipient(0) + "q",
		strings.ToUpper(recipient(0)), strings.Replace(recipient(0), "age1pq1", "age1pq2", 1),
		recipient(0)[:1958] + "b", recipient(0)[:1958] + "\n", "AGE-SECRET-KEY-PQ-1",
	} {
		tests = append(tests,
			rule{"worker's recipient " + key, "worker bo-2: not an age hybrid recipient", func(r *roster.Roster) { r.Workers[1].Recipient = key }},
			rule{"destination's recipient " + key, "destination police: not an age hybrid recipient", func(r *roster.Roster) { r.Destinations[0].Recipient = key }},
		)
	}
	for _, n := range []int64{-1, 0, 1<<40 + 1} {
		tests = append(tests,
			rule{"deadline", "deadline-hours", func(r *roster.Roster) { r.Policy.DeadlineHours = int(min(n, 8761)) }},
			rule{"retention", "retention-days", func(r *roster.Roster) { r.Policy.RetentionDays = int(min(n, 36501)) }},
			rule{"report's size", "max-report", func(r *roster.Roster) { r.Policy.MaxReport = n }},
			rule{"file's size", "max-file must", func(r *roster.Roster) { r.Policy.MaxFile = min(n, seal.MaxFileSize+1) }},
			rule{"purge's signers", "purge-signers must", func(r *roster.Roster) { r.Policy.PurgeSigners = int(cmp.Or(min(n, 11), 11)) }},
			rule{"files", "max-files must", func(r *roster.Roster) { r.Policy.MaxFiles = int(min(n, seal.MaxFiles+1)) }},
		)
	}
	tests = append(tests, rule{"report smaller than a form", "max-report", func(r *roster.Roster) { r.Policy.MaxReport = 64<<10 - 1 }})
	signer, _ := orgKey(t)
	for _, c := range tests {
		r := sample(t)
		c.change(r)
		err := r.Validate()
		wantError(t, c.what, err, roster.ErrMalformed)
		if err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: the error does not speak of %q: %v", c.what, c.says, err)
		}
		signed, err := r.Sign(signer)
		wantError(t, c.what+", signing", err, roster.ErrMalformed)
		if signed != nil {
			t.Errorf("%s: signed all the same", c.what)
		}
		_, err = roster.Parse(r.Marshal())
		wantError(t, c.what+", reading", err, roster.ErrMalformed)
	}
}

// What age makes today has the form that the roster asks for.
func TestRecipientsAreThoseThatAgeMakes(t *testing.T) {
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	r := sample(t)
	r.Workers[0].Recipient = id.Recipient().String()
	if err := r.Validate(); err != nil {
		t.Error(err)
	}
	for i := range 4 {
		if _, err := age.ParseHybridRecipient(recipient(i)); err != nil {
			t.Errorf("recipient %d of the tests is none: %v", i, err)
		}
	}
}
