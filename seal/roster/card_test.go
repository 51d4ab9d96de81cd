package roster_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"tocsin/seal/roster"
)

func TestFrozenCards(t *testing.T) {
	r := sample(t)
	if got := r.Workers[0].MarshalCard(); !bytes.Equal(got, frozenWorker) {
		t.Errorf("the worker's card is\n%s\nand was\n%s", got, frozenWorker)
	}
	if w, err := roster.ParseWorkerCard(frozenWorker); err != nil || !reflect.DeepEqual(w, &r.Workers[0]) {
		t.Errorf("the worker's card reads %+v, %v", w, err)
	}
	intake := &roster.IntakeCard{Origin: r.Origin, Intake: r.Intake}
	if got := intake.Marshal(); !bytes.Equal(got, frozenIntake) {
		t.Errorf("the intake's card is\n%s\nand was\n%s", got, frozenIntake)
	}
	if c, err := roster.ParseIntakeCard(frozenIntake); err != nil || !reflect.DeepEqual(c, intake) {
		t.Errorf("the intake's card reads %+v, %v", c, err)
	}
}

// The onion key is a line of its own, and its place is the last.
func TestCardWithAnOnionKey(t *testing.T) {
	w := sample(t).Workers[0]
	w.Onion = onionKey("ana")
	card := w.MarshalCard()
	if want := string(frozenWorker) + "onion " + w.Onion + "\n"; string(card) != want {
		t.Errorf("the card is\n%s\nwant\n%s", card, want)
	}
	if back, err := roster.ParseWorkerCard(card); err != nil || !reflect.DeepEqual(back, &w) {
		t.Errorf("the card reads %+v, %v", back, err)
	}
	mangle(card, func(what string, text []byte) {
		// Without its last line it is a worker's card that has no onion key.
		if bytes.Equal(text, frozenWorker) {
			return
		}
		if _, err := roster.ParseWorkerCard(text); !errors.Is(err, roster.ErrMalformed) && !errors.Is(err, roster.ErrVersion) {
			t.Errorf("%s: error %v", what, err)
		}
	})
}

// A card is refused for what a roster with it in would be refused for.
func TestCardsAreReadStrictly(t *testing.T) {
	parsers := []struct {
		name, header string
		frozen       []byte
		parse        func([]byte) error
		bad          [][2]string // text in the card, what stands there instead
	}{
		{"worker", "tocsin.worker.v1", frozenWorker, func(b []byte) error { _, err := roster.ParseWorkerCard(b); return err }, [][2]string{
			{"worker ana", "worker Ana"}, {"worker ana", "worker ../ana"}, {"worker ana", "worker " + strings.Repeat("a", 33)},
			{"age1pq1", "age1"}, {"age1pq1", "age1pq1b"}, {"desk ", "desk A"}, {"desk ", "desk AAAA"}, {"=\n", "\n"}, {"=\n", "=\r\n"},
		}},
		{"intake", "tocsin.intake.v1", frozenIntake, func(b []byte) error { _, err := roster.ParseIntakeCard(b); return err }, [][2]string{
			{"origin example.org/tocsin", "origin example.org/other"}, {"origin example.org", "origin the example.org"},
			{"origin example.org", "origin éxample.org"}, {"ledger example.org", "ledger example.net"}, {"+", "+0"}, {"+", "\r+"},
			{"ledger ", "ledger PRIVATE+KEY+"}, {"\ndesk ", "\r\ndesk "}, {"desk ", "desk A"}, {"=\n", "\n"},
		}},
	}
	for _, p := range parsers {
		if err := p.parse(p.frozen); err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
		mangle(p.frozen, func(what string, text []byte) {
			if err := p.parse(text); !errors.Is(err, roster.ErrMalformed) && !errors.Is(err, roster.ErrVersion) {
				t.Errorf("%s, %s: error %v", p.name, what, err)
			}
		})
		for _, c := range p.bad {
			changed := bytes.Replace(p.frozen, []byte(c[0]), []byte(c[1]), 1)
			if bytes.Equal(changed, p.frozen) {
				t.Fatalf("%q is not in the %s's card", c[0], p.name)
			}
			wantError(t, p.name+": "+c[1], p.parse(changed), roster.ErrMalformed)
		}
		v2 := strings.Replace(p.header, "v1", "v2", 1)
		wantError(t, v2, p.parse(bytes.Replace(p.frozen, []byte(p.header), []byte(v2), 1)), roster.ErrVersion)
		wantError(t, v2+" alone", p.parse([]byte(v2+"\nall is new\n")), roster.ErrVersion)
		wantError(t, "another thing", p.parse(bytes.Replace(p.frozen, []byte(p.header), []byte("tocsin.roster.v1"), 1)), roster.ErrMalformed)
		wantError(t, "too large", p.parse(append(bytes.Clone(p.frozen), bytes.Repeat([]byte("x\n"), 4<<10)...)), roster.ErrMalformed)
	}
	// One card is not the other.
	wantError(t, "an intake's card", parsers[0].parse(frozenIntake), roster.ErrMalformed)
	wantError(t, "a worker's card", parsers[1].parse(frozenWorker), roster.ErrMalformed)
}

func TestWorkersAndDestinationsValidateAlone(t *testing.T) {
	r := sample(t)
	if err := errors.Join(r.Workers[0].Validate(), r.Destinations[0].Validate(), r.Policy.Validate()); err != nil {
		t.Error(err)
	}
	wantError(t, "no worker", (&roster.Worker{}).Validate(), roster.ErrMalformed)
	wantError(t, "no destination", (&roster.Destination{}).Validate(), roster.ErrMalformed)
	wantError(t, "no policy", (&roster.Policy{}).Validate(), roster.ErrMalformed)
}
