package audit

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
	"tocsin/seal/agefile"
	"tocsin/seal/roster"
	"tocsin/vault"
)

// Keys are what the signatures on checkpoints of one ledger are verified with.
type Keys struct {
	Ledger []string       // verifier keys of the ledger, any of which may have signed
	Roster *roster.Signed // says who cosigns, and how many must; nil if it is not known
}

// RosterKeys returns the keys that a roster signed by the organisation gives.
func RosterKeys(signed []byte, orgKey string) (*Keys, error) {
	r, err := roster.Open(signed, orgKey)
	if err != nil {
		return nil, err
	}
	return &Keys{Ledger: []string{r.Intake.Ledger}, Roster: r}, nil
}

// A past is the ledger of a store, as far as history goes: nothing of it is
// held against the records.
type past struct {
	hashes ledger.Hashes
	size   int64
	signed []byte   // the store's own checkpoint
	keys   []string // those known, and those in the store's rosters that the organisation signed
}

// readPast reads the leaves of a store and hands each to leaf.
func readPast(ctx context.Context, store string, keys *Keys, leaf func(int64, *ledger.Leaf)) (*past, error) {
	p := &past{keys: slices.Clone(keys.Ledger)}
	dir, err := vault.OpenDir(store)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	_, err = vault.Check(ctx, dir, vault.Visitor{
		Live: true, // what else lies there is no matter here
		Roster: func(_ int64, _ *ledger.Leaf, signed []byte) {
			if keys.Roster == nil {
				return
			}
			if r, err := roster.Open(signed, keys.Roster.OrgKey); err == nil {
				p.keys = append(p.keys, r.Intake.Ledger)
			}
		},
		Leaf: func(i int64, l *ledger.Leaf) func() { return func() { leaf(i, l) } },
		Checkpoint: func(signed []byte, hashes ledger.Hashes, size int64) {
			p.signed, p.hashes, p.size = signed, hashes, size
			enough() // the records come after it
		},
		Cosigned:  func(*vault.Published, ledger.Hashes, int64) {},
		Published: func(*vault.Published, ledger.Hashes, int64) {},
		Envelope:  func(int64, int64, ledger.CaseID, *agefile.Info) {},
		Message:   func(int64, *ledger.Leaf, *agefile.Info) {},
		Found:     func(vault.Finding) {}, // audit verify says them
		Progress:  func(int64, int64) {},
	})
	if p.signed != nil {
		return p, nil
	}
	if err == nil {
		err = fmt.Errorf("%s has no checkpoint: see audit verify", store)
	}
	return nil, err
}

// root returns the root of the first size leaves, or zeros if there are fewer.
func (p *past) root(size int64) tlog.Hash {
	if size < 1 || size > p.size {
		return tlog.Hash{}
	}
	root, err := p.hashes.Root(size)
	if err != nil {
		return tlog.Hash{}
	}
	return root
}

func (p *past) holds(cp *ledger.Checkpoint) bool { return cp.Size >= 1 && p.root(cp.Size) == cp.Root }
