package roster

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
)

const auditorHeader = "tocsin.auditor.v1"

// An Auditor checks the store over the desk. An auditor has no age recipient:
// nothing is sealed to one.
type Auditor struct {
	Name  string            // short name: lower-case letters, digits, hyphens
	Desk  ed25519.PublicKey // authenticates to the desk
	Onion string            // finds the desk's onion service, as Worker's does; "" if there is none
}

// MarshalCard returns the auditor's public card, which the organisation gets
// over a channel where it can't be swapped.
func (a *Auditor) MarshalCard() []byte { return append([]byte(auditorHeader+"\n"), a.lines()...) }

// lines are how an auditor stands in a card and in a roster alike.
func (a *Auditor) lines() []byte {
	b := fmt.Appendf(nil, "auditor %s\ndesk %s\n", a.Name, MarshalDeskKey(a.Desk))
	if a.Onion != "" {
		b = fmt.Appendf(b, "onion %s\n", a.Onion)
	}
	return b
}

// auditor reads what lines wrote.
func (s *lines) auditor() Auditor {
	a := Auditor{Name: s.value("auditor"), Desk: s.desk("desk")}
	if s.peek("onion ") {
		a.Onion = s.value("onion")
	}
	return a
}

// ParseAuditorCard reads an auditor's public card.
func ParseAuditorCard(text []byte) (*Auditor, error) {
	s, err := openCard(text, auditorHeader)
	if err != nil {
		return nil, fmt.Errorf("auditor's card: %w", err)
	}
	a := s.auditor()
	if err := s.end(); err != nil {
		return nil, fmt.Errorf("auditor's card: %w", err)
	}
	if err := a.Validate(); err != nil {
		return nil, err
	}
	if !bytes.Equal(a.MarshalCard(), text) {
		return nil, fmt.Errorf("auditor's card: %w: not in canonical form", ErrMalformed)
	}
	return &a, nil
}

// Validate returns an ErrMalformed that says what is wrong with the auditor.
func (a *Auditor) Validate() error {
	switch {
	case !ValidName(a.Name):
		return fmt.Errorf("roster: %w: auditor %q: a name is 1 to 32 lower-case letters, digits and hyphens", ErrMalformed, a.Name)
	case len(a.Desk) != ed25519.PublicKeySize:
		return fmt.Errorf("roster: %w: auditor %s: the desk key is not an Ed25519 public key", ErrMalformed, a.Name)
	case a.Onion != "" && !validOnion(a.Onion):
		return fmt.Errorf("roster: %w: auditor %s: the onion key is not an x25519 public key in base32", ErrMalformed, a.Name)
	}
	return nil
}

// AuditorByDesk returns the auditor whose desk key it is, or nil.
func (r *Roster) AuditorByDesk(key ed25519.PublicKey) *Auditor {
	for i := range r.Auditors {
		if r.Auditors[i].Desk.Equal(key) {
			return &r.Auditors[i]
		}
	}
	return nil
}
