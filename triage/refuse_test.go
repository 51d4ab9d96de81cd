package triage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/ledger"
	"tocsin/seal"
	"tocsin/vault"
)

// A memory is what the home remembers of the ledger, to see that a refusal
// changed nothing of it.
func (s *station) memory() string {
	s.t.Helper()
	var b strings.Builder
	for _, name := range []string{"head", "leaves"} {
		text, err := os.ReadFile(s.alice.path("ledger", name))
		ok(s.t, err)
		b.Write(text)
	}
	return b.String()
}

// refuses pulls from the desk at addr, which must be refused, and says why.
func (s *station) refuses(addr string) error {
	s.t.Helper()
	before := s.memory()
	ok(s.t, s.alice.Lock())
	defer s.alice.Unlock()
	_, err := s.alice.Pull(s.t.Context(), addr, nothing)
	if !errors.Is(err, ErrRefused) {
		s.t.Errorf("the pull was not refused: %v", err)
	}
	if s.memory() != before {
		s.t.Error("the refused pull changed what the home remembers")
	}
	return err
}

func says(t *testing.T, err error, what string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), what) {
		t.Errorf("expected to be told %q: %v", what, err)
	}
}

func TestALedgerThatShrankIsRefused(t *testing.T) {
	s := newStation(t)
	s.addCase(s.vault, plain)
	s.pull()
	// The operator puts an older store back: here, one in which nothing came.
	says(t, s.refuses(s.serve(s.newVault("older")).addr), "shrank")
}

func TestALedgerThatWasRewrittenIsRefused(t *testing.T) {
	s := newStation(t)
	s.addCase(s.vault, plain)
	s.pull()
	other := s.newVault("other")
	s.addCase(other, plain)
	addr := s.serve(other).addr
	says(t, s.refuses(addr), "rewritten") // of the same size
	s.addCase(other, plain)
	says(t, s.refuses(addr), "rewritten") // and longer
}

func TestAnOlderRosterIsRefused(t *testing.T) {
	s := newStation(t)
	s.addCase(s.vault, plain)
	s.pull()
	s.sign()
	// The case worker has roster 2 from the organisation, the desk has 1.
	ok(t, s.alice.Join(s.orgKey, s.roster, ""))
	says(t, s.refuses(s.desk.addr), "roster 1")
}

func TestARosterOfAnotherOrganisationIsRefused(t *testing.T) {
	s, other := newStation(t), newStation(t)
	if err := s.alice.Join(other.orgKey, other.roster, ""); err == nil {
		t.Error("a home joined another organisation")
	}
	if err := s.alice.Join(s.orgKey, other.roster, ""); err == nil {
		t.Error("a roster that the organisation's key did not sign was taken")
	}
}

func TestAnObjectThatIsNotWhatItsLeafSaysIsRefused(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain, attachment{"a", random(vault.InlineMax + 1)})
	blobs, err := os.ReadDir(filepath.Join(s.dir, "store", vault.BlobsDir))
	ok(t, err)
	path := filepath.Join(s.dir, "store", vault.BlobsDir, blobs[0].Name())
	data, err := os.ReadFile(path)
	ok(t, err)
	data[len(data)/2] ^= 1
	ok(t, os.WriteFile(path, data, 0o600))
	ok(t, s.alice.Lock())
	_, err = s.alice.Pull(t.Context(), "", nothing)
	s.alice.Unlock()
	if !errors.Is(err, ErrRefused) {
		t.Errorf("an altered message was taken: %v", err)
	}
	says(t, err, "leaf 2")
	if _, err := s.alice.Show(s.find(c)); !errors.Is(err, ErrNotHere) {
		t.Errorf("the altered message is here: %v", err)
	}
	// Once the operator has put the right one back, the pull completes.
	data[len(data)/2] ^= 1
	ok(t, os.WriteFile(path, data, 0o600))
	s.pull()
	if _, err := s.alice.Show(s.find(c)); err != nil {
		t.Error(err)
	}
}

// An intake that was taken over can sign checkpoints but not for case workers.
func TestAnEventThatNobodySignedIsRefused(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	m, err := s.alice.openMirror()
	ok(t, err)
	forged := &ledger.Leaf{Event: ledger.EventHandedOver, Day: "2026-03-04", Done: "2026-03-04", Case: c.id, Destination: "police", Size: 1}
	forged.Sign(s.vault.Roster().Instance(), "alice", s.deskKey)
	for by, want := range map[string]string{"alice": "in the name of alice", "mallory": "not a case worker"} {
		forged.By = by
		next := m.clone()
		text, err := forged.Marshal()
		ok(t, err)
		ok(t, next.append(text))
		err = s.alice.verifyEvents(t.Context(), nil, m, next)
		if !errors.Is(err, ErrRefused) {
			t.Errorf("signed by nobody as %s: %v", by, err)
		}
		says(t, err, want)
	}
}

func TestARosterUpdateIsFollowed(t *testing.T) {
	s := newStation(t)
	s.pull()
	bob := newHome(filepath.Join(s.dir, "bob"))
	ok(t, makeDir(bob.Dir))
	card, err := bob.Keygen("bob", "")
	ok(t, err)
	_, err = s.org.OrgAddWorker(card)
	ok(t, err)
	s.sign()
	ok(t, s.vault.UpdateRoster(t.Context(), s.roster))
	s.addCase(s.vault, plain)
	s.pull()
	r, err := s.alice.Roster()
	ok(t, err)
	if r.Number != 2 || r.Worker("bob") == nil {
		t.Errorf("roster %d after the pull", r.Number)
	}
	ok(t, bob.Join(s.orgKey, s.roster, s.desk.addr))
	ok(t, bob.Lock())
	defer bob.Unlock()
	_, err = bob.Pull(t.Context(), "", nothing)
	ok(t, err)
	if list, err := bob.List(); err != nil || len(list) != 1 || list[0].Problem != "" {
		t.Errorf("bob sees %+v, %v", list, err)
	}
}

func TestAPushThatIsRefusedStaysQueued(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	s.pull()
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	_, err := s.alice.Route(s.find(c), "police", With{})
	ok(t, err)
	// Meanwhile the organisation has taken the police off its roster.
	ok(t, s.org.OrgRemoveDestination("police"))
	s.sign()
	ok(t, s.vault.UpdateRoster(t.Context(), s.roster))
	p, err := s.alice.Push(t.Context(), "", nothing)
	ok(t, err)
	if len(p.Refused) != 1 || len(p.Delivered) != 0 {
		t.Errorf("pushed %+v", p)
	}
	if q, err := s.alice.Queue(); err != nil || len(q) != 1 {
		t.Errorf("the queue holds %d, %v", len(q), err)
	}
}

func TestAMessageOfAnotherCaseIsRefused(t *testing.T) {
	s := newStation(t)
	c := s.addCase(s.vault, plain)
	// A message sealed to this case's key and made for another case: whoever
	// writes to the store could put it there.
	body := []byte(`{"version":1,"text":"moved"}`)
	moved := *c
	moved.id = ledger.NewCaseID()
	up := s.message(s.vault, &moved, seal.KindReport, body)
	workers, err := seal.ParseRecipients(s.vault.Roster().Recipients())
	ok(t, err)
	envelope, err := c.key.Envelope(workers)
	ok(t, err)
	third := ledger.NewCaseID()
	ok(t, s.vault.AddCase(context.Background(), vault.Case{ID: third, Codename: 1, Tag: [32]byte{1},
		Recipient: c.key.Recipient().String(), Witness: c.witness.Recipient().String()}, vault.Envelope{Roster: s.vault.Roster().Number, Sealed: envelope}, up))
	s.pull()
	found, err := s.alice.Find(third.String())
	ok(t, err)
	if _, err := s.alice.Show(found); !errors.Is(err, seal.ErrContext) {
		t.Errorf("a message of another case was shown: %v", err)
	}
}
