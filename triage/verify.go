package triage

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"tocsin/desk"
	"tocsin/ledger"
	"tocsin/seal/roster"
	"tocsin/vault"
)

// maxNewLeaves is how many leaves a pull takes, some hundred thousand cases'
// worth. All of them must be in memory before the checkpoint can be held
// against them, and whoever has the ledger key can sign any number.
const maxNewLeaves = 1 << 20

// refused wraps a contradiction. It names what the person should do, since it
// is not for a program to choose between an accident and an attack.
func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %w. Nothing of it was kept. Tell the organisation before you go on", ErrRefused, fmt.Errorf(format, args...))
}

// advance asks the desk where it stands, verifies that it only added to what
// m remembers, and returns the larger mirror with its leaves as they are
// stored and its head. It writes nothing but rosters and records of cases,
// which nobody seals and which are kept under their digests.
func (h *Home) advance(ctx context.Context, src deskSource, m *mirror) (next *mirror, leaves []byte, head *desk.Head, err error) {
	known, err := h.Roster()
	if err != nil {
		return nil, nil, nil, err
	}
	// The desk may stand between a roster and the checkpoint that covers it,
	// for an instant: ask again, but not for ever.
	for range 3 {
		if head, err = src.Head(ctx); err != nil {
			return nil, nil, nil, err
		}
		if next, err = m.under(head, known); err != nil {
			return nil, nil, nil, err
		}
		if leaves, err = next.extend(ctx, src, leaves[:0]); err != nil {
			return nil, nil, nil, err
		}
		last := next.lastRoster()
		if last == nil || last.Digest == ledger.Digest(next.roster.Digest) {
			break
		}
	}
	if err := h.verifyEvents(ctx, src, m, next); err != nil {
		return nil, nil, nil, err
	}
	return next, leaves, head, nil
}

// under returns m with the roster and checkpoint of a head that may follow it.
func (m *mirror) under(head *desk.Head, known *roster.Signed) (*mirror, error) {
	r, err := roster.Open(head.Roster, m.orgKey)
	if err != nil {
		return nil, refused("the desk's roster: %w", err)
	}
	if err := r.Follows(known); err != nil {
		return nil, refused("the desk has roster %d and this home knows %d: %w", r.Number, known.Number, err)
	}
	cp, err := ledger.OpenCheckpoint(head.Checkpoint, r.Intake.Ledger)
	if err != nil {
		return nil, refused("the desk's checkpoint: %w", err)
	}
	if cp.Origin != r.Origin {
		return nil, refused("the desk's checkpoint is of %q and the roster of %q", cp.Origin, r.Origin)
	}
	if cp.Size < m.size() {
		return nil, refused("the ledger shrank: it has %d leaves, and %d were seen here", cp.Size, m.size())
	}
	if n := cp.Size - m.size(); n > maxNewLeaves {
		return nil, refused("the desk's checkpoint speaks of %d new leaves, and one pull takes %d at most", n, maxNewLeaves)
	}
	next := m.clone()
	next.roster, next.checkpoint = r, *cp
	return next, nil
}

// extend fetches the leaves up to the mirror's checkpoint and checks that all
// together make its root. Since those before them are the ones remembered,
// that is the proof that the ledger only grew.
func (m *mirror) extend(ctx context.Context, src deskSource, leaves []byte) ([]byte, error) {
	before := m.size()
	err := src.Leaves(ctx, before, m.checkpoint.Size, func(index int64, leaf []byte) error {
		if err := m.append(leaf); err != nil {
			if errors.Is(err, ledger.ErrVersion) {
				return err
			}
			return refused("leaf %d: %w", index, err)
		}
		leaves = appendLeaf(leaves, leaf)
		return nil
	})
	if err != nil {
		return nil, err
	}
	root, err := m.hashes.Root(m.checkpoint.Size)
	if err != nil {
		return nil, fmt.Errorf("computing the ledger's root: %w", err)
	}
	if root != m.checkpoint.Root {
		return nil, refused("the ledger was rewritten: what the desk signed for %d leaves does not contain the %d seen here", m.checkpoint.Size, before)
	}
	return leaves, nil
}

// lastRoster returns the leaf of the roster in force, or nil.
func (m *mirror) lastRoster() *ledger.Leaf {
	for i := len(m.leaves) - 1; i >= 0; i-- {
		if m.leaves[i].Event == ledger.EventRoster {
			return m.leaves[i]
		}
	}
	return nil
}

// verifyEvents checks the leaves that next has beyond m: they come in an order
// in which a vault appends, each roster is signed by the organisation and
// follows the one before, the last is the one that the desk shows, and each
// event is signed by a case worker of the roster in force when it entered the
// ledger, and a case was purged only when and by as many as that roster lets it
// be, and released only by who saw the hold. What a witness withdrew, the record of the case vouches for.
func (h *Home) verifyEvents(ctx context.Context, src deskSource, m, next *mirror) error {
	if err := h.fetchPublic(ctx, src, m, next); err != nil {
		return err
	}
	// Whether a leaf may come depends on all those before it: which cases are
	// open, have their report, are purged. So the order takes the remembered
	// ones too; but they were judged when they came, and refusing one now would
	// only keep the home from ever pulling again.
	var order ledger.Order
	for i, l := range next.leaves {
		if err := order.Add(l); err != nil && int64(i) >= m.size() {
			return refused("leaf %d: %w", i, err)
		}
	}
	var force *roster.Signed
	if l := m.lastRoster(); l != nil {
		var err error
		if force, err = h.rosterOf(m, l); err != nil {
			return err
		}
	}
	// Likewise: who held a case and who signed to have it purged.
	cases := make(custodies)
	for i, l := range next.leaves[:m.size()] {
		cases.of(l.Case).Add(int64(i), l)
	}
	for i := m.size(); i < next.size(); i++ {
		l := next.leaves[i]
		if l.Event == ledger.EventRoster {
			r, err := h.rosterOf(next, l)
			if err != nil {
				return err
			}
			if r.Number != l.Number {
				return refused("leaf %d speaks of roster %d and holds %d", i, l.Number, r.Number)
			}
			if force != nil {
				if err := r.Follows(force); err != nil {
					return refused("leaf %d: %w", i, err)
				}
			}
			force = r
			continue
		}
		if l.Event == ledger.EventWithdrawn {
			if err := h.verifyWithdrawal(next, l, force); err != nil {
				return fmt.Errorf("leaf %d: %w", i, err)
			}
		}
		switch l.Event {
		case ledger.EventPurged:
			if err := cases.of(l.Case).MayPurge(i, l, force); err != nil {
				return refused("leaf %d purges case %s: %w", i, l.Case, err)
			}
		case ledger.EventReleased:
			if err := cases.of(l.Case).MayRelease(i, l); err != nil {
				return refused("leaf %d releases case %s: %w", i, l.Case, err)
			}
		}
		cases.of(l.Case).Add(i, l)
		if !l.IsSigned() {
			continue
		}
		w := force.Worker(l.By) // there is a roster: the order has it first
		if w == nil {
			return refused("leaf %d names %q, who was not a case worker under roster %d", i, l.By, force.Number)
		}
		if err := l.Verify(force.Instance(), w.Desk); err != nil {
			return refused("leaf %d in the name of %s: %w", i, l.By, err)
		}
		if l.Event == ledger.EventRekey && l.Number != force.Number {
			return refused("leaf %d: case %s was sealed again for roster %d while roster %d was in force", i, l.Case, l.Number, force.Number)
		}
	}
	if force == nil || force.Digest != next.roster.Digest {
		return refused("the roster that the desk shows is not the last one in its ledger")
	}
	return nil
}

// custodies hold of each case what decides whether it may be purged.
type custodies map[ledger.CaseID]*ledger.Custody

func (cs custodies) of(id ledger.CaseID) *ledger.Custody {
	c := cs[id]
	if c == nil {
		c = new(ledger.Custody)
		cs[id] = c
	}
	return c
}

// fetchPublic brings what next's leaves beyond m's are judged by: rosters, and
// the records of cases that were withdrawn.
func (h *Home) fetchPublic(ctx context.Context, src deskSource, m, next *mirror) error {
	var missing []want
	withdrawn := map[ledger.CaseID]bool{}
	for i := m.size(); i < next.size(); i++ {
		l := next.leaves[i]
		if l.Event == ledger.EventRoster && !h.hasObject(l.Digest) {
			missing = append(missing, want{index: i, kind: desk.Roster, digest: l.Digest, size: -1})
		}
		if l.Event == ledger.EventWithdrawn {
			withdrawn[l.Case] = true
		}
	}
	if len(withdrawn) > 0 {
		for i, l := range next.leaves {
			if l.Event == ledger.EventCase && withdrawn[l.Case] && !h.hasObject(l.Digest) {
				missing = append(missing, want{index: int64(i), kind: desk.Record, digest: l.Digest, size: -1})
			}
		}
	}
	return h.fetch(ctx, src, missing, func(int64) {})
}

// verifyWithdrawal checks that the witness withdrew a case, which nobody signs:
// the leaf's secret is the one that the case's record commits to. The desk
// could otherwise take any report back that it does not like.
func (h *Home) verifyWithdrawal(m *mirror, l *ledger.Leaf, force *roster.Signed) error {
	var record *vault.Case
	for _, opened := range m.leaves {
		if opened.Event != ledger.EventCase || opened.Case != l.Case {
			continue
		}
		text, err := h.readObject(opened.Digest)
		if err != nil {
			return err
		}
		if record, err = vault.ParseCase(text); err != nil {
			return refused("the record of case %s: %w", l.Case, err)
		}
		break
	}
	switch {
	case record == nil || record.ID != l.Case: // the order has the case first
		return refused("the record of case %s is of another", l.Case)
	case !l.Withdraws(record.Withdrawal):
		return refused("case %s was withdrawn by somebody who is not its witness", l.Case)
	case !force.Policy.Withdraw:
		return refused("case %s was withdrawn, which roster %d does not allow", l.Case, force.Number)
	}
	return nil
}

// rosterOf opens the roster that a leaf speaks of.
func (h *Home) rosterOf(m *mirror, l *ledger.Leaf) (*roster.Signed, error) {
	text, err := h.readObject(l.Digest)
	if err != nil {
		return nil, err
	}
	r, err := roster.Open(text, m.orgKey)
	if errors.Is(err, roster.ErrSignature) || errors.Is(err, roster.ErrMalformed) {
		return nil, refused("a roster in the ledger: %w", err)
	}
	return r, err
}

func digestOf(b []byte) ledger.Digest { return sha256.Sum256(b) }
