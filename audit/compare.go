package audit

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
)

// ErrUndecided is returned by Compare when nothing shows whether one history
// holds both checkpoints.
var ErrUndecided = errors.New("it can't be told whether one history holds both")

// A Verdict says whether one history holds two checkpoints, and proves it.
type Verdict struct {
	Comparison
	// Which two were compared: the two given, or one of them and the store's
	// own where that proves that there are two histories.
	Of [2]string
	// What their texts say, in the same order: the smaller first.
	Smaller, Larger *ledger.Checkpoint
}

// Compare holds two signed checkpoints against each other, which two auditors
// may have got from one intake. Of the same size they speak for themselves. Of
// two sizes, a store is needed that has the leaves of the larger: one that holds
// it proves whether the smaller is in it; one that does not proves that there
// are two histories, the store's own and that of the checkpoint, if the ledger's
// key signed the store's too. One that is nil is the store's own. The names are
// for people. store is the directory of a snapshot, or "".
//
// It returns ErrUndecided where nothing is proved, and the errors of
// [ledger.OpenCheckpoint] for what is no checkpoint of the ledger.
func Compare(ctx context.Context, names [2]string, signed [2][]byte, store string, keys *Keys) (*Verdict, error) {
	p := &past{keys: keys.Ledger}
	if store != "" {
		var err error
		if p, err = readPast(ctx, store, keys, func(int64, *ledger.Leaf) {}); err != nil {
			return nil, err
		}
	}
	var both [2]side
	for i := range both {
		if signed[i] == nil {
			signed[i] = p.signed
		}
		cp, err := openAny(signed[i], p.keys)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", names[i], err)
		}
		both[i] = side{names[i], signed[i], cp}
	}
	if both[0].Size > both[1].Size {
		both[0], both[1] = both[1], both[0]
	}
	small, large := both[0], both[1]
	switch {
	case small.Origin != large.Origin:
		return nil, fmt.Errorf("%s is of the ledger %q, %s of %q", small.name, small.Origin, large.name, large.Origin)
	case small.Size < 1:
		return nil, fmt.Errorf("%s: %w: a checkpoint of no leaves", small.name, ledger.ErrMalformed)
	case small.Size == large.Size:
		return verdict(small, large, nil, tlog.Hash{})
	case store == "":
		return nil, fmt.Errorf("%w: %s has %d leaves and %s has %d; give a store that has as many", ErrUndecided, small.name, small.Size, large.name, large.Size)
	case p.holds(large.Checkpoint):
		return p.verdict(small, large)
	}
	// The store is of another history than the larger, or older than it.
	own, err := p.own()
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: the store does not hold %s, and its own checkpoint proves nothing: %w", ErrUndecided, large.name, err)
	case large.Size <= p.size:
		return p.verdict(large, own)
	case small.Size <= p.size && !p.holds(small.Checkpoint):
		return p.verdict(small, own)
	}
	return nil, fmt.Errorf("%w: the store has %d leaves and %s has %d; take a newer snapshot", ErrUndecided, p.size, large.name, large.Size)
}

// A side is one checkpoint of a comparison.
type side struct {
	name   string
	signed []byte
	*ledger.Checkpoint
}

// own returns the store's own checkpoint, if it is signed and that of its leaves.
func (p *past) own() (side, error) {
	cp, err := openAny(p.signed, p.keys)
	if err == nil && (cp.Size != p.size || !p.holds(cp)) {
		err = errors.New("it is not that of the store's leaves")
	}
	return side{"the store", p.signed, cp}, err
}

// verdict compares two of which the store holds the larger.
func (p *past) verdict(small, large side) (*Verdict, error) {
	if small.Size == large.Size {
		return verdict(small, large, nil, tlog.Hash{})
	}
	path, err := tlog.ProveTree(large.Size, small.Size, p.hashes)
	if err != nil {
		return nil, fmt.Errorf("proving that %d leaves grew to %d: %w", small.Size, large.Size, err)
	}
	return verdict(small, large, path, p.root(small.Size))
}

// verdict makes a verdict and checks it as a stranger would. root is what the
// larger tree has at the size of the smaller, where that is another.
func verdict(small, large side, path tlog.TreeProof, root tlog.Hash) (*Verdict, error) {
	v := &Verdict{
		Comparison: Comparison{Path: path, Smaller: small.signed, Larger: large.signed},
		Of:         [2]string{small.name, large.name}, Smaller: small.Checkpoint, Larger: large.Checkpoint,
	}
	switch {
	case small.Size == large.Size:
		v.Fork = small.Root != large.Root
	case root != small.Root:
		v.Fork, v.Root = true, root
	}
	if !v.proves(small.Checkpoint, large.Checkpoint) {
		return nil, fmt.Errorf("comparing %s with %s: %w", small.name, large.name, ErrUnproven)
	}
	return v, nil
}
