package triage

import (
	"errors"
	"strings"
	"testing"

	"tocsin/ledger"
)

func TestHoldAndRelease(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	for _, rule := range []string{"", "Two words", "für", "a.b", strings.Repeat("x", 33)} {
		if err := s.alice.Hold(s.find(c), rule, "reason"); err == nil {
			t.Errorf("held as %q", rule)
		}
	}
	if err := s.alice.Release(s.find(c)); !errors.Is(err, ErrNoChange) {
		t.Errorf("released, never held: %v", err)
	}
	ok(t, s.alice.Hold(s.find(c), "inquiry", "OURS-REASON"))
	if err := s.alice.Hold(s.find(c), "court", ""); !errors.Is(err, ErrNoChange) {
		t.Errorf("held twice: %v", err)
	}
	s.pushed(s.alice)
	if d := s.deskFrom(s.alice, c); len(d.Notes) != 1 || d.Notes[0].Text != "Held (inquiry): OURS-REASON" {
		t.Errorf("notes: %+v", d.Notes)
	}
	ok(t, s.alice.Release(s.find(c)))
	s.pushed(s.alice)
	if s.find(c).Held {
		t.Error("released, and held")
	}
	// The same word on the same day is another hold.
	ok(t, s.alice.Hold(s.find(c), "inquiry", ""))
	s.pushed(s.alice)
	if !s.find(c).Held {
		t.Error("held again as before, and not held")
	}
	ok(t, s.alice.Release(s.find(c)))
	s.pushed(s.alice)
	history, err := s.vault.History(c.id)
	ok(t, err)
	held, released := 0, 0
	for _, e := range history {
		switch e.Leaf.Event {
		case ledger.EventHeld:
			held++
		case ledger.EventReleased:
			released++
		}
	}
	if held != 2 || released != 2 || s.find(c).Held {
		t.Errorf("%d holds and %d releases in the ledger, held: %t", held, released, s.find(c).Held)
	}
}

// A hold that waits is not released before it is pushed: the release could not
// say that its worker had seen it in the ledger.
func TestAReleaseComesAfterThePushOfItsHold(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	held := func() {
		t.Helper()
		if err := s.alice.Release(s.find(c)); err == nil || !strings.Contains(err.Error(), "triage push") {
			t.Errorf("released a hold that waits: %v", err)
		}
	}
	ok(t, s.alice.Hold(s.find(c), "inquiry", ""))
	held()
	s.pushed(s.alice)
	ok(t, s.alice.Release(s.find(c)))
	ok(t, s.alice.Hold(s.find(c), "court", ""))
	held()
	s.pushed(s.alice)
	ok(t, s.alice.Release(s.find(c)))
	s.pushed(s.alice)
	if s.find(c).Held {
		t.Error("released, and held")
	}
}

// A release that waited while a colleague held the case anew lifts nothing, and
// is queued no more, whether the desk refuses it or a pull tells.
func TestAReleaseOfALaterHoldIsDropped(t *testing.T) {
	for _, pushed := range []bool{true, false} {
		s := newStation(t)
		bob := s.hire("bob")
		c := s.addCase(s.vault, plain)
		s.pull()
		ok(t, s.alice.Hold(s.find(c), "inquiry", ""))
		s.pushed(s.alice)
		s.pushed(bob)
		ok(t, bob.Release(s.caseOf(bob, c)))
		ok(t, s.alice.Release(s.find(c)))
		s.pushed(s.alice)
		ok(t, s.alice.Hold(s.find(c), "court", ""))
		s.pushed(s.alice)
		if pushed {
			p, err := bob.Push(t.Context(), s.desk.addr, nothing)
			ok(t, err)
			if len(p.Refused) != 1 || !p.Refused[0].Dropped || len(p.Pull.Dropped) != 0 || !strings.Contains(p.Refused[0].Err.Error(), "pull, and sign it again") {
				t.Errorf("refused: %+v; dropped: %+v", p.Refused, p.Pull.Dropped)
			}
		} else if p, err := bob.Pull(t.Context(), s.desk.addr, nothing); err != nil || len(p.Dropped) != 1 {
			t.Errorf("dropped: %+v, %v", p, err)
		}
		if queue, err := bob.Queue(); err != nil || len(queue) != 0 {
			t.Errorf("still queued: %d, %v", len(queue), err)
		}
		if !s.caseOf(bob, c).Held {
			t.Error("bob's home says that it is not held")
		}
	}
}

// Killed between the note with the reason and the event, hold is typed again.
func TestAHoldThatWasKilled(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	s.note(s.alice, c, Note{Text: "Held (inquiry): reason"})
	ok(t, s.alice.Hold(s.find(c), "inquiry", "reason"))
	if queue, err := s.alice.Queue(); err != nil || len(queue) != 2 {
		t.Errorf("%d queued, %v; want one note and the hold", len(queue), err)
	}
}
