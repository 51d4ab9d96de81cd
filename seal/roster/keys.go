package roster

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// verifier reads a verifier key and refuses every other writing of it than
// the one that note.GenerateKey makes. Package note reads more: line ends and
// stray bits in the base64, capitals in the key hash. But the instance is
// derived from the very characters, so that a key file with a carriage return
// would open the roster and lead to another instance.
func verifier(vkey string) (note.Verifier, error) {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	encoded := strings.SplitN(vkey, "+", 3)[2]
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, err
	}
	if again, err := note.NewEd25519VerifierKey(v.Name(), key[1:]); err != nil || again != vkey {
		return nil, errors.New("verifier key is not in its canonical form")
	}
	return v, nil
}

// MarshalDeskKey returns the base64 form in which desk keys stand in rosters
// and cards.
func MarshalDeskKey(k ed25519.PublicKey) string { return base64.StdEncoding.EncodeToString(k) }

// ParseDeskKey reads what MarshalDeskKey wrote, and only that.
func ParseDeskKey(s string) (ed25519.PublicKey, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	// The decoder passes over line ends; writing it again doesn't.
	if err != nil || len(b) != ed25519.PublicKeySize || MarshalDeskKey(b) != s {
		return nil, fmt.Errorf("%w: not an Ed25519 public key in base64", ErrMalformed)
	}
	return b, nil
}

// MarshalPrivateDeskKey returns the private key as PKCS #8 in PEM (RFC 5958,
// RFC 7468), which openssl reads.
func MarshalPrivateDeskKey(k ed25519.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, fmt.Errorf("encoding the desk key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// ParsePrivateDeskKey reads what MarshalPrivateDeskKey wrote, and only that:
// no text around the block, no headers in it, nothing after the key.
func ParsePrivateDeskKey(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("desk key: %w: not a PEM block of type PRIVATE KEY", ErrMalformed)
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("desk key: %w: %v", ErrMalformed, err)
	}
	ed, ok := k.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("desk key: %w: not an Ed25519 key", ErrMalformed)
	}
	again, err := MarshalPrivateDeskKey(ed)
	if err != nil {
		return nil, err
	}
	defer clear(again)
	if !bytes.Equal(again, text) {
		return nil, fmt.Errorf("desk key: %w: not in canonical form", ErrMalformed)
	}
	return ed, nil
}
