package vault_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
	"tocsin/testorg"
	"tocsin/vault"
)

// edit changes a store behind the vault's back, as who holds the disk can.
func edit(t *testing.T, dir string, change func(*bolt.Tx) error) {
	t.Helper()
	db, err := bolt.Open(filepath.Join(dir, vault.DBName), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(db.Update(change), db.Close())
	if err != nil {
		t.Fatal(err)
	}
	testorg.Tidy(t, dir)
}

func key(i int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)) }

// rewrite recomputes tree and checkpoint over changed leaves: what an
// attacker can do who has stolen the ledger key.
func rewrite(o *testorg.Org, tx *bolt.Tx, leaves [][]byte) error {
	for _, name := range []string{"leaves", "hashes"} {
		if err := tx.DeleteBucket([]byte(name)); err != nil {
			return err
		}
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	var hashes ledger.Hashes
	for i, l := range leaves {
		if err := tx.Bucket([]byte("leaves")).Put(key(int64(i)), l); err != nil {
			return err
		}
		if err := hashes.Append(int64(i), l); err != nil {
			return err
		}
	}
	for i, h := range hashes {
		if err := tx.Bucket([]byte("hashes")).Put(key(int64(i)), h[:]); err != nil {
			return err
		}
	}
	root, err := tlog.TreeHash(int64(len(leaves)), hashes)
	if err != nil {
		return err
	}
	cp := ledger.Checkpoint{Origin: testorg.Origin, Size: int64(len(leaves)), Root: root}
	signed, err := cp.Sign(o.Ledger)
	if err != nil {
		return err
	}
	return tx.Bucket([]byte("head")).Put([]byte("checkpoint"), signed)
}

func readLeaves(tx *bolt.Tx) [][]byte {
	var out [][]byte
	tx.Bucket([]byte("leaves")).ForEach(func(_, v []byte) error {
		out = append(out, bytes.Clone(v))
		return nil
	})
	return out
}

// TestAttacksAreNamed wants findings to name where. That each attack is caught,
// and nothing else found, is tried in audit/attacks_test.go, with those on large
// messages and on history.
//
// In goodStore: leaf 0 is the roster, leaves 1 and 2 the first case and its
// report, 3 its hand-over, 4 a reply; 5 and 6 the second case.
func TestAttacksAreNamed(t *testing.T) {
	for _, c := range []struct {
		name   string
		attack func(*testing.T, *testorg.Org, *bolt.Tx) error
		want   []string // finding IDs, each of which must be among those found
		where  string   // what one of the findings must name
	}{
		{"report dropped", func(_ *testing.T, _ *testorg.Org, tx *bolt.Tx) error {
			return tx.Bucket([]byte("messages")).Delete(key(2))
		}, []string{"record-missing"}, "(leaf 2)"},
		{"case dropped with all its records but the leaves", func(_ *testing.T, _ *testorg.Org, tx *bolt.Tx) error {
			for _, b := range []string{"cases", "envelopes"} {
				if err := tx.Bucket([]byte(b)).Delete(key(1)); err != nil {
					return err
				}
			}
			return tx.Bucket([]byte("messages")).Delete(key(2))
		}, []string{"record-missing"}, "(leaf 1)"},
		{"two reports swapped", func(_ *testing.T, _ *testorg.Org, tx *bolt.Tx) error {
			b := tx.Bucket([]byte("messages"))
			one, two := bytes.Clone(b.Get(key(2))), bytes.Clone(b.Get(key(6)))
			if err := b.Put(key(2), two); err != nil {
				return err
			}
			return b.Put(key(6), one)
		}, []string{"message-digest"}, "(leaf 6)"},
		{"two envelopes swapped", func(_ *testing.T, _ *testorg.Org, tx *bolt.Tx) error {
			b := tx.Bucket([]byte("envelopes"))
			one, two := bytes.Clone(b.Get(key(1))), bytes.Clone(b.Get(key(5)))
			if err := b.Put(key(1), two); err != nil {
				return err
			}
			return b.Put(key(5), one)
		}, []string{"record-digest"}, "envelope of case"},
		{"a leaf dropped from the end", func(_ *testing.T, _ *testorg.Org, tx *bolt.Tx) error {
			k, _ := tx.Bucket([]byte("leaves")).Cursor().Last()
			return tx.Bucket([]byte("leaves")).Delete(bytes.Clone(k))
		}, []string{"checkpoint-size"}, "checkpoint"},
		{"two leaves swapped", func(_ *testing.T, _ *testorg.Org, tx *bolt.Tx) error {
			b := tx.Bucket([]byte("leaves"))
			one, two := bytes.Clone(b.Get(key(3))), bytes.Clone(b.Get(key(4)))
			if err := b.Put(key(3), two); err != nil {
				return err
			}
			return b.Put(key(4), one)
		}, []string{"tree-hash", "checkpoint-root"}, "tree hash 3 at level 0"},
		{"a hand-over altered and the ledger signed again", func(_ *testing.T, o *testorg.Org, tx *bolt.Tx) error {
			leaves := readLeaves(tx)
			leaves[3] = bytes.Replace(leaves[3], []byte("destination police"), []byte("destination foreign-affairs"), 1)
			return rewrite(o, tx, leaves)
		}, []string{"event-signature"}, "(leaf 3)"},
		{"a reply dated before", func(_ *testing.T, o *testorg.Org, tx *bolt.Tx) error {
			leaves := readLeaves(tx)
			leaves[4] = bytes.Replace(leaves[4], []byte("\nday 2026-03-14"), []byte("\nday 2026-03-13"), 1)
			return rewrite(o, tx, leaves)
		}, []string{"leaf-order"}, "leaf 4"},
		{"a leaf of an unknown version", func(_ *testing.T, o *testorg.Org, tx *bolt.Tx) error {
			leaves := readLeaves(tx)
			leaves[3] = bytes.Replace(leaves[3], []byte("leaf.v1"), []byte("leaf.v2"), 1)
			return rewrite(o, tx, leaves)
		}, []string{"leaf-malformed"}, "leaf 3"},
		{"an unknown bucket", func(_ *testing.T, _ *testorg.Org, tx *bolt.Tx) error {
			b, err := tx.CreateBucket([]byte("plaintext"))
			if err != nil {
				return err
			}
			return b.Put([]byte("note"), []byte("the witness is in room 12"))
		}, []string{"schema-bucket"}, "plaintext"},
		{"an odd key in a known bucket", func(_ *testing.T, _ *testorg.Org, tx *bolt.Tx) error {
			return tx.Bucket([]byte("messages")).Put([]byte("note"), []byte("the witness is in room 12"))
		}, []string{"schema-key"}, "bucket messages"},
		{"a text in the place of what was published", func(_ *testing.T, _ *testorg.Org, tx *bolt.Tx) error {
			return tx.Bucket([]byte("head")).Put([]byte("published"), []byte("2026-03-15\nthe witness is in room 12\n"))
		}, []string{"published-malformed"}, "published checkpoint"},
		{"a checkpoint of another name", func(_ *testing.T, _ *testorg.Org, tx *bolt.Tx) error {
			b := tx.Bucket([]byte("head"))
			return b.Put([]byte("older"), bytes.Clone(b.Get([]byte("checkpoint"))))
		}, []string{"schema-key"}, "bucket head"},
		{"a message without a leaf", func(_ *testing.T, _ *testorg.Org, tx *bolt.Tx) error {
			return tx.Bucket([]byte("messages")).Put(key(1000), []byte{0, 1, 2, 3})
		}, []string{"schema-key"}, "bucket messages"},
		{"plaintext where ciphertext was", func(_ *testing.T, o *testorg.Org, tx *bolt.Tx) error {
			text := []byte("the witness is in room 12")
			leaves := readLeaves(tx)
			l, err := ledger.ParseLeaf(leaves[2])
			if err != nil {
				return err
			}
			l.Size, l.Digest = int64(len(text)), testorg.Digest(text)
			if leaves[2], err = l.Marshal(); err != nil {
				return err
			}
			if err := tx.Bucket([]byte("messages")).Put(key(2), append([]byte{0}, text...)); err != nil {
				return err
			}
			return rewrite(o, tx, leaves)
		}, []string{"message-malformed"}, "(leaf 2)"},
		{"a recipient slipped into an envelope", func(t *testing.T, o *testorg.Org, tx *bolt.Tx) error {
			leaves := readLeaves(tx)
			l, err := ledger.ParseLeaf(leaves[1])
			if err != nil {
				return err
			}
			spy := testorg.New(t, 3).NewReport(t, "any", 0).Envelope.Sealed // three stanzas where the roster has two
			l.Envelope = testorg.Digest(spy)
			if leaves[1], err = l.Marshal(); err != nil {
				return err
			}
			if err := tx.Bucket([]byte("envelopes")).Put(key(1), spy); err != nil {
				return err
			}
			return rewrite(o, tx, leaves)
		}, []string{"envelope-recipients"}, "(leaf 1)"},
		{"a tag led to another case", func(_ *testing.T, _ *testorg.Org, tx *bolt.Tx) error {
			b := tx.Bucket([]byte("tags"))
			k, v := b.Cursor().First()
			other := key(1)
			if bytes.Equal(v, other) {
				other = key(5)
			}
			return b.Put(bytes.Clone(k), other)
		}, []string{"index-wrong"}, "bucket tags"},
		{"a roster that the organisation did not sign", func(t *testing.T, o *testorg.Org, tx *bolt.Tx) error {
			forged := testorg.New(t, 2).Signed
			leaves := readLeaves(tx)
			l, err := ledger.ParseLeaf(leaves[0])
			if err != nil {
				return err
			}
			l.Digest = testorg.Digest(forged)
			if leaves[0], err = l.Marshal(); err != nil {
				return err
			}
			if err := tx.Bucket([]byte("rosters")).Put(key(0), forged); err != nil {
				return err
			}
			return rewrite(o, tx, leaves)
		}, []string{"roster-signature"}, "roster 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, dir := goodStore(t)
			edit(t, dir, func(tx *bolt.Tx) error { return c.attack(t, o, tx) })
			r := o.Audit(t, dir, nil)
			found, named := map[string]bool{}, false
			for _, f := range r.Findings {
				found[f.ID] = true
				named = named || strings.Contains(f.Where, c.where)
			}
			for _, id := range c.want {
				if !found[id] {
					t.Errorf("no finding %s; found %v", id, r.Findings)
				}
			}
			if !named {
				t.Errorf("nothing names %q; found %v", c.where, r.Findings)
			}
		})
	}
}
