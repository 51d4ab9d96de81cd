package triage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"tocsin/ledger"
	"tocsin/triage/minisign"
	"tocsin/triage/sshsig"
)

// ErrAcknowledged means that the acknowledgement of that hand-over is recorded
// already.
var ErrAcknowledged = errors.New("already acknowledged")

// AckNamespace is what a destination signs its acknowledgements for:
// ssh-keygen -Y sign -n tocsin-ack.
const AckNamespace = "tocsin-ack"

// MaxAck bounds an acknowledgement's text, in bytes: it is one line.
const MaxAck = 4 << 10

// ackDir holds acknowledgements as they came, each under its bag's digest.
const ackDir = "acknowledged"

// An Acknowledged hand-over has its event in the queue.
type Acknowledged struct {
	Destination string `json:"destination"`
	Bag         string `json:"bag_sha256"` // of the sealed bag
	Event       string `json:"event"`      // path of the queued event
	Kept        string `json:"kept"`       // path of the acknowledgement
	Digest      string `json:"sha256"`     // of the acknowledgement: text and signature, one after the other
	Comment     string `json:"comment,omitempty"`
}

// Acknowledge records that a destination has what it was handed: it checks
// that the text names a sealed bag of the case by its SHA-256, as sha256sum
// writes it, and that the destination which that bag was handed to signed the
// text with the key that the roster has for that, with ssh-keygen -Y sign or
// minisign. The signed event with the digest of both is queued.
//
// from, unless it is "", must be that destination. Recording twice is
// ErrAcknowledged, whether or not the signature is the same. A signature that
// does not verify is ErrRefused. The caller holds the lock.
func (h *Home) Acknowledge(c *Case, text, signature []byte, from string) (*Acknowledged, error) {
	bag, err := parseAck(text)
	if err != nil {
		return nil, err
	}
	handed := c.handedAs(bag, from)
	if handed == nil {
		return nil, fmt.Errorf("the acknowledgement is of a file that was not handed over of case %s%s (SHA-256 %s)", c.ID, toWhom(from), bag)
	}
	r, err := h.Roster()
	if err != nil {
		return nil, err
	}
	d := r.Destination(handed.Destination)
	if d == nil || d.Ack == "" {
		return nil, fmt.Errorf("roster %d has no key that %s acknowledges with; the organisation puts one in: triage org remove-destination, then add-destination with --ack-key, then sign", r.Number, handed.Destination)
	}
	comment, err := verifyAck(d.Ack, text, signature)
	if err != nil {
		return nil, fmt.Errorf("the acknowledgement by %s: %w", d.Name, err)
	}
	whole := append(text[:len(text):len(text)], signature...)
	out := &Acknowledged{Destination: d.Name, Bag: bag.String(), Kept: h.path(ackDir, bag.String()), Digest: digestOf(whole).String(), Comment: comment}
	if err := h.alreadyAcknowledged(c, out, whole); err != nil {
		return nil, err
	}
	if err := makeDir(h.path(ackDir)); err != nil {
		return nil, err
	}
	if err := writeFile(out.Kept, whole); err != nil {
		return nil, err
	}
	// Commit point: until the event is queued, the file is one that the next
	// acknowledgement takes the place of.
	out.Event, err = h.enqueue(&ledger.Leaf{
		Event: ledger.EventAcknowledged, Case: c.ID, Destination: d.Name, Size: int64(len(whole)), Digest: digestOf(whole),
	}, nil)
	return out, err
}

func toWhom(destination string) string {
	if destination == "" {
		return ""
	}
	return " to " + destination
}

// ackForm is a line of sha256sum: a digest, and the name of the file if there
// is one. Certutil and PowerShell write capitals.
var ackForm = regexp.MustCompile(`^([0-9a-fA-F]{64})( [ *][^\x00-\x1f\x7f]{1,1000})?\r?\n?$`)

// parseAck returns the digest of the bag that an acknowledgement is of.
func parseAck(text []byte) (ledger.Digest, error) {
	if len(text) > MaxAck {
		return ledger.Digest{}, fmt.Errorf("the acknowledgement is larger than %d bytes, and one is a line that sha256sum writes", MaxAck)
	}
	m := ackForm.FindSubmatch(text)
	if m == nil {
		return ledger.Digest{}, errors.New("the acknowledgement is not one line as sha256sum writes it: a SHA-256 digest and the file's name")
	}
	return ledger.ParseDigest(strings.ToLower(string(m[1])))
}

// handedAs returns the leaf of the hand-over of that bag.
func (c *Case) handedAs(bag ledger.Digest, to string) *ledger.Leaf {
	for _, e := range c.Handed {
		if e.Leaf.Event == ledger.EventHandedOver && e.Leaf.Digest == bag && (to == "" || to == e.Leaf.Destination) {
			return e.Leaf
		}
	}
	return nil
}

// verifyAck checks a signature with a key as it stands in the roster. It
// returns what minisign's trusted comment says.
func verifyAck(key string, text, signature []byte) (comment string, err error) {
	if strings.HasPrefix(key, "ssh-") {
		k, err := sshsig.ParsePublicKey(key)
		if err != nil {
			return "", fmt.Errorf("the roster's key: %w", err)
		}
		s, err := sshsig.Parse(signature)
		if err != nil {
			return "", err
		}
		if err := s.Verify(k, AckNamespace, text); err != nil {
			return "", fmt.Errorf("%w: %w with the roster's key for the purpose %s (it claims the key %s and the purpose %q)",
				ErrRefused, err, AckNamespace, sshsig.Fingerprint(s.Key), s.Namespace)
		}
		return "", nil
	}
	k, err := minisign.ParsePublicKey(key)
	if err != nil {
		return "", fmt.Errorf("the roster's key: %w", err)
	}
	s, err := minisign.Parse(signature)
	if err != nil {
		return "", err
	}
	if err := s.Verify(k, text); err != nil {
		return "", fmt.Errorf("%w: %w with the roster's key", ErrRefused, err)
	}
	return s.Comment, nil
}

// alreadyAcknowledged returns ErrAcknowledged if an event of the case, in the
// ledger or in the queue, speaks of this acknowledgement, or of another that
// is kept here of the same bag.
func (h *Home) alreadyAcknowledged(c *Case, a *Acknowledged, whole []byte) error {
	kept, err := os.ReadFile(a.Kept)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading what is acknowledged: %w", err)
	}
	for _, e := range c.Handed {
		if e.Leaf.Event != ledger.EventAcknowledged || e.Leaf.Destination != a.Destination {
			continue
		}
		if e.Leaf.Digest == digestOf(whole) || err == nil && e.Leaf.Digest == digestOf(kept) {
			return fmt.Errorf("%w: by %s on %s", ErrAcknowledged, a.Destination, e.Leaf.Done)
		}
	}
	return nil
}
