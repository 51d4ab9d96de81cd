package vault

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"

	"tocsin/ledger"
	"tocsin/seal/agefile"
)

// CaseKeySize is the plaintext of an envelope, in bytes: an age hybrid
// identity, 77 characters, and a newline.
const CaseKeySize = 78

// AddRekey puts a new envelope of a case in force, in the place of the one
// that was, which is destroyed; it returns the index of its leaf. The leaf
// names the case, the roster in force and the envelope's SHA-256, and bears the
// signature of a case worker of that roster. The same signed leaf again changes
// nothing and gives the same index.
//
// It returns ErrTooLarge for an envelope that no roster has, ErrNotFound for an
// unknown case, ErrRetired for one that was withdrawn or purged,
// ledger.ErrSignature if no worker of the roster in force signed it, and
// ErrRefused for what can be seen to be wrong without a key: bytes that were
// not signed, another roster than the one in force, a case whose envelope is
// sealed for that roster already, and an envelope that is not an age file with
// one hybrid recipient for each case worker and room for a case key. That it
// holds the key of this case, and to whose keys it is sealed, nobody sees
// without a key: who opens it does.
//
// Leaf and envelope are one transaction: killed before it is committed, the
// store has the old envelope in force and no leaf; after it, both are new. In
// no state has the case no envelope. What was in force is gone from what
// readers see with the same commit, and what it leaves in free pages is in no
// snapshot.
func (v *Vault) AddRekey(ctx context.Context, l *ledger.Leaf, envelope []byte) (int64, error) {
	if l.Event != ledger.EventRekey {
		return 0, fmt.Errorf("sealing a case again: %w: the leaf is of another kind", ErrRefused)
	}
	if len(envelope) > maxEnvelope {
		return 0, fmt.Errorf("sealing a case again: an envelope of %d bytes: %w", len(envelope), ErrTooLarge)
	}
	if sha256.Sum256(envelope) != l.Envelope {
		return 0, fmt.Errorf("sealing a case again: %w: the envelope is not the one that was signed", ErrRefused)
	}
	info, err := agefile.Inspect(bytes.NewReader(envelope), int64(len(envelope)))
	if err != nil {
		return 0, fmt.Errorf("sealing a case again: %w: %w", ErrRefused, err)
	}
	var refusal error
	index, err := v.addSigned(ctx, l, func(w *writer, l *ledger.Leaf) int64 {
		at := w.get(bucketIDs, l.Case[:])
		if refusal = w.mayRekey(at, l, info); refusal != nil {
			return 0
		}
		index := w.append(l)
		w.put(bucketEnvelopes, at, envelope)
		return index
	})
	if err = cmp.Or(err, refusal); err != nil {
		return 0, fmt.Errorf("sealing a case again: %w", err)
	}
	return index, nil
}

// mayRekey says why such an envelope can't come into force for the case whose
// leaf's key is at.
func (w *writer) mayRekey(at []byte, l *ledger.Leaf, info *agefile.Info) error {
	r := w.rosterInForce()
	if l.Number != r.Number {
		return fmt.Errorf("%w: it is sealed for roster %d, and roster %d is in force", ErrRefused, l.Number, r.Number)
	}
	sealed, err := w.sealedFor(at)
	switch {
	case err != nil:
		return err
	case sealed >= l.Number:
		return fmt.Errorf("%w: its envelope is sealed for roster %d already", ErrRefused, sealed)
	case len(info.Stanzas) != len(r.Workers):
		return fmt.Errorf("%w: it is sealed to %d recipients, roster %d has %d case workers", ErrRefused, len(info.Stanzas), r.Number, len(r.Workers))
	case info.PlaintextSize != CaseKeySize:
		return fmt.Errorf("%w: it holds %d bytes, a case key has %d", ErrRefused, info.PlaintextSize, CaseKeySize)
	}
	for _, kind := range info.Stanzas {
		if kind != agefile.Hybrid {
			return fmt.Errorf("%w: it has a recipient that is not post-quantum", ErrRefused)
		}
	}
	if !info.Exact {
		return fmt.Errorf("%w: it is not sealed as a hybrid recipient is sealed to", ErrRefused)
	}
	return nil
}

// sealedFor returns the number of the roster for which the envelope in force
// of a case is sealed: that of its last rekey, or the roster in force when the
// case was opened.
func (r *reader) sealedFor(at []byte) (uint64, error) {
	c := r.tx.Bucket([]byte(bucketRosters)).Cursor()
	k, _ := c.Seek(at)
	if k == nil {
		k, _ = c.Last()
	} else {
		k, _ = c.Prev()
	}
	index, ok := parseIndex(k)
	if !ok {
		return 0, fmt.Errorf("roster before leaf %x: %w: there is none", at, ErrMalformed)
	}
	force, err := r.leaf(index)
	if err != nil {
		return 0, err
	}
	number := force.Number
	_, err = r.thread(at, func(_ int64, l *ledger.Leaf) {
		if l.Event == ledger.EventRekey {
			number = l.Number
		}
	})
	return number, err
}
