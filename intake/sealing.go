package intake

import (
	"crypto/sha256"
	"fmt"
	"sync/atomic"

	"filippo.io/age"

	"tocsin/ledger"
	"tocsin/seal"
	"tocsin/seal/padme"
	"tocsin/seal/roster"
	"tocsin/vault"
)

// sealedAtMost bounds the ciphertext of a message whose body and files, at most
// so many, have plain bytes together: what has to be reserved on disk. Around
// the contents stand at most a tar header and its filling (1 KiB) for each part of
// 1 MiB, 3 KiB a file for its header and its place in the manifest, and 64 KiB
// for the rest; then come padding and what age adds.
func sealedAtMost(plain int64, files int) int64 {
	const perFile = 3 << 10
	tar := plain + (plain>>20+1)<<10 + int64(files)*perFile + 64<<10
	padded := padme.Size(tar)
	chunks := padded>>16 + 1
	return padded + chunks*16 + 16<<10
}

// reportContext is where a report belongs. The digest of the record binds it
// to the keys that replies will be sealed to: the record lies in the clear, and
// who takes this machine over later could put another witness's key into it.
func reportContext(i roster.Instance, record *vault.Case) seal.Context {
	return seal.Context{
		Instance: i.String(), Case: record.ID.String(), Kind: seal.KindReport,
		Record: ledger.Digest(sha256.Sum256(record.Marshal())).String(),
	}
}

// sealedTo are the case workers' recipients of one roster, ready to seal to.
type sealedTo struct {
	roster     uint64
	digest     [32]byte
	recipients []*age.HybridRecipient
}

// recipientCache holds those of the roster in force: reading them costs more
// than sealing to them.
type recipientCache struct{ last atomic.Pointer[sealedTo] }

// workers returns the recipients that an envelope is sealed to now.
func (s *Server) workers() (*sealedTo, error) {
	signed := s.vault.Roster()
	if c := s.recipients.last.Load(); c != nil && c.digest == signed.Digest {
		return c, nil
	}
	recipients, err := seal.ParseRecipients(signed.Recipients())
	if err != nil {
		return nil, fmt.Errorf("reading the recipients of roster %d: %w", signed.Number, err)
	}
	to := &sealedTo{signed.Number, signed.Digest, recipients}
	s.recipients.last.Store(to)
	return to, nil
}
