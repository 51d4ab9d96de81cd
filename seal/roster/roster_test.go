package roster_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"tocsin/seal"
	"tocsin/seal/roster"
)

func TestMarshalThenParse(t *testing.T) {
	for name, change := range map[string]func(*roster.Roster){
		"as it is":        func(*roster.Roster) {},
		"no destinations": func(r *roster.Roster) { r.Destinations = nil },
		"one worker":      func(r *roster.Roster) { r.Workers = r.Workers[:1] },
		"no attachments":  func(r *roster.Roster) { r.Policy.Attachments = false },
		"default policy":  func(r *roster.Roster) { r.Policy = roster.DefaultPolicy() },
		"smallest": func(r *roster.Roster) {
			r.Number, r.Policy = 1, roster.Policy{1, 1, 64 << 10, 1, 1, false, false, 1, 0}
		},
		"largest": func(r *roster.Roster) {
			r.Number, r.Policy = 1<<62-1, roster.Policy{8760, 36500, 1 << 40, seal.MaxFileSize, seal.MaxFiles, true, true, roster.MaxPurgeSigners, 0}
		},
		"withdrawal": func(r *roster.Roster) { r.Policy.Withdraw = true },
		"purge":      func(r *roster.Roster) { r.Policy.PurgeSigners = 2 },
		"both":       func(r *roster.Roster) { r.Policy.Withdraw, r.Policy.PurgeSigners = true, 3 },
		"longest titles": func(r *roster.Roster) {
			r.Organisation = strings.Repeat("é", 100)
			r.Destinations[0].Title = strings.Repeat("x", 200)
		},
		"longest names": func(r *roster.Roster) {
			r.Workers[0].Name = strings.Repeat("w", 32)
			r.Destinations[0].Name = strings.Repeat("0", 32)
		},
		"workers with onion keys": func(r *roster.Roster) { r.Workers[0].Onion, r.Workers[1].Onion = onionKey("ana"), onionKey("bo-2") },
		"one onion key":           func(r *roster.Roster) { r.Workers[1].Onion = onionKey("bo-2") },
		"a title like a field":    func(r *roster.Roster) { r.Organisation = "worker ana" },
		"leap day":                func(r *roster.Roster) { r.Day = "2028-02-29" },
	} {
		r := sample(t)
		change(r)
		if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		text := r.Marshal()
		back, err := roster.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(back, r) {
			t.Errorf("%s: read back as %+v, was %+v", name, back, r)
		}
		if !bytes.Equal(back.Marshal(), text) {
			t.Errorf("%s: another text the second time", name)
		}
	}
}

// The largest roster there may be: as many as may be of everything, and the
// longest of it. It must fit into what Open reads.
func TestLargestRosterOpens(t *testing.T) {
	r := sample(t)
	r.Origin = strings.Repeat("o", 200)
	r.Intake.Ledger = ledgerKey(t, r.Origin)
	r.Organisation = strings.Repeat("x", 200)
	r.Workers, r.Destinations = nil, nil
	for i := range roster.MaxWorkers {
		name := fmt.Sprintf("w%031d", i)
		r.Workers = append(r.Workers, roster.Worker{Name: name, Recipient: madeUp(2 * i), Desk: deskPublic(name), Onion: onionKey(name)})
	}
	for i := range roster.MaxDestinations {
		r.Destinations = append(r.Destinations, roster.Destination{
			Name: fmt.Sprintf("d%031d", i), Title: strings.Repeat("x", 200), Recipient: madeUp(2*i + 1),
			Delivery: "mail " + strings.Repeat("a", 64) + "@" + strings.Repeat("a.", 94) + "a", Kind: "child-protection", Country: "BE", Language: "nl", Ack: ackSSH,
		})
	}
	if s := open(t, sign(t, r)); !reflect.DeepEqual(&s.Roster, r) {
		t.Error("it was read back as another")
	}
}

// madeUp has the outward form of a recipient, which is all that is checked.
func madeUp(i int) string {
	digits := []byte(strings.Repeat("q", 1952))
	for k := 0; i > 0; k++ {
		digits[k] = "qpzry9x8gf"[i%10]
		i /= 10
	}
	return "age1pq1" + string(digits)
}

func TestParseTakesTheCanonicalFormOnly(t *testing.T) {
	text := sample(t).Marshal()
	mangle(text, func(what string, text []byte) {
		r, err := roster.Parse(text)
		if r != nil || !errors.Is(err, roster.ErrMalformed) && !errors.Is(err, roster.ErrVersion) {
			t.Errorf("%s: error %v", what, err)
		}
	})
	for _, c := range []struct{ old, new string }{
		{"number 7", "number 07"}, {"number 7", "number +7"}, {"number 7", "number -7"}, {"number 7", "number 0x7"},
		{"number 7", "number 7.0"}, {"number 7", "number 4611686018427387904"}, {"number 7", "number 18446744073709551623"},
		{"number 7", "number seven"}, {"deadline-hours 48", "deadline-hours 4294967344"}, {"attachments yes", "attachments Yes"},
		{"attachments yes", "attachments true"}, {"max-files 20", "max-files 2_0"},
		{"attachments yes\n", "attachments yes\nwithdraw no\n"}, {"attachments yes\n", "attachments yes\nwithdraw Yes\n"},
		{"attachments yes\n", "attachments yes\nwithdraw yes\nwithdraw yes\n"}, {"attachments yes\n", "withdraw yes\nattachments yes\n"},
		{"attachments yes\n", "attachments yes\npurge-signers 0\n"}, {"attachments yes\n", "attachments yes\npurge-signers 02\n"},
		{"attachments yes\n", "attachments yes\npurge-signers 11\n"}, {"attachments yes\n", "attachments yes\npurge-signers 2\npurge-signers 2\n"},
		{"attachments yes\n", "attachments yes\npurge-signers 2\nwithdraw yes\n"},
		{"\nintake\n", "\nintake x\n"}, {"\npolicy\n", "\npolicies\n"},
		{"organisation Bureau", "organisation \xff"}, {"organisation Bureau", "organisation \x00"},
	} {
		changed := strings.Replace(string(text), c.old, c.new, 1)
		if changed == string(text) {
			t.Fatalf("%q is not in the text", c.old)
		}
		_, err := roster.Parse([]byte(changed))
		wantError(t, c.new, err, roster.ErrMalformed)
	}
	_, err := roster.Parse(append(bytes.Repeat([]byte("x"), 1<<20), '\n'))
	wantError(t, "more than a mebibyte", err, roster.ErrMalformed)
}

func TestParseRefusesOtherVersions(t *testing.T) {
	text := string(sample(t).Marshal())
	for _, header := range []string{"tocsin.roster.v2", "tocsin.roster.v10", "tocsin.roster.v1.1", "tocsin.roster.v"} {
		_, err := roster.Parse([]byte(strings.Replace(text, "tocsin.roster.v1", header, 1)))
		wantError(t, header, err, roster.ErrVersion)
	}
	// Another version is refused as such, whatever follows its first line.
	_, err := roster.Parse([]byte("tocsin.roster.v2\nall is new here\n"))
	wantError(t, "version 2", err, roster.ErrVersion)
	for _, header := range []string{"tocsin.worker.v1", "tocsin.rosters.v1", "", "v2"} {
		_, err := roster.Parse([]byte(strings.Replace(text, "tocsin.roster.v1", header, 1)))
		wantError(t, header, err, roster.ErrMalformed)
	}
}

func TestLookups(t *testing.T) {
	r := sample(t)
	if w := r.Worker("bo-2"); w != &r.Workers[1] {
		t.Errorf("Worker(bo-2) = %v", w)
	}
	if w := r.Worker("police"); w != nil {
		t.Errorf("Worker(police) = %v", w)
	}
	if d := r.Destination("ana"); d != &r.Destinations[1] {
		t.Errorf("Destination(ana) = %v", d)
	}
	if d := r.Destination("bo-2"); d != nil {
		t.Errorf("Destination(bo-2) = %v", d)
	}
	if w := r.WorkerByDesk(deskPublic("bo-2")); w != &r.Workers[1] {
		t.Errorf("WorkerByDesk(bo-2) = %v", w)
	}
	if w := r.WorkerByDesk(deskPublic("intake")); w != nil {
		t.Errorf("the intake's desk key is %s's", w.Name)
	}
	if w := r.WorkerByDesk(nil); w != nil {
		t.Errorf("no key is %s's", w.Name)
	}
	// Envelopes go to case workers, never to destinations.
	if got, want := r.Recipients(), []string{recipient(0), recipient(1)}; !reflect.DeepEqual(got, want) {
		t.Errorf("Recipients() = %.40q, want %.40q", got, want)
	}
}
