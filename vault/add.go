package vault

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"tocsin/ledger"
)

// maxEnvelope bounds an envelope, in bytes: the header for the most workers
// a roster may have and a case key.
const maxEnvelope = 256 << 10

// An Envelope is a case key sealed to the case workers of a roster.
type Envelope struct {
	Roster uint64 // number of the roster whose case workers it is sealed to
	Sealed []byte
}

// AddCase adds a case with its report: record, envelope, lookup tag, message
// and leaves in one transaction. It returns nil after they are on stable
// storage. It returns ErrTagExists if the tag's case is already kept, which
// the caller answers as a success: the report was sent twice. It returns
// ErrRosterChanged if another roster came into force since the envelope was
// sealed; then, and only then, the upload may be given again with a new
// envelope. In every other case it is used up.
func (v *Vault) AddCase(ctx context.Context, c Case, envelope Envelope, report *Upload) (err error) {
	defer func() {
		if !errors.Is(err, ErrRosterChanged) {
			report.Discard()
		}
	}()
	record := c.Marshal()
	if _, err := ParseCase(record); err != nil {
		return err
	}
	if n := len(envelope.Sealed); n == 0 || n > maxEnvelope {
		return fmt.Errorf("envelope of %d bytes: %w", n, ErrMalformed)
	}
	body, err := report.finish()
	if err != nil {
		return fmt.Errorf("adding a case: %w", err)
	}
	err = v.commit(ctx, func(w *writer) error {
		if w.get(bucketTags, c.Tag[:]) != nil {
			return ErrTagExists
		}
		if w.get(bucketIDs, c.ID[:]) != nil {
			return fmt.Errorf("case %s: %w: the ID is taken", c.ID, ErrRefused)
		}
		if n := w.rosterInForce().Number; n != envelope.Roster {
			return fmt.Errorf("%w: from %d to %d", ErrRosterChanged, envelope.Roster, n)
		}
		i := w.append(&ledger.Leaf{
			Event: ledger.EventCase, Case: c.ID,
			Digest: sha256.Sum256(record), Envelope: sha256.Sum256(envelope.Sealed),
		})
		w.put(bucketCases, indexKey(i), record)
		w.put(bucketEnvelopes, indexKey(i), envelope.Sealed)
		w.put(bucketIDs, c.ID[:], indexKey(i))
		w.put(bucketTags, c.Tag[:], indexKey(i))
		w.addMessage(&ledger.Leaf{Event: ledger.EventMessage, Case: c.ID, Kind: ledger.KindReport}, body)
		return w.broken
	})
	report.settle(err)
	if err != nil {
		return fmt.Errorf("adding a case: %w", err)
	}
	return nil
}

// addMessage appends the leaf of a message and puts its body where it belongs.
func (w *writer) addMessage(l *ledger.Leaf, b body) int64 {
	l.Size, l.Digest = b.size, b.digest
	i := w.append(l)
	w.put(bucketMessages, indexKey(i), b.value)
	if b.value[0] == bodyBlob {
		w.put(bucketBlobs, b.value[1:], indexKey(i))
	}
	return i
}

// AddMessage adds what a case worker wrote, a reply or a note, and returns the
// index of its leaf. The leaf names the case, the kind, the size and digest of
// the body and bears the worker's signature. The same signed leaf again changes
// nothing and gives the same index. It returns ErrNotFound for an unknown case,
// ErrRetired for one that takes nothing more, ledger.ErrSignature if no worker
// of the roster in force signed it, and ErrRefused for a body that the leaf does
// not describe. The upload is used up.
func (v *Vault) AddMessage(ctx context.Context, l *ledger.Leaf, message *Upload) (int64, error) {
	defer message.Discard()
	if l.Event != ledger.EventMessage || l.Kind != ledger.KindReply && l.Kind != ledger.KindNote {
		return 0, fmt.Errorf("adding a message: %w: the leaf is neither a reply nor a note", ErrRefused)
	}
	b, err := message.finish()
	if err != nil {
		return 0, fmt.Errorf("adding a %s: %w", l.Kind, err)
	}
	if b.size != l.Size || b.digest != l.Digest {
		return 0, fmt.Errorf("adding a %s: %w: the body is not the one that was signed", l.Kind, ErrRefused)
	}
	fresh := false
	index, err := v.addSigned(ctx, l, func(w *writer, l *ledger.Leaf) int64 {
		fresh = true
		return w.addMessage(l, b)
	})
	if fresh {
		message.settle(err)
	}
	if err != nil {
		return 0, fmt.Errorf("adding a %s: %w", l.Kind, err)
	}
	return index, nil
}

// AddEvent records what a case worker did and signed, and returns the index
// of its leaf. The same signed leaf again changes nothing and gives the same
// index. Errors are those of AddMessage; an event that comes with something (a
// rekey) can't be recorded alone and is ErrRefused. A purge destroys the case's
// envelope, and is ErrRefused as long as [ledger.Custody.MayPurge] says that
// the case may not be purged, by the vault's own day; see purge. So is a release
// that [ledger.Custody.MayRelease] does not let lift the hold.
func (v *Vault) AddEvent(ctx context.Context, l *ledger.Leaf) (int64, error) {
	switch l.Event {
	case ledger.EventRead, ledger.EventHandedOver, ledger.EventAcknowledged, ledger.EventHeld, ledger.EventReleased,
		ledger.EventPurgeProposed, ledger.EventPurged:
	default:
		return 0, fmt.Errorf("adding an event: %w: %q can't be recorded this way", ErrRefused, l.Event)
	}
	var refusal error
	index, err := v.addSigned(ctx, l, func(w *writer, l *ledger.Leaf) (index int64) {
		switch l.Event {
		case ledger.EventPurged:
			index, refusal = w.purge(l)
		case ledger.EventReleased:
			index, refusal = w.release(l)
		default:
			index = w.append(l)
		}
		return index
	})
	if errors.Is(refusal, ledger.ErrUnseen) {
		refusal = fmt.Errorf("%w; pull, and sign it again", refusal)
	}
	if err = cmp.Or(err, refusal); err != nil {
		return 0, fmt.Errorf("adding an event: %w", err)
	}
	return index, nil
}

// addSigned commits a leaf that a case worker signed. add is called with a
// copy of the leaf when it is new and everything about it has been checked
// against the roster in force.
func (v *Vault) addSigned(ctx context.Context, l *ledger.Leaf, add func(*writer, *ledger.Leaf) int64) (int64, error) {
	var index int64
	err := v.commit(ctx, func(w *writer) error {
		r := w.rosterInForce()
		worker := r.Worker(l.By)
		if worker == nil {
			return fmt.Errorf("%q is not a case worker of roster %d: %w", l.By, r.Number, ledger.ErrSignature)
		}
		if err := l.Verify(r.Instance(), worker.Desk); err != nil {
			return err
		}
		if known := w.get(bucketSignatures, signatureKey(l)); known != nil {
			index, _ = parseIndex(known)
			return nil
		}
		if l.Destination != "" && r.Destination(l.Destination) == nil {
			return fmt.Errorf("%w: %q is not a destination of roster %d", ErrRefused, l.Destination, r.Number)
		}
		if _, err := w.open(l.Case); err != nil {
			return err
		}
		leaf := *l
		leaf.Day = w.day
		if _, err := leaf.Marshal(); err != nil {
			return err
		}
		index = add(w, &leaf)
		return w.broken
	})
	return index, err
}
