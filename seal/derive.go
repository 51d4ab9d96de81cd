package seal

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"

	"filippo.io/age"
	"golang.org/x/crypto/argon2"
	"tocsin/seal/roster"
)

// CodenameVersion is the version of the derivation that Derive does. It is
// kept with every case, so that a later one can be told from it.
const CodenameVersion = 1

// Version 1 of the derivation, frozen: a change to anything here locks every
// witness out.
//
// Argon2id (RFC 9106), then HKDF-SHA256 (RFC 5869). What protects a codename
// is its 103 bits: at a million million guesses a second and with no stretching
// at all, trying half of them takes longer than the universe is old. Argon2id
// is there for the day when those bits turn out to be fewer, through a flaw in
// the drawing or words that somebody saw part of. It is paid by a server for
// every anonymous visitor who sends eight words, so it has to be cheap enough
// not to be a way to stop that server: one pass over 8 MiB. RFC 9106's own
// recommendations start at 64 MiB, for passwords that people choose.
const (
	argonTime    = 1
	argonMemory  = 8 << 10 // KiB
	argonLanes   = 1
	argonSalt    = "tocsin.codename.v1 salt\n"
	argonKeySize = 32
	tagInfo      = "tocsin.codename.v1 tag"
	identityInfo = "tocsin.codename.v1 identity"

	withdrawalInfo = "tocsin.codename.v1 withdrawal"
)

// Credential is what a codename gives at one instance. Tag finds the case and
// tells nothing about the codename; Identity opens the replies; Withdrawal is
// the secret that withdraws the report, of which the store keeps the SHA-256.
type Credential struct {
	Version    int
	Tag        [32]byte
	Identity   *age.HybridIdentity
	Withdrawal [32]byte
}

// String and LogValue keep the identity, which prints itself, out of messages
// and logs.
func (c *Credential) String() string       { return "credential withheld" }
func (c *Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Derive computes the credential of a codename at an instance. The same words
// at another instance give an unrelated one. It costs 8 MiB and some 10 ms of
// one core, so callers bound how many run at once.
func (c Codename) Derive(i roster.Instance) (*Credential, error) {
	password := c.canonical()
	defer clear(password)
	if len(password) == 0 {
		return nil, fmt.Errorf("deriving from a codename: %w: it is empty", ErrCodename)
	}
	salt := sha256.Sum256(append([]byte(argonSalt), i[:]...))
	root := argon2.IDKey(password, salt[:16], argonTime, argonMemory, argonLanes, argonKeySize)
	defer clear(root)
	tag, err := hkdf.Key(sha256.New, root, i[:], tagInfo, 32)
	if err != nil {
		return nil, fmt.Errorf("deriving the tag: %w", err)
	}
	withdrawal, err := hkdf.Key(sha256.New, root, i[:], withdrawalInfo, 32)
	if err != nil {
		return nil, fmt.Errorf("deriving the withdrawal: %w", err)
	}
	seed, err := hkdf.Key(sha256.New, root, i[:], identityInfo, 32)
	if err != nil {
		return nil, fmt.Errorf("deriving the identity: %w", err)
	}
	defer clear(seed)
	// age makes identities from seeds only through their text.
	identity, err := age.ParseHybridIdentity(secretKeyText(seed))
	if err != nil {
		// The parser's error may quote the key.
		return nil, errors.New("deriving the identity: age does not take the key")
	}
	return &Credential{CodenameVersion, [32]byte(tag), identity, [32]byte(withdrawal)}, nil
}
