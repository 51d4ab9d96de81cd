package vault

import (
	"fmt"

	"tocsin/ledger"
)

// purge destroys the envelope of a case under a rule, and with it whatever can
// open the case's messages, and appends the leaf that says so. It changes
// nothing and returns ErrRefused for a case that may not be purged, which it
// judges by the leaves of the case and the roster in force at this point of
// the transaction.
//
// Leaf and envelope are one transaction, whose commit (see commitGroup) is the
// commit point: killed before it, the case is whole and the purge is pushed
// again; killed after it, the envelope is gone and the same leaf, pushed again,
// is found by its signature. In no state is one without the other. What comes
// at the same time, a message or a hold, is applied before the purge, which is
// then refused, or after it and is refused itself.
//
// As with a withdrawal, the record, the messages' ciphertext and their blobs
// stay, so that each leaf can be held against what it speaks of; nothing opens
// them any more. In the live file the envelope's bytes lie in free pages until
// a later transaction uses those again; a snapshot writes zeros in their place.
func (w *writer) purge(l *ledger.Leaf) (int64, error) {
	at := w.get(bucketIDs, l.Case[:])
	var custody ledger.Custody
	if _, err := w.thread(at, custody.Add); err != nil {
		return 0, err
	}
	if err := custody.MayPurge(w.size(), l, w.rosterInForce()); err != nil {
		return 0, fmt.Errorf("purging case %s: %w: %w", l.Case, ErrRefused, err)
	}
	index := w.append(l)
	w.delete(bucketEnvelopes, at)
	return index, nil
}

// release appends the leaf that a case is held no longer. It changes nothing and
// returns ErrRefused if whoever signed it had not seen the hold: pushed late, it
// would lift one that it does not speak of.
func (w *writer) release(l *ledger.Leaf) (int64, error) {
	var custody ledger.Custody
	if _, err := w.thread(w.get(bucketIDs, l.Case[:]), custody.Add); err != nil {
		return 0, err
	}
	if err := custody.MayRelease(w.size(), l); err != nil {
		return 0, fmt.Errorf("releasing case %s: %w: %w", l.Case, ErrRefused, err)
	}
	return w.append(l), nil
}
