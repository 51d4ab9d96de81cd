package roster

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
)

// MarshalDeskKey returns the base64 form in which desk keys stand in rosters
// and cards.
func MarshalDeskKey(k ed25519.PublicKey) string { return base64.StdEncoding.EncodeToString(k) }

// ParseDeskKey reads what MarshalDeskKey wrote, and only that.
func ParseDeskKey(s string) (ed25519.PublicKey, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != ed25519.PublicKeySize {
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

// ParsePrivateDeskKey reads what MarshalPrivateDeskKey wrote.
func ParsePrivateDeskKey(text []byte) (ed25519.PrivateKey, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("desk key: %w: not one PEM block of type PRIVATE KEY", ErrMalformed)
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("desk key: %w: %v", ErrMalformed, err)
	}
	ed, ok := k.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("desk key: %w: not an Ed25519 key", ErrMalformed)
	}
	return ed, nil
}
