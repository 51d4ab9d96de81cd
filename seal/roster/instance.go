package roster

import (
	"crypto/sha256"
	"encoding/hex"
)

// Instance names one intake of one organisation. It is bound into every key
// derivation, every sealed message and every case worker's signature, so that
// nothing made for one instance is taken for another's.
type Instance [sha256.Size]byte

// NewInstance derives the instance from the organisation's verifier key and
// the origin of its ledger, the two things that no later roster may change.
func NewInstance(orgKey, origin string) Instance {
	return sha256.Sum256([]byte("tocsin.instance.v1\n" + orgKey + "\n" + origin + "\n"))
}

// String returns the instance in lower-case hexadecimal.
func (i Instance) String() string { return hex.EncodeToString(i[:]) }
