package ledger

import (
	"crypto/ed25519"
	"fmt"

	"tocsin/seal/roster"
)

// Statement returns the bytes that a case worker signs: a line that keeps
// them from being mistaken for anything else signed with the same key, the
// instance, and the leaf without the day of entry (which the vault sets) and
// without the signature.
//
// The desk key also signs TLS 1.3 handshakes. Those begin with 64 spaces
// (RFC 8446, section 4.4.3), so that neither can stand in for the other.
func (l *Leaf) Statement(instance roster.Instance) []byte {
	b := fmt.Appendf(nil, "tocsin.event.v1 %s\ninstance %s\n", l.Event, instance)
	for _, f := range l.fields() {
		if f != "signature" {
			b = fmt.Appendf(b, "%s %s\n", f, l.get(f))
		}
	}
	return b
}

// Sign signs what a case worker of that name did on l.Done.
func (l *Leaf) Sign(instance roster.Instance, name string, key ed25519.PrivateKey) {
	l.By = name
	l.Signature = ed25519.Sign(key, l.Statement(instance))
}

// Verify returns nil if l bears a valid signature of that key for that
// instance, and ErrSignature otherwise.
func (l *Leaf) Verify(instance roster.Instance, key ed25519.PublicKey) error {
	if !l.IsSigned() || len(l.Signature) != ed25519.SignatureSize || len(key) != ed25519.PublicKeySize ||
		!ed25519.Verify(key, l.Statement(instance), l.Signature) {
		return fmt.Errorf("%s by %s: %w", l.Event, l.By, ErrSignature)
	}
	return nil
}
