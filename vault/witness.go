package vault

import (
	"context"
	"crypto/sha256"
	"fmt"

	"tocsin/ledger"
)

// What a witness does to a case that is kept. Neither is signed: an addition
// comes from whoever knows the codename, as the report did, and a withdrawal
// proves itself by a secret that only the codename gives.

// AddAddition adds to a case what its witness sent later, and returns the
// index of its leaf. once is a random value of the form that it was sent from:
// the same again changes nothing and gives the same index, whatever became of
// the case. It returns ErrNotFound for an unknown case and ErrRetired for one
// that takes nothing more. The upload is used up.
func (v *Vault) AddAddition(ctx context.Context, id ledger.CaseID, once [32]byte, addition *Upload) (int64, error) {
	defer addition.Discard()
	b, err := addition.finish()
	if err != nil {
		return 0, fmt.Errorf("adding to case %s: %w", id, err)
	}
	var index int64
	fresh := false
	err = v.commit(ctx, func(w *writer) error {
		at := w.get(bucketIDs, id[:])
		if at == nil {
			return ErrNotFound
		}
		record, err := ParseCase(w.get(bucketCases, at))
		if err != nil {
			return err
		}
		key := onceKey(record.Tag, once)
		if known := w.get(bucketAdditions, key[:]); known != nil {
			index, _ = parseIndex(known)
			return nil
		}
		if _, err := w.open(id); err != nil {
			return err
		}
		fresh = true
		index = w.addMessage(&ledger.Leaf{Event: ledger.EventMessage, Case: id, Kind: ledger.KindAddition, Once: key}, b)
		w.put(bucketAdditions, key[:], indexKey(index))
		return w.broken
	})
	if fresh {
		addition.settle(err)
	}
	if err != nil {
		return 0, fmt.Errorf("adding to case %s: %w", id, err)
	}
	return index, nil
}

// Withdraw destroys the envelope of a case for its witness, and with it
// whatever can open the case's messages, and records it, in one transaction.
// Withdrawing again with the same secret changes nothing. It returns
// ErrNotFound for an unknown case, ErrRetired for one that was purged, and
// ErrRefused if the secret is not that of the case, if the policy in force
// does not allow it, or if a case worker has seen the report.
func (v *Vault) Withdraw(ctx context.Context, id ledger.CaseID, secret [32]byte) error {
	err := v.commit(ctx, func(w *writer) error {
		at := w.get(bucketIDs, id[:])
		if at == nil {
			return ErrNotFound
		}
		record, err := ParseCase(w.get(bucketCases, at))
		if err != nil {
			return err
		}
		if sha256.Sum256(secret[:]) != record.Withdrawal {
			return fmt.Errorf("%w: it is not the secret of this case", ErrRefused)
		}
		seen := false
		last, err := w.thread(at, func(_ int64, l *ledger.Leaf) { seen = seen || l.PreventsWithdrawal() })
		switch {
		case err != nil:
			return err
		case last.Event == ledger.EventWithdrawn:
			return nil
		case last.Retires():
			return ErrRetired
		case !w.rosterInForce().Policy.Withdraw:
			return fmt.Errorf("%w: roster %d does not allow it", ErrRefused, w.rosterInForce().Number)
		case seen:
			return fmt.Errorf("%w: a case worker has seen the report", ErrRefused)
		}
		w.append(&ledger.Leaf{Event: ledger.EventWithdrawn, Case: id, Secret: secret})
		w.delete(bucketEnvelopes, at)
		return w.broken
	})
	if err != nil {
		return fmt.Errorf("withdrawing case %s: %w", id, err)
	}
	return nil
}
