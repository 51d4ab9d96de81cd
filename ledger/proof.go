package ledger

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	proofHeader = "c2sp.org/tlog-proof@v1"
	maxProof    = maxCheckpoint + 8<<10 // bytes: a leaf and a path in base64, and a checkpoint
	maxPath     = 63                    // hashes: the height of the largest tree
)

// A Proof says that a leaf is in the ledger: a C2SP tlog-proof
// (https://c2sp.org/tlog-proof) with the leaf itself in the line "extra", so
// that the file needs nothing beside it but the ledger's verifier key. What
// any reader of that format holds against the tree is tlog.RecordHash(Leaf).
type Proof struct {
	Index      int64
	Leaf       []byte           // as it stands in the ledger
	Path       tlog.RecordProof // from the leaf's sibling up to the root's child
	Checkpoint []byte           // signed, cosignatures included
}

// FormatProof returns the text of a proof.
func FormatProof(p *Proof) []byte {
	b := fmt.Appendf(nil, "%s\nextra %s\nindex %d\n", proofHeader, base64.StdEncoding.EncodeToString(p.Leaf), p.Index)
	for _, h := range p.Path {
		b = fmt.Appendf(b, "%s\n", h)
	}
	return append(append(b, '\n'), p.Checkpoint...)
}

// ParseProof reads what FormatProof wrote and believes none of it: see
// [Proof.Verify]. It returns ErrVersion for a proof of another version, and
// ErrMalformed for one in another form or without a leaf.
func ParseProof(b []byte) (*Proof, error) {
	bad := func(format string, args ...any) (*Proof, error) {
		return nil, fmt.Errorf("proof: %w: "+format, append([]any{ErrMalformed}, args...)...)
	}
	if len(b) > maxProof {
		return bad("larger than %d bytes", maxProof)
	}
	head, checkpoint, ok := strings.Cut(string(b), "\n\n")
	lines := strings.Split(head, "\n")
	if lines[0] != proofHeader {
		if strings.HasPrefix(lines[0], "c2sp.org/tlog-proof@v") {
			return nil, fmt.Errorf("proof %.64q: %w", lines[0], ErrVersion)
		}
		return bad("it does not begin with %q", proofHeader)
	}
	if !ok || len(lines) < 3 || len(lines) > 3+maxPath {
		return bad("not the leaf, its index, at most %d hashes and a checkpoint", maxPath)
	}
	p := &Proof{Checkpoint: []byte(checkpoint)}
	extra, ok := strings.CutPrefix(lines[1], "extra ")
	leaf, err := base64.StdEncoding.DecodeString(extra)
	if !ok || err != nil || len(leaf) > MaxLeaf {
		return bad("no leaf in its second line")
	}
	p.Leaf = leaf
	index, ok := strings.CutPrefix(lines[2], "index ")
	p.Index, err = strconv.ParseInt(index, 10, 63)
	if !ok || err != nil || p.Index < 0 {
		return bad("no index in its third line")
	}
	for _, line := range lines[3:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return bad("%.64q is not a hash", line)
		}
		p.Path = append(p.Path, h)
	}
	// One proof has one form; the decoder, for one, passes over line ends.
	if string(FormatProof(p)) != string(b) {
		return bad("not in canonical form")
	}
	return p, nil
}

// Verify returns the leaf and the checkpoint if the ledger's key signed the
// checkpoint and the leaf is at its index in that tree; otherwise ErrProof,
// or the errors of [OpenCheckpoint] and [ParseLeaf].
func (p *Proof) Verify(vkey string) (*Leaf, *Checkpoint, error) {
	c, err := OpenCheckpoint(p.Checkpoint, vkey)
	if err != nil {
		return nil, nil, err
	}
	if err := tlog.CheckRecord(p.Path, c.Size, c.Root, p.Index, tlog.RecordHash(p.Leaf)); err != nil {
		return nil, nil, fmt.Errorf("leaf %d of %d: %w", p.Index, c.Size, ErrProof)
	}
	l, err := ParseLeaf(p.Leaf)
	if err != nil {
		return nil, nil, err
	}
	return l, c, nil
}
