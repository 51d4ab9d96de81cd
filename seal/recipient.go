package seal

import (
	"fmt"
	"io"
	"slices"

	"filippo.io/age"
)

// ParseRecipient reads an age1pq1… recipient, the only kind that anything is
// sealed to. The error does not repeat s: who confuses the halves of a key
// pair must not find the secret one in a log.
func ParseRecipient(s string) (*age.HybridRecipient, error) {
	r, err := age.ParseHybridRecipient(s)
	if err != nil {
		return nil, fmt.Errorf("%w: malformed or of another kind", ErrRecipient)
	}
	return r, nil
}

// ParseRecipients reads a list of at least one recipient and refuses one that
// stands twice, which age would accept: the number of stanzas says to an
// auditor how many people can open a file. It seals nothing to all of them
// once, so that a key that cannot be sealed to is found when a program starts
// and not when a report comes in.
func ParseRecipients(list []string) ([]*age.HybridRecipient, error) {
	parsed := make([]*age.HybridRecipient, 0, len(list))
	seen := make(map[string]bool, len(list))
	for i, s := range list {
		r, err := ParseRecipient(s)
		if err != nil {
			return nil, fmt.Errorf("recipient %d: %w", i+1, err)
		}
		// A recipient has one text: age refuses upper case and loose bits.
		if seen[s] {
			return nil, fmt.Errorf("recipient %d: %w: it stands there twice", i+1, ErrRecipient)
		}
		seen[s] = true
		parsed = append(parsed, r)
	}
	to, err := recipients(parsed)
	if err != nil {
		return nil, err
	}
	w, err := age.Encrypt(io.Discard, to...)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: trying them: %w", ErrRecipient, err)
	}
	return parsed, nil
}

// recipients turns a list into what age takes. The same value twice is a
// caller's mistake and refused; the same key in two values is not looked for,
// since writing a key out costs half as much as sealing to it.
func recipients(list []*age.HybridRecipient) ([]age.Recipient, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: there is none", ErrRecipient)
	}
	to := make([]age.Recipient, 0, len(list))
	for i, r := range list {
		if r == nil || slices.Contains(list[:i], r) {
			return nil, fmt.Errorf("%w: recipient %d is missing or stands there twice", ErrRecipient, i+1)
		}
		to = append(to, r)
	}
	return to, nil
}
