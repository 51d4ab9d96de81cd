package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxCheckpoint bounds a signed checkpoint, cosignatures included.
const maxCheckpoint = 64 << 10

// A Checkpoint is a tree head: the text of a C2SP tlog-checkpoint
// (https://c2sp.org/tlog-checkpoint) without extension lines.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

// Marshal returns the checkpoint's text: origin, size and root, a line each.
func (c *Checkpoint) Marshal() []byte {
	return fmt.Appendf(nil, "%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
}

// ParseCheckpoint reads a checkpoint's text. Extension lines are refused:
// none are known to this version.
func ParseCheckpoint(text []byte) (*Checkpoint, error) {
	lines := strings.Split(string(text), "\n")
	if len(text) > maxCheckpoint || len(lines) != 4 || lines[0] == "" || lines[3] != "" {
		return nil, fmt.Errorf("checkpoint: %w: not origin, size and root, a line each", ErrMalformed)
	}
	size, err := strconv.ParseInt(lines[1], 10, 63)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return nil, fmt.Errorf("checkpoint: %w: size %q", ErrMalformed, lines[1])
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	// The decoder passes over a carriage return; writing it again doesn't.
	if err != nil || len(root) != tlog.HashSize || base64.StdEncoding.EncodeToString(root) != lines[2] {
		return nil, fmt.Errorf("checkpoint: %w: root %q", ErrMalformed, lines[2])
	}
	c := &Checkpoint{Origin: lines[0], Size: size}
	copy(c.Root[:], root)
	return c, nil
}

// Sign returns the checkpoint as a signed note.
func (c *Checkpoint) Sign(s note.Signer) ([]byte, error) {
	b, err := note.Sign(&note.Note{Text: string(c.Marshal())}, s)
	if err != nil {
		return nil, fmt.Errorf("signing the checkpoint: %w", err)
	}
	return b, nil
}

// OpenCheckpoint verifies a signed checkpoint against the ledger's verifier
// key, whose name must be the checkpoint's origin. Further signatures, such as
// cosignatures of witnesses, are let stand. It returns ErrSignature or
// ErrMalformed.
func OpenCheckpoint(signed []byte, vkey string) (*Checkpoint, error) {
	if len(signed) > maxCheckpoint {
		return nil, fmt.Errorf("checkpoint: %w: larger than %d bytes", ErrMalformed, maxCheckpoint)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("ledger key: %w: %v", ErrMalformed, err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	unverified, invalid := (*note.UnverifiedNoteError)(nil), (*note.InvalidSignatureError)(nil)
	if errors.As(err, &unverified) || errors.As(err, &invalid) {
		return nil, fmt.Errorf("checkpoint of %s: %w", v.Name(), ErrSignature)
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w: %v", ErrMalformed, err)
	}
	c, err := ParseCheckpoint([]byte(n.Text))
	if err != nil {
		return nil, err
	}
	if c.Origin != v.Name() {
		return nil, fmt.Errorf("checkpoint: %w: its origin %q is not the ledger's, %q", ErrSignature, c.Origin, v.Name())
	}
	return c, nil
}
