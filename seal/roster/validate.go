package roster

import (
	"cmp"
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/base32"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// ValidName reports whether s can name a case worker or a destination:
// 1 to 32 lower-case letters, digits and hyphens, beginning with a letter or
// digit. Such a name is safe as a file name and on a command line.
func ValidName(s string) bool { return nameForm.MatchString(s) }

// ValidRecipient checks the outward form of an age hybrid recipient: the
// prefix and 1,952 bech32 characters, 1,216 bytes of key and a checksum, which is
// not checked.
func ValidRecipient(s string) bool {
	key, ok := strings.CutPrefix(s, "age1pq1")
	return ok && len(key) == 1952 && strings.Trim(key, "qpzry9x8gf2tvdw0s3jn54khce6mua7l") == ""
}

// validOnion reads the one way in which tor writes a client's public key
// (rend-spec-v3, client authorization): 32 bytes in base32 without padding.
func validOnion(s string) bool {
	base32 := base32.StdEncoding.WithPadding(base32.NoPadding)
	b, err := base32.DecodeString(s)
	if err != nil || len(b) != 32 || base32.EncodeToString(b) != s {
		return false
	}
	// A point of low order is nobody's key: with every one of them a shared
	// secret comes out as zero, which ECDH refuses. tor aborts on a key of
	// zeros.
	public, err := ecdh.X25519().NewPublicKey(b)
	if err != nil {
		return false
	}
	any, err := ecdh.X25519().NewPrivateKey(make([]byte, 32))
	if err != nil {
		return false
	}
	_, err = any.ECDH(public)
	return err == nil
}

// Validate returns an ErrMalformed that names the first field at fault.
func (r *Roster) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("roster: %w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
	if r.Number < 1 || r.Number > maxNumber {
		return bad("number: must be 1 to %d", uint64(maxNumber))
	}
	if d, err := time.Parse(time.DateOnly, r.Day); err != nil || d.Format(time.DateOnly) != r.Day {
		return bad("day: %q is not a day in the form 2006-01-02", r.Day)
	}
	if !validTitle(r.Organisation) {
		return bad("organisation: must be one line of at most %d bytes", maxTitle)
	}
	if err := validOrigin(r.Origin); err != nil {
		return bad("origin: %v", err)
	}
	if err := r.Intake.validate(r.Origin); err != nil {
		return err
	}
	if len(r.Workers) < 1 || len(r.Workers) > MaxWorkers {
		return bad("workers: there must be 1 to %d", MaxWorkers)
	}
	if len(r.Destinations) > MaxDestinations {
		return bad("destinations: there may be at most %d", MaxDestinations)
	}
	if len(r.Auditors) > MaxAuditors {
		return bad("auditors: there may be at most %d", MaxAuditors)
	}
	if len(r.Cosigners) > MaxCosigners {
		return bad("cosigners: there may be at most %d", MaxCosigners)
	}
	if r.Policy.Quorum < 0 || r.Policy.Quorum > len(r.Cosigners) {
		return bad("policy: quorum must be at most the number of cosigners, %d", len(r.Cosigners))
	}
	// A key that stands twice would make two people one: the second stanza
	// protects nobody and a signature would not say who signed.
	seen := map[string]string{"desk key " + MarshalDeskKey(r.Intake.Desk): "the intake"}
	unique := func(kind, value, owner string) error {
		if other, ok := seen[kind+" "+value]; ok {
			return bad("%s: the same %s as %s", owner, kind, other)
		}
		seen[kind+" "+value] = owner
		return nil
	}
	for _, w := range r.Workers {
		if err := w.Validate(); err != nil {
			return err
		}
		for _, err := range []error{
			unique("worker name", w.Name, "worker "+w.Name),
			unique("recipient", w.Recipient, "worker "+w.Name),
			unique("desk key", MarshalDeskKey(w.Desk), "worker "+w.Name),
			unique("onion key", cmp.Or(w.Onion, "none of "+w.Name), "worker "+w.Name),
		} {
			if err != nil {
				return err
			}
		}
	}
	for _, d := range r.Destinations {
		if err := d.Validate(); err != nil {
			return err
		}
		for _, err := range []error{
			unique("destination name", d.Name, "destination "+d.Name),
			unique("recipient", d.Recipient, "destination "+d.Name),
		} {
			if err != nil {
				return err
			}
		}
	}
	for _, a := range r.Auditors {
		if err := a.Validate(); err != nil {
			return err
		}
		// An auditor is no case worker: what one key may see, the other may not.
		for _, err := range []error{
			unique("auditor name", a.Name, "auditor "+a.Name),
			unique("desk key", MarshalDeskKey(a.Desk), "auditor "+a.Name),
			unique("onion key", cmp.Or(a.Onion, "none of auditor "+a.Name), "auditor "+a.Name),
		} {
			if err != nil {
				return err
			}
		}
	}
	// A cosigner that stands twice would make a quorum of one.
	for _, c := range r.Cosigners {
		if err := c.Validate(); err != nil {
			return err
		}
		name, key, err := ParseCosignerKey(c.Key)
		if err != nil {
			return err
		}
		for _, err := range []error{
			unique("cosigner name", c.Name, "cosigner "+c.Name),
			unique("key name", name, "cosigner "+c.Name),
			unique("key", string(key), "cosigner "+c.Name),
		} {
			if err != nil {
				return err
			}
		}
	}
	return r.Policy.Validate()
}

func (i *Intake) validate(origin string) error {
	v, err := verifier(i.Ledger)
	if err != nil {
		return fmt.Errorf("roster: %w: ledger key: %v", ErrMalformed, err)
	}
	if v.Name() != origin {
		return fmt.Errorf("roster: %w: the ledger key is named %q, the origin is %q", ErrMalformed, v.Name(), origin)
	}
	if len(i.Desk) != ed25519.PublicKeySize {
		return fmt.Errorf("roster: %w: the intake's desk key is not an Ed25519 public key", ErrMalformed)
	}
	return nil
}

// Validate returns an ErrMalformed that says what is wrong with the worker.
func (w *Worker) Validate() error {
	if !ValidName(w.Name) {
		return fmt.Errorf("roster: %w: worker %q: a name is 1 to 32 lower-case letters, digits and hyphens", ErrMalformed, w.Name)
	}
	if !ValidRecipient(w.Recipient) {
		return fmt.Errorf("roster: %w: worker %s: not an age hybrid recipient (age1pq1…)", ErrMalformed, w.Name)
	}
	if len(w.Desk) != ed25519.PublicKeySize {
		return fmt.Errorf("roster: %w: worker %s: the desk key is not an Ed25519 public key", ErrMalformed, w.Name)
	}
	if w.Onion != "" && !validOnion(w.Onion) {
		return fmt.Errorf("roster: %w: worker %s: the onion key is not an x25519 public key in base32", ErrMalformed, w.Name)
	}
	return nil
}

// Validate returns an ErrMalformed that says what is wrong with the policy.
// The upper bounds are far above any sensible choice; those on files are what
// a sealed message can hold (see seal.MaxFiles, seal.MaxFileSize), the others
// keep arithmetic on a policy from overflowing.
func (p *Policy) Validate() error {
	for _, c := range []struct {
		name    string
		v       int64
		min, to int64
	}{
		{"deadline-hours", int64(p.DeadlineHours), 1, 24 * 365},
		{"retention-days", int64(p.RetentionDays), 1, 365 * 100},
		{"max-report", p.MaxReport, 64 << 10, 1 << 40},
		{"max-file", p.MaxFile, 1, 9999 << 20},
		{"max-files", int64(p.MaxFiles), 1, 999},
		{"purge-signers", int64(p.Signers()), 1, MaxPurgeSigners},
	} {
		if c.v < c.min || c.v > c.to {
			return fmt.Errorf("roster: %w: policy: %s must be %d to %d", ErrMalformed, c.name, c.min, c.to)
		}
	}
	return nil
}

func validTitle(s string) bool {
	if s == "" || len(s) > maxTitle || !utf8.ValidString(s) || strings.TrimSpace(s) != s {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// validOrigin follows the C2SP tlog-checkpoint advice (a schema-less URL) as
// far as a note's key name allows: no space, no plus.
func validOrigin(s string) error {
	if s == "" || len(s) > maxTitle {
		return fmt.Errorf("must be 1 to %d bytes", maxTitle)
	}
	for _, c := range s {
		if c <= ' ' || c > '~' || c == '+' {
			return fmt.Errorf("must be plain ASCII without spaces or plus signs, such as example.org/tocsin")
		}
	}
	return nil
}
