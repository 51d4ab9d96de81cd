package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"

	"tocsin/audit"
	"tocsin/ledger"
	"tocsin/testorg"
)

// What an attacker on the disk may do to what a witness did, with the ledger's
// key or without it.
func TestAttacksOnWitnesses(t *testing.T) {
	o, dir := goodStore(t)
	// find returns the last leaf like that, and its index.
	find := func(tx *bolt.Tx, like func(*ledger.Leaf) bool) (*ledger.Leaf, int64) {
		leaves := readLeaves(tx)
		for i := len(leaves) - 1; i >= 0; i-- {
			if l, err := ledger.ParseLeaf(leaves[i]); err == nil && like(l) {
				return l, int64(i)
			}
		}
		t.Fatal("no such leaf")
		return nil, 0
	}
	withdrawn := func(l *ledger.Leaf) bool { return l.Event == ledger.EventWithdrawn }
	addition := func(l *ledger.Leaf) bool { return l.Kind == ledger.KindAddition }
	caseOf := func(tx *bolt.Tx, l *ledger.Leaf) []byte { return bytes.Clone(tx.Bucket([]byte("ids")).Get(l.Case[:])) }
	resign := func(tx *bolt.Tx, i int64, l *ledger.Leaf) error {
		leaves := readLeaves(tx)
		var err error
		if leaves[i], err = l.Marshal(); err != nil {
			return err
		}
		return rewrite(o, tx, leaves)
	}
	for _, c := range []struct {
		name   string
		attack func(tx *bolt.Tx) error
		want   []string // all that is found, in order
	}{
		{"withdrawn by somebody else", func(tx *bolt.Tx) error {
			l, i := find(tx, withdrawn)
			l.Secret[0] ^= 1
			return resign(tx, i, l)
		}, []string{"withdrawn-secret"}},
		{"a withdrawn envelope kept", func(tx *bolt.Tx) error {
			l, _ := find(tx, withdrawn)
			_, other := tx.Bucket([]byte("envelopes")).Cursor().Last()
			return tx.Bucket([]byte("envelopes")).Put(caseOf(tx, l), bytes.Clone(other))
		}, []string{"envelope-withdrawn", "record-digest"}},
		{"an envelope gone, and nobody withdrew", func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("envelopes")).Delete(key(1))
		}, []string{"record-missing"}},
		{"a form forgotten", func(tx *bolt.Tx) error {
			l, _ := find(tx, addition)
			return tx.Bucket([]byte("additions")).Delete(l.Once[:])
		}, []string{"index-missing"}},
		{"a form led elsewhere", func(tx *bolt.Tx) error {
			l, i := find(tx, addition)
			return tx.Bucket([]byte("additions")).Put(l.Once[:], key(i-1))
		}, []string{"index-wrong"}},
		{"a form made up", func(tx *bolt.Tx) error {
			_, i := find(tx, addition)
			return tx.Bucket([]byte("additions")).Put(make([]byte, 32), key(i))
		}, []string{"schema-key"}},
		{"an event left out of its thread", func(tx *bolt.Tx) error {
			l, i := find(tx, func(l *ledger.Leaf) bool { return l.Event == ledger.EventRead })
			return tx.Bucket([]byte("threads")).Delete(append(caseOf(tx, l), key(i)...))
		}, []string{"index-missing"}},
		{"an event in another thread too", func(tx *bolt.Tx) error {
			_, i := find(tx, withdrawn)
			return tx.Bucket([]byte("threads")).Put(append(key(1), key(i)...), nil)
		}, []string{"schema-key"}},
		{"a case in its own thread", func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("threads")).Put(append(key(1), key(1)...), nil)
		}, []string{"schema-key"}},
		{"one form twice", func(tx *bolt.Tx) error {
			l, i := find(tx, addition)
			once, err := ledger.ParseLeaf(readLeaves(tx)[i-1])
			if err != nil || once.Kind != ledger.KindAddition {
				return fmt.Errorf("no addition before: %w", err)
			}
			forgotten := l.Once
			l.Once = once.Once
			return errors.Join(resign(tx, i, l), tx.Bucket([]byte("additions")).Delete(forgotten[:]), tx.Bucket([]byte("additions")).Put(l.Once[:], key(i)))
		}, []string{"leaf-twice"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			forged := copyStore(t, dir)
			edit(t, forged, c.attack)
			if got := faults(t, o, forged); !slices.Equal(got, c.want) {
				t.Errorf("found %v, want %v", got, c.want)
			}
		})
	}
}

// faults returns the IDs of what keeps a store from being whole.
func faults(t *testing.T, o *testorg.Org, dir string) []string {
	t.Helper()
	var ids []string
	for _, f := range o.Audit(t, dir, nil).Findings {
		if f.Severity != audit.Notice {
			ids = append(ids, f.ID)
		}
	}
	return ids
}
