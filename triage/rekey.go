package triage

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"filippo.io/age"

	"tocsin/desk"
	"tocsin/ledger"
	"tocsin/seal"
	"tocsin/seal/roster"
	"tocsin/vault"
)

// Rekeyed says what a rekey did.
type Rekeyed struct {
	Roster  uint64     `json:"roster"`  // number of the roster that everything is sealed for
	Sealed  int        `json:"sealed"`  // cases that were sealed again and queued
	Current int        `json:"current"` // cases that were sealed for it before, or wait in the queue
	Failed  []Unsealed `json:"failed"`
}

// An Unsealed case could not be opened, and stays as it was.
type Unsealed struct {
	Case    string `json:"case"`
	Problem string `json:"problem"`
}

// rekeyBatch is how many queue files are made before their directory is synced:
// what a crash can take back and is done again.
const rekeyBatch = 256

// Rekey opens every case whose envelope is not sealed for the roster in force
// and queues a new envelope, sealed to the case workers of that roster, with
// its signed leaf. progress is told how many of how many are done. The caller
// holds the lock.
//
// Each queue file appears whole or not at all, and its rename is the commit
// point of its case: killed before it, the case is sealed again by the next
// Rekey; after it, the queue says that it was, as later the ledger does, and
// the next Rekey passes it over. Until push delivered it, the old envelope is
// in force everywhere.
func (h *Home) Rekey(ctx context.Context, progress func(done, of int)) (*Rekeyed, error) {
	m, err := h.openMirror()
	if err != nil {
		return nil, err
	}
	s, err := h.newSealer(m)
	if err != nil {
		return nil, err
	}
	// Queued for a roster that is no longer in force: it would be refused.
	if _, err := h.forget(m); err != nil {
		return nil, err
	}
	cases, err := h.withQueue(m)
	if err != nil {
		return nil, err
	}
	result := &Rekeyed{Roster: m.roster.Number, Failed: []Unsealed{}}
	var due []*Case
	for _, c := range cases {
		switch {
		case c.retired():
		case max(c.sealed, c.resealed) >= m.roster.Number:
			result.Current++
		default:
			due = append(due, c)
		}
	}
	if len(due) == 0 {
		return result, nil
	}
	if err := makeDir(h.path("queue")); err != nil {
		return nil, err
	}
	of := len(due)
	for len(due) > 0 {
		batch := due[:min(rekeyBatch, len(due))]
		due = due[len(batch):]
		err := s.sealAll(ctx, batch, result, func() { progress(result.Sealed+len(result.Failed), of) })
		if err != nil {
			return result, err
		}
	}
	return result, nil
}

// A sealer seals cases again for the roster in force.
type sealer struct {
	home    *Home
	roster  *roster.Signed
	name    string // of the worker who signs
	key     ed25519.PrivateKey
	workers []*age.HybridRecipient
}

func (h *Home) newSealer(m *mirror) (*sealer, error) {
	if m.roster == nil {
		return nil, errors.New("nothing was pulled yet; type: triage pull")
	}
	if known, err := h.Roster(); err != nil {
		return nil, err
	} else if known.Number > m.roster.Number {
		return nil, fmt.Errorf("roster %d is known here, and the intake has roster %d as far as the last pull tells: give it to the intake (intake update-roster), then type: triage pull", known.Number, m.roster.Number)
	}
	card, err := h.Card()
	if err != nil {
		return nil, err
	}
	if m.roster.Worker(card.Name) == nil {
		return nil, fmt.Errorf("%q is not a case worker of roster %d, so that nothing signed here would be taken", card.Name, m.roster.Number)
	}
	workers, err := seal.ParseRecipients(m.roster.Recipients())
	if err != nil {
		return nil, fmt.Errorf("the case workers of roster %d: %w", m.roster.Number, err)
	}
	// Asked for once, before several need it at the same time.
	if _, err := h.Identity(); err != nil {
		return nil, err
	}
	key, err := h.deskKey()
	if err != nil {
		return nil, err
	}
	return &sealer{home: h, roster: m.roster, name: card.Name, key: key, workers: workers}, nil
}

// sealAll seals a batch on all processors and syncs the queue once. What
// settled before an error or the end of ctx stays.
func (s *sealer) sealAll(ctx context.Context, batch []*Case, result *Rekeyed, progress func()) error {
	files := newSettler()
	var mu sync.Mutex // guards result, failed and the number of the queue's next file
	var failed error
	stopped := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return failed != nil || ctx.Err() != nil
	}
	inParallel(len(batch), func(i int) {
		if stopped() {
			return
		}
		c := batch[i]
		file, err := s.seal(c)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			result.Failed = append(result.Failed, Unsealed{c.ID.String(), err.Error()})
		} else if p, err := s.write(file); err != nil {
			failed = errors.Join(failed, err)
			return
		} else {
			files.settle(p)
			result.Sealed++
		}
		progress()
	})
	return errors.Join(ctx.Err(), failed, files.wait(), syncDir(s.home.path("queue")))
}

// seal returns the queue's file for a case.
func (s *sealer) seal(c *Case) ([]byte, error) {
	key, err := s.home.caseKey(c, s.roster)
	if err != nil {
		return nil, err
	}
	envelope, err := key.Envelope(s.workers)
	if err != nil {
		return nil, fmt.Errorf("case %s: %w", c.ID, err)
	}
	today := s.home.today()
	l := &ledger.Leaf{
		Event: ledger.EventRekey, Day: today, Done: today,
		Case: c.ID, Number: s.roster.Number, Envelope: digestOf(envelope),
	}
	l.Sign(s.roster.Instance(), s.name, s.key)
	return queueFile(l, desk.Envelope, envelope)
}

// write begins the queue's next file.
func (s *sealer) write(file []byte) (*pending, error) {
	path, err := s.home.nextInQueue()
	if err != nil {
		return nil, err
	}
	p, err := create(path)
	if err != nil {
		return nil, err
	}
	if _, err := p.Write(file); err != nil {
		p.discard()
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	return p, nil
}

// caseKey takes the case key out of the envelope in force or, where that holds
// something else, out of one before it that is still here.
func (h *Home) caseKey(c *Case, r *roster.Signed) (*seal.CaseKey, error) {
	o, err := h.open(c, r)
	for i := len(c.older) - 1; err != nil && i >= 0; i-- {
		before := *c
		before.envelope = c.older[i]
		if old, failed := h.open(&before, r); failed == nil {
			return old.key, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return o.key, nil
}

// forbids reports whether l purges or releases the case and the ledger, as c
// knows it, does not allow that under the roster in force: somebody held the case
// meanwhile, or something new came.
func (c *Case) forbids(l *ledger.Leaf, force *roster.Signed) bool {
	switch l.Event {
	case ledger.EventPurged:
		return c.custody.MayPurge(queuedIndex, l, force) != nil
	case ledger.EventReleased:
		return c.custody.MayRelease(queuedIndex, l) != nil
	}
	return false
}

// mayBeForbidden reports whether l is of a kind that a case's history may forbid.
func mayBeForbidden(l *ledger.Leaf) bool {
	return l.Event == ledger.EventPurged || l.Event == ledger.EventReleased
}

// outdates reports whether l, which the ledger does not hold, can't enter it any
// more: its case is destroyed, or l is superseded.
func (c *Case) outdates(l *ledger.Leaf, force uint64) bool {
	return c.retired() || c.supersedes(l, force)
}

// supersedes reports whether l is a rekey that can't enter the ledger any more:
// the case is sealed for its roster already, or another roster is in force.
func (c *Case) supersedes(l *ledger.Leaf, force uint64) bool {
	return l.Event == ledger.EventRekey && (l.Number < force || l.Number <= c.sealed)
}

// shed removes envelopes that are no longer in force: who has left could open
// them. One goes when the envelope in force was opened here and holds the key
// of its case. Until then it stays: a case worker may have sealed something
// else, by mistake or to destroy the case, and Rekey takes the key out of what
// is left here. Whatever keeps this from being checked now, the next pull tries.
func (h *Home) shed(m *mirror) {
	inForce := map[ledger.Digest]bool{}
	var due []*Case
	for _, c := range m.cases() {
		inForce[c.envelope] = true
		if !c.retired() && slices.ContainsFunc(c.older, h.hasObject) {
			due = append(due, c)
		}
	}
	if len(due) == 0 {
		return
	}
	if _, err := h.Identity(); err != nil {
		return
	}
	inParallel(len(due), func(i int) {
		c := due[i]
		if !h.holdsKey(c) {
			return
		}
		for _, d := range c.older {
			if !inForce[d] {
				_ = os.Remove(h.objectPath(d)) // the next pull sees whether it is gone
			}
		}
	})
}

// holdsKey reports whether the envelope in force opens here and holds the key
// that the record of the case names.
func (h *Home) holdsKey(c *Case) bool {
	id, err := h.Identity()
	if err != nil {
		return false
	}
	text, err := h.readObject(c.record)
	if err != nil {
		return false
	}
	record, err := vault.ParseCase(text)
	if err != nil {
		return false
	}
	envelope, err := h.readObject(c.envelope)
	if err != nil {
		return false
	}
	key, err := seal.OpenEnvelope(envelope, id)
	return err == nil && key.Recipient().String() == record.Recipient
}
