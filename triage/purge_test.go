package triage

import (
	"crypto/ed25519"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"tocsin/ledger"
)

// purge signs what the home's worker would have purged, and pushes it.
func (s *station) purge(h *Home, c *told, rule string) *Purging {
	s.t.Helper()
	p, err := h.Purge(s.caseOf(h, c), rule)
	ok(s.t, err)
	s.pushed(h)
	return p
}

// One proposes, another confirms; then every home forgets the case with its
// next pull, with what was queued for it.
func TestAPurgedCaseLeavesEveryHome(t *testing.T) {
	s := newStation(t)
	bob := s.hire("bob")
	c, other := s.addCase(s.vault, plain), s.addCase(s.vault, plain)
	s.pushed(s.alice)
	s.pushed(bob)
	objects := []string{}
	found := s.caseOf(bob, c)
	for _, d := range []ledger.Digest{found.record, found.envelope, found.Messages[0].Leaf.Digest} {
		objects = append(objects, bob.objectPath(d), s.alice.objectPath(d))
	}
	if p := s.purge(s.alice, c, ledger.RuleRequest); p.Purges || p.Missing != 1 {
		t.Errorf("proposed: %+v", p)
	}
	if p, err := s.alice.Purge(s.caseOf(s.alice, c), ledger.RuleRequest); err != nil || p.Queued != "" || p.Purges || p.Missing != 1 {
		t.Errorf("proposed again: %+v, %v", p, err)
	}
	s.note(s.alice, other, Note{Text: "of another case"})
	s.pushed(bob)
	if p := s.purge(bob, c, ledger.RuleRequest); !p.Purges || p.Missing != 0 || strings.Join(p.Proposed, " ") != "alice bob" {
		t.Errorf("confirmed: %+v", p)
	}
	if _, err := s.alice.AddNote(s.caseOf(s.alice, c), &Note{Text: "too late"}); err != nil {
		t.Fatal(err)
	}
	p := s.pushed(s.alice)
	if len(p.Pull.Dropped) != 1 || len(p.Delivered) != 1 {
		t.Errorf("alice: dropped %d, delivered %d", len(p.Pull.Dropped), len(p.Delivered))
	}
	for _, path := range objects {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	for _, h := range []*Home{s.alice, bob} {
		found := s.caseOf(h, c)
		if _, err := h.Show(found); err == nil || !strings.Contains(err.Error(), "purged under the rule request") {
			t.Errorf("shown: %v", err)
		}
		for name, do := range map[string]func() error{
			"purge":   func() error { _, err := h.Purge(found, ledger.RuleRequest); return err },
			"hold":    func() error { return h.Hold(found, "inquiry", "") },
			"release": func() error { return h.Release(found) },
		} {
			if do() == nil {
				t.Errorf("%s of a purged case", name)
			}
		}
		if _, err := h.Show(s.caseOf(h, other)); err != nil {
			t.Errorf("the other case: %v", err)
		}
		if list, err := h.Purgeable(); err != nil || len(list) != 0 {
			t.Errorf("to be purged: %+v, %v", list, err)
		}
	}
}

// A note that waits goes before what is signed after it: the desk would not
// count that as signed with the note in view.
func TestAPurgeComesAfterWhatIsQueued(t *testing.T) {
	s := newStation(t)
	s.hire("bob")
	c := s.addCase(s.vault, plain)
	s.pull()
	s.note(s.alice, c, Note{Text: "the witness asked for it"})
	if _, err := s.alice.Purge(s.find(c), ledger.RuleRequest); err == nil || !strings.Contains(err.Error(), "triage push") {
		t.Errorf("with a note queued: %v", err)
	}
	s.pushed(s.alice)
	if p := s.purge(s.alice, c, ledger.RuleRequest); p.Missing != 1 {
		t.Errorf("after the push: %+v", p)
	}
	list, err := s.alice.Purgeable()
	if err != nil || len(list) != 1 || strings.Join(list[0].Proposed, " ") != "alice" || list[0].Missing != 1 || list[0].Told {
		t.Errorf("to be purged: %+v, %v", list, err)
	}
}

// What can't be purged, and why.
func TestPurgesThatAreNotSigned(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	if _, err := s.alice.Purge(s.find(c), ledger.RuleRequest); err == nil || !strings.Contains(err.Error(), "--purge-signers") {
		t.Errorf("with one case worker where two must sign: %v", err)
	}
	bob := s.hire("bob")
	s.pull()
	if _, err := s.alice.Purge(s.find(c), "tidying"); err == nil || !strings.Contains(err.Error(), "retention, request") {
		t.Errorf("under no rule: %v", err)
	}
	if _, err := s.alice.Purge(s.find(c), ledger.RuleRetention); !errors.Is(err, ledger.ErrEarly) || !strings.Contains(err.Error(), "2027-03-04") {
		t.Errorf("before its time: %v", err)
	}
	ok(t, s.alice.Hold(s.find(c), "inquiry", ""))
	if _, err := s.alice.Purge(s.find(c), ledger.RuleRequest); !errors.Is(err, ledger.ErrHeld) {
		t.Errorf("held: %v", err)
	}
	queue, err := s.alice.Queue()
	if err != nil || len(queue) != 1 {
		t.Fatalf("%d queued, %v: want the hold alone", len(queue), err)
	}
	s.pushed(s.alice)
	s.pushed(bob)
	if list, err := bob.Purgeable(); err != nil || len(list) != 0 {
		t.Errorf("held, and to be purged: %+v, %v", list, err)
	}
}

// A purge that the desk refuses must not come true later: it leaves the queue.
func TestARefusedPurgeIsNotQueued(t *testing.T) {
	s := newStation(t)
	bob := s.hire("bob")
	c := s.addCase(s.vault, plain)
	s.pushed(s.alice)
	s.purge(s.alice, c, ledger.RuleRequest)
	s.pushed(bob)
	if p, err := bob.Purge(s.caseOf(bob, c), ledger.RuleRequest); err != nil || !p.Purges {
		t.Fatalf("%+v, %v", p, err)
	}
	s.note(s.alice, c, Note{Text: "wait"})
	s.pushed(s.alice)
	p, err := bob.Push(t.Context(), s.desk.addr, nothing)
	ok(t, err)
	if len(p.Refused) != 1 || !p.Refused[0].Dropped {
		t.Errorf("refused: %+v", p.Refused)
	}
	if len(p.Pull.Dropped) != 0 {
		t.Errorf("told twice: %+v", p.Pull.Dropped)
	}
	if queue, err := bob.Queue(); err != nil || len(queue) != 0 {
		t.Errorf("still queued: %d, %v", len(queue), err)
	}
	if found := s.caseOf(bob, c); found.Purged != "" {
		t.Error("bob's home says that it is purged")
	}
}

// Nor does one stay that was carried to the desk: what the next pull brings tells
// that it was refused.
func TestAPurgeThatTheLedgerForbidsIsDropped(t *testing.T) {
	s := newStation(t)
	bob := s.hire("bob")
	c := s.addCase(s.vault, plain)
	s.pushed(s.alice)
	s.purge(s.alice, c, ledger.RuleRequest)
	s.pushed(bob)
	if p, err := bob.Purge(s.caseOf(bob, c), ledger.RuleRequest); err != nil || !p.Purges {
		t.Fatalf("%+v, %v", p, err)
	}
	if p, err := bob.Pull(t.Context(), s.desk.addr, nothing); err != nil || len(p.Dropped) != 0 {
		t.Fatalf("nothing forbids it: %+v, %v", p, err)
	}
	s.note(s.alice, c, Note{Text: "wait"})
	s.pushed(s.alice)
	if p, err := bob.Pull(t.Context(), s.desk.addr, nothing); err != nil || len(p.Dropped) != 1 {
		t.Errorf("dropped: %+v, %v", p, err)
	}
	if queue, err := bob.Queue(); err != nil || len(queue) != 0 {
		t.Errorf("still queued: %d, %v", len(queue), err)
	}
}

// What is due, by the ledger and the policy's hours. A report's clock starts
// when its day began.
func TestDue(t *testing.T) {
	s := newStation(t)
	first, second := s.addCase(s.vault, plain), s.addCase(s.vault, plain)
	s.pull()
	at := func(day time.Time) { s.alice.Now = func() time.Time { return day } }
	wants := func(when string, hours int, want ...Due) {
		t.Helper()
		got, err := s.alice.Due(hours)
		ok(t, err)
		if len(got) != len(want) {
			t.Errorf("%s: %+v, want %d", when, got, len(want))
			return
		}
		for i, w := range want {
			w.Day = "2026-03-04"
			if got[i] != w {
				t.Errorf("%s: %+v, want %+v", when, got[i], w)
			}
		}
	}
	a, b := first.id.String(), second.id.String()
	deadline := time.Date(2026, 3, 6, 0, 0, 0, 0, time.UTC)
	at(today)
	wants("on the day", 0)
	wants("within 37 hours", 37)
	wants("within 38 hours", 38, Due{ID: a, HoursLeft: 38}, Due{ID: b, HoursLeft: 38})
	at(deadline.Add(-time.Minute))
	wants("a minute before", 0)
	wants("a minute before, within an hour", 1, Due{ID: a, HoursLeft: 1}, Due{ID: b, HoursLeft: 1})
	at(deadline)
	wants("at the deadline", 0, Due{ID: a, Overdue: true}, Due{ID: b, Overdue: true})
	at(deadline.Add(25*time.Hour + time.Minute))
	ok(t, os.Rename(s.alice.path("worker.key"), s.alice.path("worker.key.away")))
	wants("without the key", 0, Due{ID: a, HoursLeft: -25, Overdue: true}, Due{ID: b, HoursLeft: -25, Overdue: true})
	ok(t, os.Rename(s.alice.path("worker.key.away"), s.alice.path("worker.key")))
	_, err := s.alice.Route(s.find(first), "police", With{})
	ok(t, err)
	wants("queued", 0, Due{ID: a, HoursLeft: -25, Overdue: true, Queued: true}, Due{ID: b, HoursLeft: -25, Overdue: true})
	s.pushed(s.alice)
	wants("in the ledger", 0, Due{ID: b, HoursLeft: -25, Overdue: true})
	ok(t, s.alice.Hold(s.find(second), "inquiry", ""))
	wants("held", 0, Due{ID: b, HoursLeft: -25, Overdue: true})
}

// What a desk can't make anybody believe, though it has the ledger's key and
// that of a case worker.
func TestADeskCantPurge(t *testing.T) {
	by := func(s *station, h *Home, l *ledger.Leaf) *ledger.Leaf {
		key, err := h.deskKey()
		ok(s.t, err)
		card, err := h.Card()
		ok(s.t, err)
		l.Done = ledger.DayOf(today)
		l.Sign(s.vault.Roster().Instance(), card.Name, key)
		return l
	}
	purges := func(s *station, c *told, rule string) *ledger.Leaf {
		return &ledger.Leaf{Event: ledger.EventPurged, Case: c.id, Rule: rule, After: s.find(c).last}
	}
	for name, c := range map[string]struct {
		before func(s *station, bob *Home, c *told)
		leaf   func(s *station, bob *Home, c *told) *ledger.Leaf
		says   string
	}{
		"by one alone": {nil, func(s *station, _ *Home, c *told) *ledger.Leaf {
			return by(s, s.alice, purges(s, c, ledger.RuleRequest))
		}, "not enough case workers have signed: 1 of the 2"},
		"by one who signed twice": {func(s *station, _ *Home, c *told) {
			s.purge(s.alice, c, ledger.RuleRequest)
		}, func(s *station, _ *Home, c *told) *ledger.Leaf {
			return by(s, s.alice, purges(s, c, ledger.RuleRequest))
		}, "not enough case workers have signed: 1 of the 2"},
		"with one who was removed": {func(s *station, bob *Home, c *told) {
			s.pushed(bob)
			s.purge(bob, c, ledger.RuleRequest)
			ok(s.t, s.org.OrgRemoveWorker("bob"))
			s.enforce()
			s.pull()
		}, func(s *station, _ *Home, c *told) *ledger.Leaf {
			return by(s, s.alice, purges(s, c, ledger.RuleRequest))
		}, "not enough case workers have signed: 1 of the 2"},
		"while it is held": {func(s *station, bob *Home, c *told) {
			ok(s.t, s.alice.Hold(s.find(c), "inquiry", ""))
			s.pushed(s.alice)
		}, func(s *station, bob *Home, c *told) *ledger.Leaf {
			return by(s, s.alice, purges(s, c, ledger.RuleRequest))
		}, "the case is held"},
		"before its time": {nil, func(s *station, bob *Home, c *told) *ledger.Leaf {
			return by(s, s.alice, purges(s, c, ledger.RuleRetention))
		}, "the time for which a case is kept has not passed"},
		"under no rule": {nil, func(s *station, bob *Home, c *told) *ledger.Leaf {
			return by(s, s.alice, purges(s, c, "tidying"))
		}, "it is no rule"},
		"signed before a message": {func(s *station, bob *Home, c *told) {
			s.note(s.alice, c, Note{Text: "wait"})
			s.pushed(s.alice)
			s.purge(s.alice, c, ledger.RuleRequest)
		}, func(s *station, bob *Home, c *told) *ledger.Leaf {
			l := purges(s, c, ledger.RuleRequest)
			l.After = s.find(c).Messages[0].Index
			return by(s, bob, l)
		}, "had not seen how the case changed last"},
		"released before it was held": {func(s *station, bob *Home, c *told) {
			ok(s.t, s.alice.Hold(s.find(c), "inquiry", ""))
			s.pushed(s.alice)
		}, func(s *station, bob *Home, c *told) *ledger.Leaf {
			return by(s, bob, &ledger.Leaf{Event: ledger.EventReleased, Case: c.id, After: s.find(c).Messages[0].Index})
		}, "had not seen how the case changed last"},
		"by somebody else": {func(s *station, bob *Home, c *told) {
			s.purge(s.alice, c, ledger.RuleRequest)
		}, func(s *station, bob *Home, c *told) *ledger.Leaf {
			l := by(s, bob, purges(s, c, ledger.RuleRequest))
			_, key, err := ed25519.GenerateKey(nil)
			ok(s.t, err)
			l.Sign(s.vault.Roster().Instance(), "bob", key)
			return l
		}, "signature does not verify"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStation(t)
			bob := s.hire("bob")
			told := s.addCase(s.vault, plain)
			s.pull()
			if c.before != nil {
				c.before(s, bob, told)
			}
			m, err := s.alice.openMirror()
			ok(t, err)
			leaf := c.leaf(s, bob, told)
			s.tamper(func(tx *bolt.Tx) { s.putLeaf(tx, m.size(), leaf) })
			says(t, s.refuses(s.desk.addr), c.says)
			shown, err := s.alice.Show(s.find(told))
			ok(t, err)
			if shown.Report.What.Seen != plain["what.seen"] {
				t.Errorf("after the refusal the report says %q", shown.Report.What.Seen)
			}
		})
	}
}
