package roster

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A Cosigner vouches that the ledger only grew: what C2SP tlog-witness calls a
// witness. In Tocsin a witness is somebody who saw something, so that it goes
// by the name of what it does.
type Cosigner struct {
	Name string // short name: lower-case letters, digits, hyphens
	Key  string // verifier key of C2SP tlog-cosignature, see CosignerKey
	URL  string // submission prefix of C2SP tlog-witness: https, or http to an onion service or to 127.0.0.1
}

// MaxCosigners is how many cosigners a roster may name. Each puts a line of
// some hundred bytes below every checkpoint.
const MaxCosigners = 10

// algCosignature is the signature type of cosignature/v1 (C2SP
// tlog-cosignature, and the registry in C2SP signed-note).
const algCosignature = 4

// CosignerKey returns the verifier key of a cosigner with that key name and
// that Ed25519 key, in the form of C2SP signed-note: the name, the key's
// number, and the type of signature with the key.
func CosignerKey(name string, key ed25519.PublicKey) string {
	typed := append([]byte{algCosignature}, key...)
	return fmt.Sprintf("%s+%08x+%s", name, CosignerKeyNumber(name, key), base64.StdEncoding.EncodeToString(typed))
}

// CosignerKeyNumber returns the key ID of C2SP signed-note that stands in front
// of each of the cosigner's signatures.
func CosignerKeyNumber(name string, key ed25519.PublicKey) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n\x04"), key...))
	return binary.BigEndian.Uint32(sum[:])
}

// ParseCosignerKey reads what CosignerKey wrote, and only that.
func ParseCosignerKey(vkey string) (name string, key ed25519.PublicKey, err error) {
	name, rest, _ := strings.Cut(vkey, "+")
	_, encoded, _ := strings.Cut(rest, "+")
	typed, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(typed) != 1+ed25519.PublicKeySize || typed[0] != algCosignature {
		return "", nil, fmt.Errorf("%w: not the verifier key of a cosigner (type 4, Ed25519)", ErrMalformed)
	}
	if err := validOrigin(name); err != nil {
		return "", nil, fmt.Errorf("%w: the cosigner's key name %v", ErrMalformed, err)
	}
	key = typed[1:]
	if CosignerKey(name, key) != vkey {
		return "", nil, fmt.Errorf("%w: the verifier key of a cosigner is not in its canonical form", ErrMalformed)
	}
	return name, key, nil
}

// lines are how a cosigner stands in a roster.
func (c *Cosigner) lines() []byte {
	return fmt.Appendf(nil, "cosigner %s\nkey %s\nurl %s\n", c.Name, c.Key, c.URL)
}

// cosigner reads what lines wrote.
func (s *lines) cosigner() Cosigner {
	return Cosigner{Name: s.value("cosigner"), Key: s.value("key"), URL: s.value("url")}
}

// Validate returns an ErrMalformed that says what is wrong with the cosigner.
func (c *Cosigner) Validate() error {
	if !ValidName(c.Name) {
		return fmt.Errorf("roster: %w: cosigner %q: a name is 1 to 32 lower-case letters, digits and hyphens", ErrMalformed, c.Name)
	}
	if _, _, err := ParseCosignerKey(c.Key); err != nil {
		return fmt.Errorf("roster: cosigner %s: %w", c.Name, err)
	}
	if err := validSubmission(c.URL); err != nil {
		return fmt.Errorf("roster: %w: cosigner %s: url: %v", ErrMalformed, c.Name, err)
	}
	return nil
}

// submissionForm is the one way to write a submission prefix: a scheme, a host of
// names or an IPv4 address, a port without leading zeros, and a plain path.
var submissionForm = regexp.MustCompile(`^(https?)://([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::[1-9][0-9]{0,4})?(?:/[A-Za-z0-9._~-]+)*$`)

// validSubmission checks a submission prefix. What goes there is signed and so
// is what comes back; encryption hides from the network that it goes.
func validSubmission(s string) error {
	m := submissionForm.FindStringSubmatch(s)
	if m == nil || len(s) > maxTitle {
		return fmt.Errorf("must be an address such as https://cosigner.example/tocsin, at most %d bytes, without a slash at its end", maxTitle)
	}
	if scheme, host := m[1], m[2]; scheme == "https" || host == "127.0.0.1" || strings.HasSuffix(host, ".onion") {
		return nil
	}
	return errors.New("must be https, or http to an onion service or to 127.0.0.1")
}
