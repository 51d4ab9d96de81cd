package audit

import (
	"context"
	"errors"
	"fmt"

	"tocsin/ledger"
)

// A Receipt is what a C2SP tlog-proof proves: that a leaf is in the ledger, as a
// witness may have kept it of their report.
type Receipt struct {
	Leaf       *ledger.Leaf
	Index      int64
	Checkpoint *ledger.Checkpoint
	Cosigned   []ledger.Cosignature // by cosigners of the roster
	Quorum     int                  // how many of them the roster asks for; 0 if it asks for none, or none is known

	// History is HistoryGrew if the history that the receipt was held against
	// contains its checkpoint, HistoryBroken if it does not (Problem says how),
	// and HistoryUnchecked if it was held against none.
	History string
	Problem string
	// Retired is the leaf with which the case was destroyed in the store, nil
	// if there is none.
	Retired *ledger.Leaf
}

// CheckReceipt verifies a proof in a file with the keys alone. With a store, the
// directory of a snapshot, it also holds the proof's checkpoint against the
// leaves there, and looks for what became of the case; with the signed
// checkpoint of the last audit, against that. Either may be empty.
//
// It returns ledger.ErrSignature or ledger.ErrProof for a receipt that proves
// nothing, and other errors where it could not check.
func CheckReceipt(ctx context.Context, proof []byte, keys *Keys, store string, last []byte) (*Receipt, error) {
	p, err := ledger.ParseProof(proof)
	if err != nil {
		return nil, err
	}
	from := &past{keys: keys.Ledger}
	retired := map[ledger.CaseID]*ledger.Leaf{}
	if store != "" {
		from, err = readPast(ctx, store, keys, func(_ int64, l *ledger.Leaf) {
			if l.Retires() {
				retired[l.Case] = l
			}
		})
		if err != nil {
			return nil, err
		}
	}
	r := &Receipt{Index: p.Index, History: HistoryUnchecked}
	err = fmt.Errorf("no key of the ledger is known: %w", ledger.ErrSignature)
	for _, key := range from.keys {
		if r.Leaf, r.Checkpoint, err = p.Verify(key); err == nil {
			err = r.countCosigners(p.Checkpoint, key, keys)
			break
		}
		if !errors.Is(err, ledger.ErrSignature) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	if store != "" {
		r.holdStore(from)
		if r.Leaf.Event != ledger.EventRoster {
			r.Retired = retired[r.Leaf.Case]
		}
	}
	if last != nil {
		if err := r.holdLast(from, last, store != ""); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *Receipt) countCosigners(signed []byte, key string, keys *Keys) error {
	if keys.Roster == nil {
		return nil
	}
	r.Quorum = keys.Roster.Policy.Quorum
	var err error
	_, r.Cosigned, err = ledger.OpenCosigned(signed, key, keys.Roster.Cosigners)
	return err
}

// holdStore holds the receipt's checkpoint against the leaves of a store.
func (r *Receipt) holdStore(p *past) {
	r.History = HistoryGrew
	if cp := r.Checkpoint; cp.Size > p.size {
		r.broken("the store has %d leaves, and the ledger's key signed %d: the snapshot is older than the receipt, or leaves were dropped", p.size, cp.Size)
	} else if !p.holds(cp) {
		r.broken("the store's first %d leaves are not those that the receipt was given for: what it proves was taken out of the ledger", cp.Size)
	}
}

// holdLast holds it against what the last audit kept, and so the store.
func (r *Receipt) holdLast(p *past, last []byte, store bool) error {
	cp, err := openAny(last, p.keys)
	if err != nil {
		return fmt.Errorf("the checkpoint of the last audit: %w", err)
	}
	switch {
	case r.History == HistoryBroken:
	case store && cp.Size > p.size:
		r.broken("the store has %d leaves, the last audit saw %d: the snapshot is older than that audit, or leaves were dropped", p.size, cp.Size)
	case store && !p.holds(cp):
		r.broken("the store's first %d leaves are not those that the last audit saw", cp.Size)
	case cp.Size == r.Checkpoint.Size && cp.Root != r.Checkpoint.Root:
		r.broken("the last audit saw %d other leaves: the ledger's key signed two histories", cp.Size)
	case cp.Size == r.Checkpoint.Size:
		r.History = HistoryGrew
	}
	return nil
}

func (r *Receipt) broken(format string, args ...any) {
	r.History, r.Problem = HistoryBroken, fmt.Sprintf(format, args...)
}

// Says tells in a clause what the leaf records.
func (r *Receipt) Says() string {
	l := r.Leaf
	switch l.Event {
	case ledger.EventRoster:
		return fmt.Sprintf("roster %d came into force", l.Number)
	case ledger.EventCase:
		return fmt.Sprintf("case %s was opened", l.Case)
	case ledger.EventMessage:
		said := fmt.Sprintf("the %s of case %s, %d bytes sealed, was taken in", l.Kind, l.Case, l.Size)
		if l.IsSigned() {
			said = fmt.Sprintf("the %s of case %s, %d bytes sealed, was written by %s", l.Kind, l.Case, l.Size, l.By)
		}
		return said
	case ledger.EventRekey:
		return fmt.Sprintf("case %s was sealed again for roster %d by %s", l.Case, l.Number, l.By)
	case ledger.EventHandedOver:
		return fmt.Sprintf("case %s was handed over to %s by %s", l.Case, l.Destination, l.By)
	case ledger.EventAcknowledged:
		return fmt.Sprintf("%s acknowledged the hand-over of case %s, as %s recorded", l.Destination, l.Case, l.By)
	case ledger.EventHeld:
		return fmt.Sprintf("case %s was held by %s (%s)", l.Case, l.By, l.Rule)
	case ledger.EventReleased:
		return fmt.Sprintf("case %s was released by %s", l.Case, l.By)
	case ledger.EventPurgeProposed:
		return fmt.Sprintf("%s proposed to purge case %s under the rule %s", l.By, l.Case, l.Rule)
	case ledger.EventPurged:
		return fmt.Sprintf("case %s was purged by %s under the rule %s", l.Case, l.By, l.Rule)
	case ledger.EventRead:
		return fmt.Sprintf("the report of case %s was read by %s", l.Case, l.By)
	case ledger.EventWithdrawn:
		return fmt.Sprintf("case %s was withdrawn by its witness", l.Case)
	}
	return fmt.Sprintf("%s of case %s", l.Event, l.Case)
}
