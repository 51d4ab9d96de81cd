package vault

import (
	"bytes"
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
)

// A Published is a checkpoint as those outside get it: witnesses in the proof
// that their report is in the ledger, and cosigners.
//
// The checkpoint over all leaves stays inside, because who is told it again and
// again sees when reports come in. The one that is published on a day covers
// the leaves of the days before and no other: it is the same at whatever hour
// it is made, and days are the only times that the store keeps.
type Published struct {
	Day    ledger.Day // on which it was published
	Signed []byte     // with the cosignatures that have come so far
}

// marshal returns the form in which it stands in bucketHead: a line with the
// day, then the signed checkpoint.
func (p *Published) marshal() []byte { return append([]byte(p.Day+"\n"), p.Signed...) }

// parsePublished reads what marshal wrote. It verifies nothing.
func parsePublished(b []byte) (*Published, error) {
	first, signed, _ := bytes.Cut(b, []byte("\n"))
	day, err := ledger.ParseDay(string(first))
	if err != nil {
		return nil, fmt.Errorf("%w: its first line is not a day", ErrMalformed)
	}
	p := &Published{day, bytes.Clone(signed)}
	_, err = p.checkpoint()
	return p, err
}

// checkpoint returns what the text says, without holding it to a signature.
func (p *Published) checkpoint() (*ledger.Checkpoint, error) {
	text, _, ok := bytes.Cut(p.Signed, []byte("\n\n"))
	if !ok {
		return nil, fmt.Errorf("%w: no signed checkpoint", ErrMalformed)
	}
	c, err := ledger.ParseCheckpoint(append(bytes.Clone(text), '\n'))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	return c, nil
}

// published reads one of the two that were published, or nil and no error.
func (r *reader) published(key []byte) (*Published, error) {
	b := r.get(bucketHead, key)
	if b == nil {
		return nil, nil
	}
	p, err := parsePublished(b)
	if err != nil {
		return nil, fmt.Errorf("%s checkpoint: %w", key, err)
	}
	return p, nil
}

// Publish publishes the leaves of the days before today, unless that was done
// today. A ledger that began today has none, and nothing is published.
//
// Commit point: that of the transaction which writes it. A crash before it
// leaves what was published before, and the next call on the same day makes
// the very same checkpoint.
func (v *Vault) Publish(ctx context.Context) error {
	err := v.commit(ctx, func(w *writer) error {
		was, err := w.published(keyPublished)
		if err != nil || was != nil && was.Day == w.day {
			return err
		}
		size, err := w.sizeBefore(w.day)
		if err != nil || size == 0 {
			return err
		}
		signed, err := w.sign(size)
		if err != nil {
			return err
		}
		w.put(bucketHead, keyPublished, (&Published{w.day, signed}).marshal())
		return w.broken
	})
	if err != nil {
		return fmt.Errorf("publishing the ledger: %w", err)
	}
	return nil
}

// sizeBefore returns how many leaves there are of the days before that day.
func (w *writer) sizeBefore(day ledger.Day) (int64, error) {
	for size := w.size(); size > 0; size-- {
		l, err := w.leaf(size - 1)
		if err != nil || l.Day < day {
			return size, err
		}
	}
	return 0, nil
}

// Published returns the checkpoint that was last published, and the newest of
// those published that got the quorum of their cosigners: that of the roster
// in force when the last of them signed, and one cosignature at least. Either
// is nil where there is none. Only what is on stable storage is returned, so
// that no power cut takes back what is known outside.
func (v *Vault) Published() (published, cosigned *Published, err error) {
	err = v.viewDurable(func(r *reader) (err error) {
		if published, err = r.published(keyPublished); err == nil {
			cosigned, err = r.published(keyCosigned)
		}
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("reading what was published: %w", err)
	}
	return published, cosigned, nil
}

// Consistency returns the proof that the tree of the first to leaves contains
// that of the first from, which is empty if from is 0 or they are the same. It
// returns ErrUnpublished for more leaves than were published.
func (v *Vault) Consistency(from, to int64) (tlog.TreeProof, error) {
	var proof tlog.TreeProof
	err := v.viewDurable(func(r *reader) error {
		p, err := r.published(keyPublished)
		if err != nil {
			return err
		}
		size := int64(0)
		if p != nil {
			c, err := p.checkpoint()
			if err != nil {
				return err
			}
			size = c.Size
		}
		switch {
		case from < 0 || to < from:
			return ErrNotFound
		case to > size:
			return ErrUnpublished
		case from == 0 || from == to:
			return nil
		}
		proof, err = tlog.ProveTree(to, from, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("proving that %d leaves grew to %d: %w", from, to, err)
	}
	return proof, nil
}

// Cosign adds to the checkpoint that was last published the cosignatures on
// signed, which is that checkpoint again. It takes those of the cosigners of
// the roster in force and drops those of others; of one that signed before,
// the first stays. With the roster's quorum the checkpoint becomes the
// cosigned one, in the same transaction. It returns ErrUnpublished if it is not
// the one that was last published, and the errors of ledger.OpenCosigned.
func (v *Vault) Cosign(ctx context.Context, signed []byte) error {
	err := v.commit(ctx, func(w *writer) error {
		p, err := w.published(keyPublished)
		if err != nil {
			return err
		}
		r := w.rosterInForce()
		c, err := ledger.OpenCheckpoint(signed, r.Intake.Ledger)
		if err != nil {
			return err
		}
		if p == nil {
			return ErrUnpublished
		}
		now, err := p.checkpoint()
		if err != nil {
			return err
		}
		if *c != *now {
			return fmt.Errorf("%w: a checkpoint of %d leaves, that of today has %d", ErrUnpublished, c.Size, now.Size)
		}
		merged, by, err := ledger.MergeCosigned(p.Signed, signed, r.Intake.Ledger, r.Cosigners)
		if err != nil {
			return err
		}
		p.Signed = merged
		w.replace(keyPublished, p.marshal())
		if len(by) >= max(1, r.Policy.Quorum) {
			w.replace(keyCosigned, p.marshal())
		}
		return w.broken
	})
	if err != nil {
		return fmt.Errorf("adding cosignatures: %w", err)
	}
	return nil
}

// replace writes a pair of bucketHead, unless it is there already.
func (w *writer) replace(key, value []byte) {
	if !bytes.Equal(w.get(bucketHead, key), value) {
		w.put(bucketHead, key, value)
	}
}

// Prove returns a proof that the leaf of that index is in the ledger, as a
// C2SP tlog-proof with the leaf in it (see ledger.Proof). The checkpoint in it
// is the cosigned one if that covers the leaf, or else the one last published;
// a leaf that neither covers is ErrUnpublished, and one that is not there
// ErrNotFound. A proof against the checkpoint over all leaves would let
// whoever sends a report and asks for its proof again and again count when
// others come in.
func (v *Vault) Prove(index int64) ([]byte, error) {
	var out []byte
	err := v.viewDurable(func(r *reader) error {
		if index < 0 || index >= r.size() {
			return fmt.Errorf("of %d: %w", r.size(), ErrNotFound)
		}
		for _, key := range [][]byte{keyCosigned, keyPublished} {
			p, err := r.published(key)
			if err != nil {
				return err
			}
			if p == nil {
				continue
			}
			c, err := p.checkpoint()
			if err != nil {
				return err
			}
			if index >= c.Size {
				continue
			}
			path, err := tlog.ProveRecord(c.Size, index, r)
			if err != nil {
				return err
			}
			out = ledger.FormatProof(&ledger.Proof{
				Index: index, Leaf: r.get(bucketLeaves, indexKey(index)), Path: path, Checkpoint: p.Signed,
			})
			return nil
		}
		return ErrUnpublished
	})
	if err != nil {
		return nil, fmt.Errorf("proving leaf %d: %w", index, err)
	}
	return out, nil
}

// viewDurable calls fn with what is on stable storage.
func (v *Vault) viewDurable(fn func(*reader) error) error {
	tx, err := v.durableTx()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return fn(newReader(tx))
}
