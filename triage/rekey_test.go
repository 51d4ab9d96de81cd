package triage

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tocsin/ledger"
	"tocsin/seal"
)

// hire makes the home of another case worker and puts them into the roster;
// dismiss takes them out. Both sign it and put it in force.
func (s *station) hire(name string) *Home {
	s.t.Helper()
	h := newHome(filepath.Join(s.dir, name))
	ok(s.t, makeDir(h.Dir))
	card, err := h.Keygen(name, "")
	ok(s.t, err)
	_, err = s.org.OrgAddWorker(card)
	ok(s.t, err)
	s.enforce()
	ok(s.t, h.Join(s.orgKey, s.roster, s.desk.addr))
	return h
}

func (s *station) dismiss(name string) {
	s.t.Helper()
	ok(s.t, s.org.OrgRemoveWorker(name))
	s.enforce()
}

// enforce signs the organisation's roster as it stands, and puts it in force.
func (s *station) enforce() {
	s.t.Helper()
	s.sign()
	ok(s.t, s.vault.UpdateRoster(s.t.Context(), s.roster))
}

// with runs fn in a home under its lock.
func (s *station) with(h *Home, fn func()) {
	s.t.Helper()
	ok(s.t, h.Lock())
	defer h.Unlock()
	fn()
}

func (s *station) pullTo(h *Home) (p *Pulled) {
	s.t.Helper()
	s.with(h, func() {
		var err error
		p, err = h.Pull(s.t.Context(), "", nothing)
		ok(s.t, err)
	})
	return p
}

func (s *station) pushFrom(h *Home) (p *Pushed) {
	s.t.Helper()
	s.with(h, func() {
		var err error
		p, err = h.Push(s.t.Context(), "", nothing)
		ok(s.t, err)
	})
	return p
}

func (s *station) rekey(h *Home) (r *Rekeyed) {
	s.t.Helper()
	s.with(h, func() {
		var err error
		r, err = h.Rekey(s.t.Context(), func(int, int) {})
		ok(s.t, err)
	})
	return r
}

// mustRead fails the test unless a home reads every case.
func (s *station) mustRead(h *Home, cases int) {
	s.t.Helper()
	list, err := h.List()
	ok(s.t, err)
	if len(list) != cases {
		s.t.Errorf("%s lists %d cases, want %d", h.Dir, len(list), cases)
	}
	for _, v := range list {
		if v.Problem != "" {
			s.t.Errorf("%s can't read case %s: %s", h.Dir, v.ID, v.Problem)
		}
	}
}

// rekeys counts the rekey leaves of the ledger by case.
func (s *station) rekeys() map[ledger.CaseID]int {
	s.t.Helper()
	cp, err := ledger.OpenCheckpoint(s.vault.Checkpoint(), s.vault.Roster().Intake.Ledger)
	ok(s.t, err)
	n := map[ledger.CaseID]int{}
	ok(s.t, s.vault.Leaves(0, cp.Size, func(_ int64, b []byte) error {
		l, err := ledger.ParseLeaf(b)
		if err == nil && l.Event == ledger.EventRekey {
			n[l.Case]++
		}
		return err
	}))
	return n
}

// Who was removed opens no envelope that is in force; who stayed and who came
// read everything, and nothing of before is left with them.
func TestRekey(t *testing.T) {
	s := newStation(t)
	bob := s.hire("bob")
	var cases []*told
	for range 3 {
		cases = append(cases, s.addCase(s.vault, plain))
	}
	s.pull()
	s.pullTo(bob)
	before := map[*told]ledger.Digest{}
	for _, c := range cases {
		before[c] = s.find(c).envelope
	}
	s.dismiss("bob")
	carol := s.hire("carol")
	s.pullTo(carol)
	if list, err := carol.List(); err != nil || list[0].Problem == "" {
		t.Fatalf("carol reads what was never sealed to her: %v", err)
	}
	s.pull()
	if r := s.rekey(s.alice); r.Sealed != 3 || r.Current != 0 || len(r.Failed) != 0 || r.Roster != 4 {
		t.Errorf("first: %+v", r)
	}
	if r := s.rekey(s.alice); r.Sealed != 0 || r.Current != 3 {
		t.Errorf("again, while it waits: %+v", r)
	}
	s.mustRead(s.alice, 3) // the old envelopes are in force
	if p := s.pushFrom(s.alice); len(p.Delivered) != 3 || len(p.Refused) != 0 {
		t.Errorf("pushed: %+v", p)
	}
	if r := s.rekey(s.alice); r.Sealed != 0 || r.Current != 3 {
		t.Errorf("again, once it is in the ledger: %+v", r)
	}
	s.pullTo(carol)
	s.mustRead(s.alice, 3)
	s.mustRead(carol, 3)
	for _, c := range cases {
		if _, err := os.Lstat(s.alice.objectPath(before[c])); !errors.Is(err, fs.ErrNotExist) {
			t.Error("the old envelope is still in the home")
		}
		now, err := s.alice.readObject(s.find(c).envelope)
		ok(t, err)
		id, err := bob.Identity()
		ok(t, err)
		if _, err := seal.OpenEnvelope(now, id); !errors.Is(err, seal.ErrKey) {
			t.Errorf("bob opens what is in force: %v", err)
		}
	}
	// What came under the roster in force needs no new envelope.
	s.addCase(s.vault, plain)
	s.pull()
	if r := s.rekey(s.alice); r.Sealed != 0 || r.Current != 4 {
		t.Errorf("a new case: %+v", r)
	}
}

// Two who do it at the same time do it once.
func TestTwoWorkersRekey(t *testing.T) {
	s := newStation(t)
	s.hire("bob")
	c := s.addCase(s.vault, plain)
	s.dismiss("bob")
	carol := s.hire("carol")
	s.pull()
	s.rekey(s.alice)
	s.with(carol, func() {
		_, err := carol.Pull(t.Context(), "", nothing)
		ok(t, err)
	})
	if r := s.rekey(carol); len(r.Failed) != 1 {
		t.Errorf("carol seals what she can't open: %+v", r)
	}
	s.pushFrom(s.alice)
	// The roster changes again: alice seals for it, and so does carol.
	s.enforce()
	s.pull()
	s.pullTo(carol)
	s.rekey(s.alice)
	s.rekey(carol)
	s.pushFrom(s.alice)
	p := s.pushFrom(carol)
	if len(p.Delivered) != 0 || len(p.Refused) != 0 || len(p.Pull.Dropped) != 1 {
		t.Errorf("carol's push: %+v", p)
	}
	if n := s.rekeys()[c.id]; n != 2 {
		t.Errorf("%d rekeys, want 2", n)
	}
	s.mustRead(carol, 1)
	s.mustRead(s.alice, 1)
}

// What was queued for a roster that is no longer in force is done again.
func TestARosterThatChangesWhileRekeysWait(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.hire("bob")
	s.pull()
	s.rekey(s.alice)
	s.dismiss("bob")
	if p := s.pushFrom(s.alice); len(p.Refused) != 0 || len(p.Pull.Dropped) != 1 {
		t.Errorf("pushed for a roster of before: %+v", p)
	}
	if r := s.rekey(s.alice); r.Sealed != 1 {
		t.Errorf("for the new roster: %+v", r)
	}
	s.pushFrom(s.alice)
	if s.rekeys()[c.id] != 1 {
		t.Error("not once in the ledger")
	}
	// A roster that the intake does not have yet is not sealed for.
	s.sign()
	ok(t, s.alice.Join(s.orgKey, s.roster, ""))
	s.with(s.alice, func() {
		if _, err := s.alice.Rekey(t.Context(), func(int, int) {}); err == nil {
			t.Error("sealed for a roster that is not in force")
		}
	})
}

// Interrupted after any case, it goes on from there.
func TestAnInterruptedRekeyGoesOn(t *testing.T) {
	s := newStation(t)
	const cases = 7
	for range cases {
		s.addCase(s.vault, plain)
	}
	s.hire("bob")
	s.pull()
	sealed := 0
	for range cases + 1 {
		ctx, cancel := context.WithCancel(t.Context())
		s.with(s.alice, func() {
			r, err := s.alice.Rekey(ctx, func(int, int) { cancel() })
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			sealed += r.Sealed
		})
		cancel()
	}
	if queue, err := s.alice.Queue(); err != nil || sealed != cases || len(queue) != cases {
		t.Fatalf("%d sealed, %d queued, %v; want %d", sealed, len(queue), err, cases)
	}
	// Delivered, and killed before the queue was emptied: delivered again.
	saved := map[string][]byte{}
	everyFile(t, s.alice.path("queue"), func(path string, data []byte) { saved[path] = data })
	s.pushFrom(s.alice)
	for path, data := range saved {
		ok(t, os.WriteFile(path, data, 0o600))
	}
	if p := s.pushFrom(s.alice); len(p.Delivered) != cases {
		t.Errorf("%d delivered again", len(p.Delivered))
	}
	for id, n := range s.rekeys() {
		if n != 1 {
			t.Errorf("case %s has %d rekeys", id, n)
		}
	}
	s.mustRead(s.alice, cases)
}

// While a colleague pushes new envelopes, a pull that was told of the old ones
// finds them gone: it is no attack, and the next look at the ledger tells.
func TestARekeyInTheMiddleOfAPull(t *testing.T) {
	s := newStation(t)
	bob := s.hire("bob")
	first, second := s.addCase(s.vault, plain), s.addCase(s.vault, plain)
	s.pull()
	s.enforce()
	s.pull()
	s.rekey(s.alice)
	s.with(bob, func() {
		ok(t, makeDir(bob.path("objects")))
		client, hangUp, err := bob.dial("")
		ok(t, err)
		defer hangUp()
		m, err := bob.openMirror()
		ok(t, err)
		next, leaves, head, err := bob.advance(t.Context(), client, m)
		ok(t, err)
		ok(t, bob.commit(m, next, leaves, head))
		s.pushFrom(s.alice)
		err = bob.fetchMissing(t.Context(), client, next, new(Pulled), nothing)
		if !errors.Is(err, errAbsent) {
			t.Errorf("envelopes that were replaced: %v", err)
		}
		for _, c := range next.cases() {
			if !bob.hasObject(c.record) || !bob.hasObject(c.Messages[0].Leaf.Digest) || bob.hasObject(c.envelope) {
				t.Error("what was not replaced is not here, or what was is")
			}
		}
	})
	s.pullTo(bob)
	s.mustRead(bob, 2)
	if n := s.rekeys(); n[first.id] != 1 || n[second.id] != 1 {
		t.Errorf("%v", n)
	}
}

// A case worker who seals something else destroys nothing: who still has the
// envelope of before keeps it, and seals the case again for the next roster.
func TestAFalseRekeyIsMended(t *testing.T) {
	s := newStation(t)
	bob := s.hire("bob")
	c := s.addCase(s.vault, plain)
	s.pull()
	s.pullTo(bob)
	before := s.find(c).envelope
	s.enforce()
	s.pullTo(bob)
	r := s.vault.Roster()
	workers, err := seal.ParseRecipients(r.Recipients())
	ok(t, err)
	other, err := seal.NewCaseKey()
	ok(t, err)
	envelope, err := other.Envelope(workers)
	ok(t, err)
	key, err := bob.deskKey()
	ok(t, err)
	day := ledger.DayOf(today)
	l := &ledger.Leaf{Event: ledger.EventRekey, Day: day, Done: day, Case: c.id, Number: r.Number, Envelope: digestOf(envelope)}
	l.Sign(r.Instance(), "bob", key)
	_, err = s.vault.AddRekey(t.Context(), l, envelope)
	ok(t, err)
	s.pull()
	if list, err := s.alice.List(); err != nil || list[0].Problem == "" {
		t.Fatalf("an envelope with another key opens: %+v, %v", list, err)
	}
	if !s.alice.hasObject(before) {
		t.Fatal("the last envelope that opens is gone")
	}
	s.dismiss("bob")
	s.pull()
	if r := s.rekey(s.alice); r.Sealed != 1 {
		t.Fatalf("mending: %+v", r)
	}
	s.pushFrom(s.alice)
	s.mustRead(s.alice, 1)
	if s.alice.hasObject(before) {
		t.Error("mended, and the envelope of before is still here")
	}
}

// A rekey for another roster than the one in force is refused, whoever signed
// it; so is one by who is no case worker.
func TestForgedRekeysAreRefused(t *testing.T) {
	s := newStation(t)
	bob := s.hire("bob")
	c := s.addCase(s.vault, plain)
	s.pull()
	s.dismiss("bob")
	s.pull()
	m, err := s.alice.openMirror()
	ok(t, err)
	alice, err := s.alice.deskKey()
	ok(t, err)
	gone, err := bob.deskKey()
	ok(t, err)
	force := s.vault.Roster()
	for name, forge := range map[string]func(l *ledger.Leaf){
		"for a roster of before": func(l *ledger.Leaf) { l.Number--; l.Sign(force.Instance(), "alice", alice) },
		"by who was removed":     func(l *ledger.Leaf) { l.Sign(force.Instance(), "bob", gone) },
		"in another's name":      func(l *ledger.Leaf) { l.Sign(force.Instance(), "alice", gone) },
	} {
		l := &ledger.Leaf{Event: ledger.EventRekey, Day: ledger.DayOf(today), Done: ledger.DayOf(today), Case: c.id, Number: force.Number, Envelope: digestOf([]byte(name))}
		forge(l)
		next := m.clone()
		next.leaves = append(next.leaves, l)
		client, hangUp, err := s.alice.dial("")
		ok(t, err)
		if err := s.alice.verifyEvents(t.Context(), client, m, next); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
		hangUp()
	}
}

// What it costs to seal cases again for another roster, and to push that.
func BenchmarkRekey(b *testing.B) {
	for range b.N {
		b.StopTimer()
		s := stock(b, benchCases(b))
		s.hire("bob")
		s.pull()
		b.StartTimer()
		start := time.Now()
		if r := s.rekey(s.alice); r.Sealed == 0 || len(r.Failed) > 0 {
			b.Fatalf("%+v", r)
		}
		sealed := time.Since(start)
		n := len(s.pushFrom(s.alice).Delivered)
		b.ReportMetric(float64(sealed.Microseconds())/float64(n), "µs/rekey")
		b.ReportMetric(float64((time.Since(start)-sealed).Microseconds())/float64(n), "µs/push")
	}
}
