package ledger

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"tocsin/seal/roster"
)

// A Cosignature is a cosigner's word that a checkpoint is consistent with every
// other that it has signed for the same origin.
type Cosignature struct {
	Cosigner string    // the short name in the roster
	Time     time.Time // when it signed, by its own clock, to the second
}

// A CosignatureSigner signs checkpoints as C2SP tlog-cosignature has it
// (https://c2sp.org/tlog-cosignature, cosignature/v1): the time in seconds
// since 1970 as eight big-endian bytes, then an Ed25519 signature of that time
// and the checkpoint's text. It implements note.Signer. That the checkpoint is
// consistent with those signed before is for callers to see to.
type CosignatureSigner struct {
	name string
	key  ed25519.PrivateKey
	now  func() time.Time
}

// NewCosignatureSigner returns the signer of that key, whose verifier key is
// roster.CosignerKey(name, key.Public()).
func NewCosignatureSigner(name string, key ed25519.PrivateKey, now func() time.Time) *CosignatureSigner {
	return &CosignatureSigner{name, key, now}
}

// Name returns the name of the key.
func (s *CosignatureSigner) Name() string { return s.name }

// KeyHash returns the key ID that stands in front of each signature.
func (s *CosignatureSigner) KeyHash() uint32 {
	return roster.CosignerKeyNumber(s.name, s.key.Public().(ed25519.PublicKey))
}

// Sign signs the text of a checkpoint.
func (s *CosignatureSigner) Sign(text []byte) ([]byte, error) {
	seconds := s.now().Unix()
	if seconds < 0 || seconds > maxSeconds {
		return nil, errors.New("cosigning: the clock stands before 1970 or after 9999")
	}
	sig := binary.BigEndian.AppendUint64(nil, uint64(seconds))
	return append(sig, ed25519.Sign(s.key, cosigned(uint64(seconds), text))...), nil
}

// maxSeconds is the last second of the year 9999, with which the days and times
// that people and programs are shown end. A signature of a later time is none.
const maxSeconds = 253402300799

// cosigned returns the bytes that a cosigner signs.
func cosigned(seconds uint64, text []byte) []byte {
	return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", seconds), text...)
}

// A cosignatureVerifier implements note.Verifier for a cosigner's key.
type cosignatureVerifier struct {
	name string
	key  ed25519.PublicKey
}

// NewCosignatureVerifier returns the verifier of a cosigner's key, or
// roster.ErrMalformed.
func NewCosignatureVerifier(vkey string) (note.Verifier, error) {
	name, key, err := roster.ParseCosignerKey(vkey)
	if err != nil {
		return nil, err
	}
	return &cosignatureVerifier{name, key}, nil
}

func (v *cosignatureVerifier) Name() string    { return v.name }
func (v *cosignatureVerifier) KeyHash() uint32 { return roster.CosignerKeyNumber(v.name, v.key) }

func (v *cosignatureVerifier) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	seconds := binary.BigEndian.Uint64(sig)
	return seconds <= maxSeconds && ed25519.Verify(v.key, cosigned(seconds, text), sig[8:])
}

// OpenCosigned verifies a checkpoint as OpenCheckpoint does and returns the
// cosignatures on it of those cosigners, in their order; signatures of others
// are let stand. It returns ErrSignature also if one that bears a cosigner's
// name and number does not verify. Whether there are enough is for callers to
// hold against the roster's quorum.
func OpenCosigned(signed []byte, vkey string, cosigners []roster.Cosigner) (*Checkpoint, []Cosignature, error) {
	c, err := OpenCheckpoint(signed, vkey)
	if err != nil || len(cosigners) == 0 {
		return c, nil, err
	}
	verifiers := make([]note.Verifier, len(cosigners))
	for i, cosigner := range cosigners {
		if verifiers[i], err = NewCosignatureVerifier(cosigner.Key); err != nil {
			return nil, nil, err
		}
	}
	n, err := note.Open(signed, note.VerifierList(verifiers...))
	unverified, invalid := (*note.UnverifiedNoteError)(nil), (*note.InvalidSignatureError)(nil)
	switch {
	case errors.As(err, &unverified):
		return c, nil, nil
	case errors.As(err, &invalid):
		return nil, nil, fmt.Errorf("checkpoint of %s, cosigned by %s: %w", c.Origin, invalid.Name, ErrSignature)
	case err != nil:
		return nil, nil, fmt.Errorf("checkpoint: %w: %v", ErrMalformed, err)
	}
	var out []Cosignature
	for i, v := range verifiers {
		for _, s := range n.Sigs {
			if s.Name != v.Name() || s.Hash != v.KeyHash() {
				continue
			}
			b, err := base64.StdEncoding.DecodeString(s.Base64)
			if err != nil {
				return nil, nil, fmt.Errorf("checkpoint: %w: %v", ErrMalformed, err)
			}
			// After the four bytes of the key ID; note.Open has verified the rest.
			seconds := binary.BigEndian.Uint64(b[4:])
			out = append(out, Cosignature{cosigners[i].Name, time.Unix(int64(seconds), 0).UTC()})
		}
	}
	return c, out, nil
}

// MergeCosigned returns the checkpoint with the ledger's signature and at most
// one cosignature of each of those cosigners: that on signed, or else that on
// more. What others signed is left out. It returns the errors of OpenCosigned,
// and ErrMalformed if the two are not the same checkpoint.
func MergeCosigned(signed, more []byte, vkey string, cosigners []roster.Cosigner) ([]byte, []Cosignature, error) {
	known, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, nil, fmt.Errorf("ledger key: %w: %v", ErrMalformed, err)
	}
	verifiers := []note.Verifier{known}
	for _, cosigner := range cosigners {
		v, err := NewCosignatureVerifier(cosigner.Key)
		if err != nil {
			return nil, nil, err
		}
		verifiers = append(verifiers, v)
	}
	merged := &note.Note{}
	for i, b := range [][]byte{signed, more} {
		if _, _, err := OpenCosigned(b, vkey, cosigners); err != nil {
			return nil, nil, err
		}
		n, err := note.Open(b, note.VerifierList(verifiers...))
		if err != nil {
			return nil, nil, fmt.Errorf("checkpoint: %w: %v", ErrMalformed, err)
		}
		if i > 0 && n.Text != merged.Text {
			return nil, nil, fmt.Errorf("checkpoint: %w: a cosignature on another one", ErrMalformed)
		}
		merged.Text = n.Text
		for _, s := range n.Sigs {
			known := func(o note.Signature) bool { return o.Name == s.Name && o.Hash == s.Hash }
			if !slices.ContainsFunc(merged.Sigs, known) {
				merged.Sigs = append(merged.Sigs, s)
			}
		}
	}
	out, err := note.Sign(merged)
	if err != nil {
		return nil, nil, fmt.Errorf("merging cosignatures: %w", err)
	}
	_, by, err := OpenCosigned(out, vkey, cosigners)
	return out, by, err
}
