package vault_test

import (
	"errors"
	"strings"
	"testing"

	"tocsin/ledger"
	"tocsin/vault"
)

// A release lifts the hold that its worker saw, and none that came after it was
// signed; what is refused leaves nothing behind.
func TestAReleaseKeptBack(t *testing.T) {
	o, v, r := purgeable(t)
	sign(t, v, o.Hold(o.Workers[0], r.ID, last(t, v, r.ID)))
	at := last(t, v, r.ID)
	keptBack := o.Release(o.Workers[2], r.ID, at)
	sign(t, v, o.Release(o.Workers[1], r.ID, at))
	held := sign(t, v, o.Hold(o.Workers[0], r.ID, last(t, v, r.ID)))
	before := size(t, o, v)
	for what, l := range map[string]*ledger.Leaf{
		"kept back": keptBack, "for whatever may come": o.Release(o.Workers[2], r.ID, before),
	} {
		_, err := v.AddEvent(t.Context(), l)
		if !errors.Is(err, vault.ErrRefused) || !errors.Is(err, ledger.ErrUnseen) || !strings.Contains(err.Error(), "pull, and sign it again") {
			t.Errorf("%s: %v, want ErrRefused, because ErrUnseen, and what to do", what, err)
		}
	}
	if size(t, o, v) != before {
		t.Error("what was refused left something")
	}
	sign(t, v, o.Release(o.Workers[2], r.ID, held))
	// Of a case that is not held any may come: two colleagues released it.
	sign(t, v, o.Release(o.Workers[1], r.ID, held))
	v.Close()
	o.MustBeWhole(t, v.Dir())
}

// The same worker may hold a case again on the same day for the same reason;
// the same statement again is the same leaf.
func TestHeldAgain(t *testing.T) {
	o, v, r := purgeable(t)
	first := o.Hold(o.Workers[0], r.ID, last(t, v, r.ID))
	at := sign(t, v, first)
	sign(t, v, o.Release(o.Workers[1], r.ID, at))
	if again := sign(t, v, first); again != at {
		t.Errorf("the same hold again: leaf %d, want leaf %d", again, at)
	}
	if again := sign(t, v, o.Hold(o.Workers[0], r.ID, last(t, v, r.ID))); again != at+2 {
		t.Errorf("another hold: leaf %d, want leaf %d", again, at+2)
	}
	sign(t, v, o.ProposePurge(o.Workers[0], r.ID, ledger.RuleRequest, last(t, v, r.ID)))
	if _, err := v.AddEvent(t.Context(), o.Purge(o.Workers[1], r.ID, ledger.RuleRequest, last(t, v, r.ID))); !errors.Is(err, ledger.ErrHeld) {
		t.Errorf("purged: %v, want ErrHeld", err)
	}
	v.Close()
	o.MustBeWhole(t, v.Dir())
}
