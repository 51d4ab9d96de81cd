package triage

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"tocsin/desk"
	"tocsin/ledger"
)

// A file for a stick appears whole or not at all, and in the place of nothing
// else.
func TestWhatIsCarriedIsWrittenWhole(t *testing.T) {
	g := newGap(t)
	c := g.addCase(g.vault, plain)
	g.pullTo(0)
	g.pullFrom()
	if list := g.pushTo(); list != nil {
		t.Errorf("an empty queue: %v", list)
	}
	if _, err := os.Stat(g.out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty queue left a file: %v", err)
	}
	g.reply(c, "hello")
	ok(t, os.WriteFile(g.out, []byte("a letter to somebody"), 0o600))
	if _, err := g.alice.PushTo(t.Context(), g.out); err == nil {
		t.Error("a letter was written over")
	}
	ok(t, os.Remove(g.out))
	ok(t, os.WriteFile(g.out+partEnding, []byte("half of one whose writer died"), 0o644))
	g.pushTo()
	before, err := os.ReadFile(g.out)
	ok(t, err)
	g.reply(c, "and another")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.alice.PushTo(over, g.out); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if now, err := os.ReadFile(g.out); err != nil || !bytes.Equal(now, before) {
		t.Errorf("what was there before is not: %v", err)
	}
	if _, err := os.Stat(g.out + partEnding); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a part is left: %v", err)
	}
	if st, err := os.Stat(g.out); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", st.Mode(), err)
	}
	// Each kind of file is for one verb.
	if _, err := g.tryPullFrom(g.out); err == nil || !strings.Contains(err.Error(), "push --from") {
		t.Errorf("pulled from what is to be pushed: %v", err)
	}
	if _, err := g.courier.PushFrom(t.Context(), "", g.stick, nothing); err == nil || !strings.Contains(err.Error(), "pull --from") {
		t.Errorf("pushed what is to be pulled: %v", err)
	}
	if _, err := g.tryPullFrom(g.dir); err == nil {
		t.Error("pulled from a directory")
	}
}

// Nothing of a queue that is not whole is delivered; what can't enter the ledger
// any more is told and dropped; what the desk refuses stays queued.
func TestAQueueThatIsCarried(t *testing.T) {
	g := newGap(t)
	c, taken := g.addCase(g.vault, plain), g.addCase(g.vault, plain)
	g.pullTo(0)
	g.pullFrom()
	g.reply(taken, "hello")
	g.reply(c, "hello")
	g.with(g.alice, func() {
		_, err := g.alice.Route(g.find(c), "police", With{})
		ok(t, err)
	})
	g.pushTo()
	whole, err := os.ReadFile(g.out)
	ok(t, err)
	ok(t, g.courier.Lock())
	defer g.courier.Unlock()
	for _, cut := range []int{0, 10, len(whole) / 2, len(whole) - 1} {
		ok(t, os.WriteFile(g.out, whole[:cut], 0o600))
		if _, err := g.courier.PushFrom(t.Context(), "", g.out, nothing); !errors.Is(err, desk.ErrTruncated) {
			t.Errorf("cut to %d of %d bytes: %v", cut, len(whole), err)
		}
	}
	if p, err := g.courier.Pull(t.Context(), "", nothing); err != nil || p.Leaves != 0 {
		t.Fatalf("after files that were cut: %+v, %v", p, err)
	}
	ok(t, os.WriteFile(g.out, whole, 0o600))
	g.withdraw(taken)
	ok(t, g.org.OrgRemoveDestination("police"))
	g.sign()
	ok(t, g.vault.UpdateRoster(t.Context(), g.roster))
	p, err := g.courier.PushFrom(t.Context(), "", g.out, nothing)
	ok(t, err)
	if len(p.Delivered) != 1 || len(p.Dropped) != 1 || len(p.Refused) != 1 || p.Dropped[0].Leaf.Case != taken.id {
		t.Errorf("pushed %+v", p)
	}
	_, err = g.courier.PullTo(t.Context(), "", g.stick, 0, nothing)
	ok(t, err)
	if p := g.pullFrom(); len(p.Delivered) != 1 || len(p.Dropped) != 1 {
		t.Errorf("pulled %+v", p)
	}
	if q := g.queued(); len(q) != 1 || q[0] != ledger.EventHandedOver {
		t.Errorf("queued: %v", q)
	}
}
