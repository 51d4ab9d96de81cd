package ledger

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"time"
)

// Digest is a SHA-256 digest.
type Digest [32]byte

// String returns the digest in lower-case hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// ParseDigest reads what String wrote, and only that.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(d) || hex.EncodeToString(b) != s {
		return d, fmt.Errorf("%w: %q is not a SHA-256 digest in lower-case hexadecimal", ErrMalformed, s)
	}
	copy(d[:], b)
	return d, nil
}

// Day is a calendar day in UTC, 2006-01-02: the only time that is kept in
// the clear. Days sort as strings do.
type Day string

// DayOf returns the day of t in UTC.
func DayOf(t time.Time) Day { return Day(t.UTC().Format(time.DateOnly)) }

// ParseDay reads a day and refuses any other way of writing it.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Format(time.DateOnly) != s {
		return "", fmt.Errorf("%w: %q is not a day in the form 2006-01-02", ErrMalformed, s)
	}
	return Day(s), nil
}

// Time returns the beginning of the day in UTC.
func (d Day) Time() time.Time {
	t, _ := time.Parse(time.DateOnly, string(d))
	return t
}

// CaseID names a case: 128 random bits, so that it says nothing of when or
// in what order cases came.
type CaseID [16]byte

// NewCaseID returns a fresh random case ID.
func NewCaseID() CaseID {
	var id CaseID
	rand.Read(id[:]) // never fails, see crypto/rand
	return id
}

// caseEncoding is RFC 4648 base32 in lower case without padding: safe in file
// names and easy to read out over a telephone.
var caseEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// String returns the ID as 26 characters of base32.
func (id CaseID) String() string { return caseEncoding.EncodeToString(id[:]) }

// ParseCaseID reads what String wrote, and only that.
func ParseCaseID(s string) (CaseID, error) {
	var id CaseID
	b, err := caseEncoding.DecodeString(s)
	if err != nil || len(b) != len(id) || caseEncoding.EncodeToString(b) != s {
		return id, fmt.Errorf("%w: %q is not a case", ErrMalformed, s)
	}
	copy(id[:], b)
	return id, nil
}
