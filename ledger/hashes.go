package ledger

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Hashes are the stored hashes of a whole tree in memory, in the order of
// tlog.StoredHashIndex: 64 bytes a leaf. It is for those who recompute a
// ledger from its leaves: the mirror, the auditor, the vault's checker.
type Hashes []tlog.Hash

// ReadHashes implements tlog.HashReader.
func (h Hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x < 0 || x >= int64(len(h)) {
			return nil, fmt.Errorf("ledger: no stored hash %d", x)
		}
		out[i] = h[x]
	}
	return out, nil
}

// Append adds the next leaf; size is the number of leaves before it.
func (h *Hashes) Append(size int64, leaf []byte) error {
	more, err := tlog.StoredHashes(size, leaf, *h)
	if err != nil {
		return fmt.Errorf("ledger: appending leaf %d: %w", size, err)
	}
	*h = append(*h, more...)
	return nil
}

// Root returns the root of the first size leaves.
func (h Hashes) Root(size int64) (tlog.Hash, error) {
	root, err := tlog.TreeHash(size, h)
	if err != nil {
		return root, fmt.Errorf("ledger: root of %d leaves: %w", size, err)
	}
	return root, nil
}
