// Package minisign checks signatures that minisign and signify-compatible
// programs made (https://jedisct1.github.io/minisign/#signature-format). It
// makes none.
//
// Both algorithms are known: "ED", over the message's BLAKE2b-512 digest, which
// minisign has written since 0.10 unless told otherwise, and the legacy "Ed"
// over the message itself. A signature counts only if the one over its trusted
// comment does too.
package minisign

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/blake2b"
)

var (
	// ErrMalformed is returned for what is not in minisign's form.
	ErrMalformed = errors.New("not a minisign signature or key")
	// ErrSignature is returned for a signature that does not verify.
	ErrSignature = errors.New("the signature does not verify")
)

// MaxSize bounds a signature's file, in bytes. minisign's comments have at
// most 1,024 and 8,192.
const MaxSize = 10 << 10

const (
	untrusted = "untrusted comment: "
	trusted   = "trusted comment: "
)

// A PublicKey is minisign's: a key and the random number it is known by.
type PublicKey struct {
	id  [8]byte
	key ed25519.PublicKey
}

// ParsePublicKey reads the base64 line of a public key, RW….
func ParsePublicKey(s string) (*PublicKey, error) {
	b, err := decode(s, 2+8+ed25519.PublicKeySize)
	if err != nil || string(b[:2]) != "Ed" {
		return nil, fmt.Errorf("public key: %w", ErrMalformed)
	}
	return &PublicKey{id: [8]byte(b[2:10]), key: b[10:]}, nil
}

// A Signature is one that was read and not verified.
type Signature struct {
	Comment string // the trusted one, which is signed too

	id        [8]byte
	prehashed bool
	signature []byte
	global    []byte // over signature and comment
}

// Parse reads a signature's file and believes none of it: see Verify.
func Parse(text []byte) (*Signature, error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("%w: larger than any", ErrMalformed)
	}
	lines := strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], untrusted) || !strings.HasPrefix(lines[2], trusted) {
		return nil, fmt.Errorf("%w: not two comments and two lines of base64", ErrMalformed)
	}
	b, err := decode(lines[1], 2+8+ed25519.SignatureSize)
	if err != nil {
		return nil, err
	}
	s := &Signature{Comment: strings.TrimPrefix(lines[2], trusted), id: [8]byte(b[2:10]), signature: b[10:]}
	switch string(b[:2]) {
	case "ED":
		s.prehashed = true
	case "Ed":
	default:
		return nil, fmt.Errorf("%w: unknown algorithm %q", ErrMalformed, b[:2])
	}
	s.global, err = decode(lines[3], ed25519.SignatureSize)
	return s, err
}

// Verify returns nil if key signed the message and the trusted comment beside
// it, and ErrSignature otherwise.
func (s *Signature) Verify(key *PublicKey, message []byte) error {
	if s.prehashed {
		sum := blake2b.Sum512(message)
		message = sum[:]
	}
	if s.id != key.id || !ed25519.Verify(key.key, message, s.signature) {
		return ErrSignature
	}
	if !ed25519.Verify(key.key, append(s.signature[:len(s.signature):len(s.signature)], s.Comment...), s.global) {
		return fmt.Errorf("%w: its trusted comment is not the one that was signed", ErrSignature)
	}
	return nil
}

func decode(s string, size int) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != size || base64.StdEncoding.EncodeToString(b) != s {
		return nil, fmt.Errorf("%w: not %d bytes in base64", ErrMalformed, size)
	}
	return b, nil
}
