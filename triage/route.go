package triage

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"filippo.io/age"

	"tocsin/ledger"
	"tocsin/seal"
	"tocsin/seal/padme"
	"tocsin/seal/roster"
	"tocsin/triage/bagit"
)

// ErrRouted means that the very same contents were already handed over there.
var ErrRouted = errors.New("already handed over")

// A Routed hand-over lies in the outbox and its event in the queue.
type Routed struct {
	Case        string        `json:"case"`
	Destination string        `json:"destination"`
	Bag         string        `json:"bag"`   // path of the sealed bag
	Event       string        `json:"event"` // path of the queued event
	Size        int64         `json:"size"`
	Digest      ledger.Digest `json:"-"` // of the sealed bag
	Withheld    int           `json:"withheld"`
	Files       int           `json:"files"`
	Delivery    string        `json:"delivery"` // how it gets there, as the roster says
}

// With is what a hand-over has beside what every bag has.
type With struct {
	// Decision says why it goes there, and stands in provenance.json; nil if
	// nobody was asked.
	Decision *Decision
	// CaseUCO adds data/case.jsonld: what programs search by, in the words of
	// CASE and UCO 1.4.0 (https://caseontology.org), as JSON-LD.
	CaseUCO bool
}

// Route seals a case for a destination: a BagIt bag in one age file in the
// outbox, and a signed event in the queue. Nothing decrypted touches a disk:
// the case's messages are read twice, once for what the bag says of them and
// once to stream their attachments through.
//
// The bag's name comes from what is in it, so that a route that was killed
// writes the same file again, and one that was completed is ErrRouted for as
// long as the bag is there. The caller holds the lock.
func (h *Home) Route(c *Case, destination string, with With) (*Routed, error) {
	r, err := h.Roster()
	if err != nil {
		return nil, err
	}
	d := r.Destination(destination)
	if d == nil {
		return nil, fmt.Errorf("%q is not a destination of roster %d; there are: %s", destination, r.Number, destinationNames(r))
	}
	recipient, err := seal.ParseRecipient(d.Recipient)
	if err != nil {
		return nil, fmt.Errorf("destination %s: %w", d.Name, err)
	}
	o, err := h.open(c, r)
	if err != nil {
		return nil, err
	}
	m, err := h.openMirror()
	if err != nil {
		return nil, err
	}
	b, err := h.gather(o, r, m, d, with)
	if err != nil {
		return nil, err
	}
	dir := h.path("outbox", d.Name)
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	out := &Routed{Case: c.ID.String(), Destination: d.Name, Bag: h.path("outbox", d.Name, b.name+bagEnding), Withheld: len(b.withheld), Files: len(b.files), Delivery: d.Delivery}
	if err := alreadyRouted(c, d.Name, out.Bag); err != nil {
		return nil, err
	}
	if err := h.sealBag(b, recipient, out); err != nil {
		return nil, err
	}
	// Before the event: a delivery that no event speaks of brings nothing
	// anywhere (see Deliver).
	if err := h.queueDelivery(d, out.Bag, out.Digest); err != nil {
		return nil, err
	}
	// Commit point: until the event is queued, the bag in the outbox is one
	// that the next route writes again.
	out.Event, err = h.enqueue(&ledger.Leaf{
		Event: ledger.EventHandedOver, Case: c.ID, Destination: d.Name, Size: out.Size, Digest: out.Digest,
	}, nil)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func destinationNames(r *roster.Signed) string {
	names := ""
	for i, d := range r.Destinations {
		if i > 0 {
			names += ", "
		}
		names += d.Name
	}
	return names
}

// alreadyRouted returns ErrRouted if the bag at path is one that an event of
// the case, in the ledger or in the queue, speaks of.
func alreadyRouted(c *Case, destination, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return nil // not there, or create will say what is wrong
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	for _, e := range c.Handed {
		if e.Leaf.Destination == destination && bytes.Equal(e.Leaf.Digest[:], sum.Sum(nil)) {
			return fmt.Errorf("%w: %s holds all there is of the case for %s; to make another, move it away", ErrRouted, path, destination)
		}
	}
	return nil
}

// sealBag writes the sealed bag to its place in the outbox.
func (h *Home) sealBag(b *bag, recipient *age.HybridRecipient, out *Routed) error {
	p, err := create(out.Bag)
	if err != nil {
		return err
	}
	defer p.discard()
	sealed := &summed{w: p, sum: sha256.New()}
	w, err := age.Encrypt(sealed, recipient)
	if err != nil {
		return fmt.Errorf("sealing the bag: %w", err)
	}
	plain := &summed{w: w}
	if err := h.writeBag(b, plain); err != nil {
		return err
	}
	if err := pad(plain); err != nil {
		return fmt.Errorf("sealing the bag: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("sealing the bag: %w", err)
	}
	out.Size, out.Digest = sealed.n, ledger.Digest(sealed.sum.Sum(nil))
	return p.commit()
}

// pad writes zeros after the end of the archive, which tar passes over, up to
// a length that many bags share.
func pad(w *summed) error {
	zeros := make([]byte, 64<<10)
	for left := padme.Size(w.n) - w.n; left > 0; {
		n, err := w.Write(zeros[:min(left, int64(len(zeros)))])
		if err != nil {
			return err
		}
		left -= int64(n)
	}
	return nil
}

// summed counts what is written through it and, if it has a sum, hashes it.
type summed struct {
	w   io.Writer
	sum hash.Hash
	n   int64
}

func (s *summed) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.n += int64(n)
	if s.sum != nil {
		s.sum.Write(p[:n])
	}
	return n, err
}

// writeBag streams the bag: the page first, then data, then attachments.
func (h *Home) writeBag(b *bag, w io.Writer) error {
	tar, err := bagit.NewWriter(w, b.name)
	if err != nil {
		return err
	}
	tar.Tags = b.sign
	for _, p := range b.payload {
		if err := tar.Add(p.path, int64(len(p.content)), bytes.NewReader(p.content)); err != nil {
			return err
		}
	}
	next := 0
	for _, e := range b.carriers {
		_, err := h.read(b.opened, e, func(f seal.File, content io.Reader) error {
			// Between the passes the same ciphertext lay there: its digest
			// is checked by both. The bag's writer checks the size.
			file := b.files[next]
			next++
			return tar.Add(file.Path, f.Size, content)
		})
		if err != nil {
			return err
		}
	}
	return tar.Close(b.info)
}

// bagName names a bag by the case and by what is handed over of it.
func bagName(c *Case, handed []Entry, with With) string {
	sum := sha256.New()
	for _, e := range handed {
		sum.Write(e.Leaf.Digest[:])
	}
	if with.CaseUCO {
		sum.Write([]byte(caseFile))
	}
	return c.ID.String() + "-" + hex.EncodeToString(sum.Sum(nil)[:4])
}
