package roster

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

var (
	// ErrSignature is returned by Open for a roster that the organisation's
	// key did not sign.
	ErrSignature = errors.New("not signed by the organisation's key")
	// ErrRollback is returned by Follows for a roster that may not take the
	// other's place.
	ErrRollback = errors.New("roster does not follow the one in force")
)

// Signed is a roster whose signature was verified.
type Signed struct {
	Roster
	Note   []byte            // the whole signed note, as it is stored and served
	Digest [sha256.Size]byte // SHA-256 of Note, as the ledger holds it
	OrgKey string            // the verifier key that it was opened with
}

// Sign returns the roster as a note signed by the organisation's key.
func (r *Roster) Sign(org note.Signer) ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	signed, err := note.Sign(&note.Note{Text: string(r.Marshal())}, org)
	if err != nil {
		return nil, fmt.Errorf("signing the roster: %w", err)
	}
	return signed, nil
}

// Open verifies a signed roster against the organisation's verifier key and
// parses it. It returns ErrSignature when the key is another's, ErrVersion
// and ErrMalformed as Parse does. A note must bear exactly one signature:
// what else stood below the text would be bytes that nobody vouches for.
func Open(signed []byte, orgKey string) (*Signed, error) {
	if len(signed) > maxNote {
		return nil, fmt.Errorf("roster: %w: larger than %d bytes", ErrMalformed, maxNote)
	}
	v, err := verifier(orgKey)
	if err != nil {
		return nil, fmt.Errorf("organisation's key: %w: %v", ErrMalformed, err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if unverified := (*note.UnverifiedNoteError)(nil); errors.As(err, &unverified) {
		return nil, fmt.Errorf("roster: %w %s", ErrSignature, v.Name())
	}
	if invalid := (*note.InvalidSignatureError)(nil); errors.As(err, &invalid) {
		return nil, fmt.Errorf("roster: %w %s: the text was changed", ErrSignature, v.Name())
	}
	if err != nil {
		return nil, fmt.Errorf("roster: %w: %v", ErrMalformed, err)
	}
	if !onlySignature(n, signed) {
		return nil, fmt.Errorf("roster: %w: exactly one signature is expected", ErrMalformed)
	}
	r, err := Parse([]byte(n.Text))
	if err != nil {
		return nil, err
	}
	return &Signed{Roster: *r, Note: slices.Clone(signed), Digest: sha256.Sum256(signed), OrgKey: orgKey}, nil
}

// onlySignature reports whether nothing but the text and one signature in its
// one form stands in the signed note that n was read from. Package note drops
// further lines of the same key unread, and takes base64 with stray bits;
// either would give the same roster a second digest.
func onlySignature(n *note.Note, signed []byte) bool {
	if len(n.Sigs) != 1 {
		return false
	}
	s := n.Sigs[0]
	_, err := base64.StdEncoding.Strict().DecodeString(s.Base64)
	return err == nil && n.Text+"\n— "+s.Name+" "+s.Base64+"\n" == string(signed)
}

// Instance returns the instance that the roster speaks for.
func (s *Signed) Instance() Instance { return NewInstance(s.OrgKey, s.Origin) }

// Follows returns nil if s may take the place of old: the same roster, or
// one of the same instance with a higher number. Otherwise ErrRollback.
func (s *Signed) Follows(old *Signed) error {
	switch {
	case s.Digest == old.Digest:
		return nil
	case s.Instance() != old.Instance():
		return fmt.Errorf("%w: it is for %q, not for %q", ErrRollback, s.Origin, old.Origin)
	case s.Number <= old.Number:
		return fmt.Errorf("%w: its number is %d, the one in force has %d", ErrRollback, s.Number, old.Number)
	}
	return nil
}
