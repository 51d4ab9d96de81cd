package triage

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"tocsin/desk"
	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
	"tocsin/seal/roster"
	"tocsin/vault"
)

// checkWhole is the size up to which a message's ciphertext is held against
// the ledger whenever it is opened. A larger one is when its attachments are
// used; a listing relies on the check that pull made.
const checkWhole = 4 << 20

// An opened case is one whose key this home's worker holds.
type opened struct {
	*Case
	roster *roster.Signed // under which it was opened
	key    *seal.CaseKey
	record *vault.Case
}

// openCase opens a case under the newest roster.
func (h *Home) openCase(c *Case) (*opened, error) {
	r, err := h.Roster()
	if err != nil {
		return nil, err
	}
	return h.open(c, r)
}

// open takes the case key out of the case's envelope.
func (h *Home) open(c *Case, r *roster.Signed) (*opened, error) {
	if err := c.there(); err != nil {
		return nil, err
	}
	if err := c.oneReport(); err != nil {
		return nil, err
	}
	id, err := h.Identity()
	if err != nil {
		return nil, err
	}
	text, err := h.readObject(c.record)
	if err != nil {
		return nil, fmt.Errorf("case %s: %w", c.ID, err)
	}
	record, err := vault.ParseCase(text)
	if err != nil {
		return nil, fmt.Errorf("case %s: %w", c.ID, err)
	}
	if record.ID != c.ID {
		return nil, fmt.Errorf("case %s: its record is of case %s", c.ID, record.ID)
	}
	envelope, err := h.readObject(c.envelope)
	if err != nil {
		return nil, fmt.Errorf("case %s: %w", c.ID, err)
	}
	key, err := seal.OpenEnvelope(envelope, id)
	if errors.Is(err, seal.ErrKey) {
		return nil, fmt.Errorf("case %s was not sealed to this home's worker key; have a colleague who can read it type triage pull, triage rekey and triage push, and then pull: %w", c.ID, err)
	}
	if err != nil {
		return nil, fmt.Errorf("case %s: %w", c.ID, err)
	}
	if key.Recipient().String() != record.Recipient {
		return nil, fmt.Errorf("case %s: its envelope holds the key of another case", c.ID)
	}
	return &opened{Case: c, roster: r, key: key, record: record}, nil
}

// oneReport checks that the case begins with its report and has no other. Pull
// refuses such a ledger; this holds for whatever is shown, answered or handed
// over, because a second report would take the place of what the witness told.
func (c *Case) oneReport() error {
	if len(c.Messages) == 0 || c.Messages[0].Leaf.Kind != ledger.KindReport {
		return fmt.Errorf("%w: case %s: its report is missing from the ledger", ErrRefused, c.ID)
	}
	for _, e := range c.Messages[1:] {
		if e.Leaf.Kind == ledger.KindReport {
			return fmt.Errorf("%w: case %s: leaf %d is a second report, which nobody but an attacker adds. Tell the organisation before you go on", ErrRefused, c.ID, e.Index)
		}
	}
	return nil
}

// identity returns what opens the case's messages; a new value each time,
// because age sorts identities in place.
func (o *opened) identity() age.Identity { return o.key.Identity() }

func (o *opened) context(kind string) seal.Context {
	return seal.Context{Instance: o.roster.Instance().String(), Case: o.ID.String(), Kind: seal.Kind(kind)}
}

// ciphertext opens the sealed message of a leaf: from the objects, or from the
// queue for one that the desk does not have yet.
func (h *Home) ciphertext(e Entry) (io.ReaderAt, io.Closer, error) {
	var src io.ReaderAt
	var f *os.File
	var size int64
	var err error
	if e.Index < 0 {
		src, f, size, err = queuedBody(e.queued, desk.Message)
	} else {
		f, size, err = h.openObject(e.Leaf.Digest)
		src = f
	}
	if err != nil {
		return nil, nil, err
	}
	if size != e.Leaf.Size {
		f.Close()
		return nil, nil, fmt.Errorf("%s is damaged; remove it and pull again", f.Name())
	}
	return src, f, nil
}

// read opens a message of the case. With a visit every attachment passes
// through it, and all of it is checked against manifest and ledger before read
// returns nil.
func (h *Home) read(o *opened, e Entry, visit func(seal.File, io.Reader) error) (*seal.Message, error) {
	src, closer, err := h.ciphertext(e)
	if err != nil {
		return nil, fmt.Errorf("message %d of case %s: %w", e.Index, o.ID, err)
	}
	defer closer.Close()
	if visit != nil || e.Leaf.Size <= checkWhole {
		sum := sha256.New()
		if _, err := io.Copy(sum, io.NewSectionReader(src, 0, e.Leaf.Size)); err != nil {
			return nil, fmt.Errorf("message %d of case %s: %w", e.Index, o.ID, err)
		}
		if ledger.Digest(sum.Sum(nil)) != e.Leaf.Digest {
			return nil, fmt.Errorf("message %d of case %s is damaged: it is not what the ledger says; remove %s and pull again", e.Index, o.ID, h.objectPath(e.Leaf.Digest))
		}
	}
	msg, err := seal.ReadMessage(src, e.Leaf.Size, o.identity(), o.context(e.Leaf.Kind), visit)
	if err != nil {
		return nil, fmt.Errorf("message %d of case %s: %w", e.Index, o.ID, err)
	}
	return msg, nil
}

// intact reports whether a message is here as the ledger says, so that what is
// wrong with it was so when it was sent.
func (h *Home) intact(e Entry) bool {
	src, closer, err := h.ciphertext(e)
	if err != nil {
		return false
	}
	defer closer.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, io.NewSectionReader(src, 0, e.Leaf.Size))
	return err == nil && ledger.Digest(sum.Sum(nil)) == e.Leaf.Digest
}

// ErrAltered means that the record of a case is not the one that its report was
// sealed with: the witness's key in it may be anybody's.
var ErrAltered = fmt.Errorf("%w: %s", ErrRefused, alteredText)

const alteredText = "the record of this case was altered after the witness sent the report, so that a reply could be read by whoever did it. The report is as it was sealed. Tell the organisation before you go on"

// altered says whether the record is another than the one that the report was
// sealed with. The record lies in the clear on the intake: who took it over
// before anybody had pulled could change it and sign the change.
func (o *opened) altered(report *seal.Message) bool { return report.Record != o.Case.record.String() }

// parseReport reads the report of a message. A report that a newer program
// wrote may have answers that this one does not know: it is shown all the
// same, so a ValidationError is not a failure here.
func parseReport(msg *seal.Message) (*report.Report, error) {
	r, err := report.Parse(msg.Body)
	var invalid *report.ValidationError
	if err != nil && !errors.As(err, &invalid) {
		return nil, err
	}
	return r, nil
}

func parseNote(msg *seal.Message) (*report.Message, error) {
	n, err := report.ParseMessage(msg.Body)
	var invalid *report.ValidationError
	if err != nil && !errors.As(err, &invalid) {
		return nil, err
	}
	return n, nil
}
