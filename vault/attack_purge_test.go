package vault_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"

	"tocsin/ledger"
	"tocsin/testorg"
)

// What an attacker may do to a purge who has the disk, the ledger's key and the
// key of one case worker, worker-2. Two must sign.
func TestAttacksOnPurges(t *testing.T) {
	o, v, r := purgeable(t)
	other := o.NewReport(t, "account", 0)
	if err := other.Add(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	sign(t, v, o.Hold(o.Workers[2], r.ID, last(t, v, r.ID)))
	sign(t, v, o.Release(o.Workers[2], r.ID, last(t, v, r.ID)))
	proposed := sign(t, v, o.ProposePurge(o.Workers[0], r.ID, ledger.RuleRequest, last(t, v, r.ID)))
	purge := sign(t, v, o.Purge(o.Workers[1], r.ID, ledger.RuleRequest, last(t, v, r.ID)))
	dir := testorg.Snapshot(t, v)
	v.Close()
	o.MustBeWhole(t, dir)

	// change alters a leaf, signs it as worker-2 and writes the history anew.
	change := func(tx *bolt.Tx, i int64, alter func(*ledger.Leaf)) error {
		leaves := readLeaves(tx)
		l, err := ledger.ParseLeaf(leaves[i])
		if err != nil {
			return err
		}
		old := testorg.Digest(l.Signature)
		alter(l)
		l.Sign(o.Instance(), o.Workers[1].Name, o.Workers[1].Desk)
		now := testorg.Digest(l.Signature)
		signatures := tx.Bucket([]byte("signatures"))
		if leaves[i], err = l.Marshal(); err != nil {
			return err
		}
		return errors.Join(signatures.Delete(old[:]), signatures.Put(now[:], key(i)), rewrite(o, tx, leaves))
	}
	for _, c := range []struct {
		name   string
		attack func(tx *bolt.Tx) error
		want   []string // all that is found, in order
	}{
		{"the colleague's proposal replaced by one's own", func(tx *bolt.Tx) error {
			return change(tx, proposed, func(*ledger.Leaf) {})
		}, []string{"purged-signers"}},
		{"under another rule than was proposed", func(tx *bolt.Tx) error {
			return change(tx, purge, func(l *ledger.Leaf) { l.Rule = ledger.RuleRetention })
		}, []string{"purged-early"}},
		{"under a rule that there is not", func(tx *bolt.Tx) error {
			return change(tx, purge, func(l *ledger.Leaf) { l.Rule = "tidying" })
		}, []string{"purged-rule"}},
		{"the release replaced", func(tx *bolt.Tx) error {
			return change(tx, proposed-1, func(l *ledger.Leaf) { l.Event, l.After = ledger.EventRead, 0 })
		}, []string{"purged-held"}},
		{"signed before the case changed", func(tx *bolt.Tx) error {
			return change(tx, purge, func(l *ledger.Leaf) { l.After = proposed - 2 })
		}, []string{"purged-unseen"}},
		{"the hold released by who had not seen it", func(tx *bolt.Tx) error {
			return change(tx, proposed-1, func(l *ledger.Leaf) { l.After = proposed - 3 })
		}, []string{"purged-held", "released-unseen"}},
		{"the envelope kept", func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("envelopes")).Put(key(1), r.Envelope.Sealed)
		}, []string{"envelope-purged"}},
		{"another envelope destroyed with it", func(tx *bolt.Tx) error {
			at := bytes.Clone(tx.Bucket([]byte("ids")).Get(other.ID[:]))
			return tx.Bucket([]byte("envelopes")).Delete(at)
		}, []string{"record-missing"}},
		{"of another case than was proposed", func(tx *bolt.Tx) error {
			at := bytes.Clone(tx.Bucket([]byte("ids")).Get(other.ID[:]))
			threads, envelopes := tx.Bucket([]byte("threads")), tx.Bucket([]byte("envelopes"))
			return errors.Join(
				change(tx, purge, func(l *ledger.Leaf) { l.Case = other.ID }),
				threads.Delete(append(key(1), key(purge)...)), threads.Put(append(bytes.Clone(at), key(purge)...), nil),
				envelopes.Delete(at), envelopes.Put(key(1), r.Envelope.Sealed),
			)
		}, []string{"purged-signers"}},
		{"the purge left out of its thread", func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("threads")).Delete(append(key(1), key(purge)...))
		}, []string{"index-missing"}},
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
