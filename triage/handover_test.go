package triage

import (
	"os"
	"strings"
	"testing"

	"tocsin/seal/roster"
	"tocsin/testorg"
)

// What was decided is noted once: also by a route that is repeated because it was
// killed before its note, and not twice by one that was not.
func TestADecisionIsNoted(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	found := s.find(c)
	p, err := s.alice.Propose(found)
	ok(t, err)
	d, err := p.Decide([]string{"police"}, "they asked")
	ok(t, err)
	noted := func(want int) {
		t.Helper()
		if notes := s.deskFrom(s.alice, c).Notes; len(notes) != want || notes[want-1].Decision == nil {
			t.Errorf("noted %+v", notes)
		}
	}
	with := With{Decision: d}
	_, err = s.alice.Route(found, "police", with)
	ok(t, err)
	// Killed here, it is repeated, and nothing is fresh.
	hand := func(made int, says bool) {
		t.Helper()
		if out, err := s.alice.HandOver(s.find(c), with); err != nil || len(out.Made) != made || len(out.Made)+len(out.Before) != 1 || out.Noted != says {
			t.Errorf("handed over: %+v, %v", out, err)
		}
	}
	hand(0, true)
	noted(1)
	// What is said of it now is not what was decided then, and is not kept.
	d, err = p.Decide([]string{"police"}, "another reason")
	ok(t, err)
	with.Decision = d
	hand(0, false)
	noted(1)
	with.Decision, err = p.Decide([]string{"police"}, "they asked")
	ok(t, err)
	// There is more to hand over on the same day, for the same reason.
	s.add(c, "more")
	s.pull()
	hand(1, true)
	noted(1)
	s.note(s.alice, c, Note{Text: "they asked again"})
	s.add(c, "more")
	s.pull()
	hand(1, true)
	noted(3)
}

// Where one destination fails, the decision for those before it is noted all the
// same, and the rest is made up for.
func TestADecisionThatIsHalfDoneIsNoted(t *testing.T) {
	s := newStation(t)
	ok(t, s.org.OrgAddDestination(roster.Destination{Name: "embassy", Title: "Embassy", Recipient: testorg.Identity(t).Recipient().String(), Delivery: roster.DeliveryOutbox}))
	s.sign()
	ok(t, s.vault.UpdateRoster(t.Context(), s.roster))
	c := s.addCase(s.vault, plain)
	s.pull()
	p, err := s.alice.Propose(s.find(c))
	ok(t, err)
	d, err := p.Decide([]string{"police", "embassy"}, "they asked")
	ok(t, err)
	ok(t, os.MkdirAll(s.alice.path("outbox"), 0o700))
	ok(t, os.WriteFile(s.alice.path("outbox", "embassy"), nil, 0o600)) // no directory can be made
	out, err := s.alice.HandOver(s.find(c), With{Decision: d})
	if err == nil || len(out.Made) != 1 || !out.Noted {
		t.Fatalf("%+v, %v", out, err)
	}
	decided := func() string {
		var list []string
		for _, n := range s.deskFrom(s.alice, c).Notes {
			list = append(list, strings.Join(n.Decision.To, "+"))
		}
		return strings.Join(list, ", ")
	}
	if got := decided(); got != "police" {
		t.Errorf("decided %s", got)
	}
	ok(t, os.Remove(s.alice.path("outbox", "embassy")))
	if out, err := s.alice.HandOver(s.find(c), With{Decision: d}); err != nil || len(out.Made) != 1 || len(out.Before) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	if got := decided(); got != "police, police+embassy" {
		t.Errorf("decided %s", got)
	}
}
