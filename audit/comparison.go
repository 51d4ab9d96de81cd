package audit

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
)

const (
	forkHeader        = "tocsin.fork.v1"
	consistencyHeader = "tocsin.consistency.v1"

	maxComparison = 144 << 10 // bytes: two signed checkpoints of 64 KiB, and a path
	maxPath       = 126       // hashes: two for each level of the largest tree
)

// ErrUnproven is returned for a comparison that does not prove what it says.
var ErrUnproven = errors.New("it does not prove what it says")

// A Comparison is a proof about two signed checkpoints of one ledger, for
// anybody who has the ledger's verifier key: either that the larger contains
// the smaller, or that no history holds both, and the ledger's key signed two.
//
// Its file is text. The first line says which of the two it is; the next, in a
// fork of two sizes, is "root" and the root that the larger tree has at the
// size of the smaller; then come the hashes of the RFC 6962 consistency proof
// between these sizes, in base64, a line each. After a blank line follows the
// smaller signed checkpoint, and after another the larger. Of two that have the
// same size there are no hashes: their roots say all.
type Comparison struct {
	Fork            bool
	Root            tlog.Hash      // that of the larger tree at the smaller size; zero unless a fork of two sizes
	Path            tlog.TreeProof // from Root, or the smaller checkpoint's, to the larger's
	Smaller, Larger []byte         // signed, cosignatures included
}

// Marshal returns the text of a comparison.
func (c *Comparison) Marshal() []byte {
	var b strings.Builder
	if c.Fork {
		b.WriteString(forkHeader + "\n")
	} else {
		b.WriteString(consistencyHeader + "\n")
	}
	if c.Root != (tlog.Hash{}) {
		b.WriteString("root " + c.Root.String() + "\n")
	}
	for _, h := range c.Path {
		b.WriteString(h.String() + "\n")
	}
	b.WriteString("\n" + string(c.Smaller) + "\n" + string(c.Larger))
	return []byte(b.String())
}

// ParseComparison reads what Marshal wrote and believes none of it: see
// [Comparison.Verify]. It returns ledger.ErrVersion for one of another version,
// and ledger.ErrMalformed for one in another form.
func ParseComparison(b []byte) (*Comparison, error) {
	bad := func(format string, args ...any) (*Comparison, error) {
		return nil, fmt.Errorf("comparison: %w: "+format, append([]any{ledger.ErrMalformed}, args...)...)
	}
	if len(b) > maxComparison {
		return bad("larger than %d bytes", maxComparison)
	}
	// A signed checkpoint has one blank line, above its signatures.
	parts := strings.Split(string(b), "\n\n")
	lines := strings.Split(parts[0], "\n")
	c := &Comparison{Fork: lines[0] == forkHeader}
	if !c.Fork && lines[0] != consistencyHeader {
		if strings.HasPrefix(lines[0], "tocsin.fork.v") || strings.HasPrefix(lines[0], "tocsin.consistency.v") {
			return nil, fmt.Errorf("comparison %.64q: %w", lines[0], ledger.ErrVersion)
		}
		return bad("it begins with neither %q nor %q", forkHeader, consistencyHeader)
	}
	if len(parts) != 5 || len(lines) > 2+maxPath {
		return bad("not two signed checkpoints below at most %d hashes", maxPath)
	}
	lines = lines[1:]
	if c.Fork && len(lines) > 0 {
		root, ok := strings.CutPrefix(lines[0], "root ")
		h, err := tlog.ParseHash(root)
		if !ok || err != nil {
			return bad("no root in its second line")
		}
		c.Root, lines = h, lines[1:]
	}
	for _, line := range lines {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return bad("%.64q is not a hash", line)
		}
		c.Path = append(c.Path, h)
	}
	c.Smaller = []byte(parts[1] + "\n\n" + parts[2] + "\n")
	c.Larger = []byte(parts[3] + "\n\n" + parts[4])
	// One comparison has one form; decoders pass over line ends and stray bits.
	if string(c.Marshal()) != string(b) || !strictSignatures(parts[2]) || !strictSignatures(parts[4]) {
		return bad("not in canonical form")
	}
	return c, nil
}

// strictSignatures reports whether the signatures below a note are base64 in the
// one way to write it, as package note does not ask for.
func strictSignatures(lines string) bool {
	for line := range strings.Lines(lines) {
		line = strings.TrimSuffix(line, "\n")
		if _, err := base64.StdEncoding.Strict().DecodeString(line[strings.LastIndex(line, " ")+1:]); err != nil {
			return false
		}
	}
	return true
}

// Verify returns both checkpoints if one of these verifier keys of the ledger
// signed each, and the comparison proves of them what it says. Otherwise it
// returns ErrUnproven, or the errors of [ledger.OpenCheckpoint].
//
// That the ledger's key signed either is not enough: who has it signs what they
// like. But nobody else can make a fork of an honest ledger, because a path
// that ends in the root of its tree goes through the root of what it began with.
func (c *Comparison) Verify(keys []string) (smaller, larger *ledger.Checkpoint, err error) {
	if smaller, err = openAny(c.Smaller, keys); err != nil {
		return nil, nil, fmt.Errorf("the smaller of the two: %w", err)
	}
	if larger, err = openAny(c.Larger, keys); err != nil {
		return nil, nil, fmt.Errorf("the larger of the two: %w", err)
	}
	if !c.proves(smaller, larger) {
		return nil, nil, fmt.Errorf("comparison: %w", ErrUnproven)
	}
	return smaller, larger, nil
}

func (c *Comparison) proves(smaller, larger *ledger.Checkpoint) bool {
	if smaller.Origin != larger.Origin || smaller.Size < 1 || smaller.Size > larger.Size {
		return false
	}
	if smaller.Size == larger.Size {
		return len(c.Path) == 0 && c.Root == tlog.Hash{} && c.Fork == (smaller.Root != larger.Root)
	}
	root := smaller.Root
	if c.Fork {
		root = c.Root
	}
	return c.Fork == (root != smaller.Root) && tlog.CheckTree(c.Path, larger.Size, larger.Root, smaller.Size, root) == nil
}

// openAny verifies a checkpoint with the first of those keys that signed it.
func openAny(signed []byte, keys []string) (*ledger.Checkpoint, error) {
	err := fmt.Errorf("no key of the ledger is known: %w", ledger.ErrSignature)
	for _, key := range keys {
		var cp *ledger.Checkpoint
		if cp, err = ledger.OpenCheckpoint(signed, key); err == nil {
			return cp, nil
		}
	}
	return nil, err
}
