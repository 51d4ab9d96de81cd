package vault_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"tocsin/testorg"
	"tocsin/vault"
)

// foundIDs returns the IDs of what an audit finds, each once.
func foundIDs(t *testing.T, o *testorg.Org, dir string) []string {
	t.Helper()
	found := map[string]bool{}
	for _, f := range o.Audit(t, dir, nil).Findings {
		found[f.ID] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// A case that is opened again has no envelope of its own leaf: the check must
// not go to the first leaf for it, which is the roster's or not to be read.
func TestACaseOpenedTwice(t *testing.T) {
	for _, first := range []string{"tocsin.leaf.v1", "tocsin.leaf.v2"} {
		o, dir := goodStore(t)
		edit(t, dir, func(tx *bolt.Tx) error {
			leaves := readLeaves(tx)
			leaves[0] = bytes.Replace(leaves[0], []byte("tocsin.leaf.v1"), []byte(first), 1)
			leaves = append(leaves, leaves[1])
			for _, b := range []string{"cases", "envelopes"} {
				record := bytes.Clone(tx.Bucket([]byte(b)).Get(key(1)))
				if err := tx.Bucket([]byte(b)).Put(key(int64(len(leaves)-1)), record); err != nil {
					return err
				}
			}
			return rewrite(o, tx, leaves)
		})
		found := foundIDs(t, o, dir)
		if !slices.Contains(found, "leaf-order") || slices.Contains(found, "record-digest") {
			t.Errorf("%s: found %v", first, found)
		}
	}
}

// A key that belongs nowhere stands for no leaf, not even the first.
func TestAStrangeKeyExcusesNoLeaf(t *testing.T) {
	o, dir := goodStore(t)
	edit(t, dir, func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte("rosters"))
		note := bytes.Clone(b.Get(key(0)))
		if err := b.Delete(key(0)); err != nil {
			return err
		}
		return b.Put([]byte("strange"), note)
	})
	if found := foundIDs(t, o, dir); !slices.Contains(found, "record-missing") {
		t.Errorf("found %v", found)
	}
}

// On a file system that tells capitals from small letters, a blob's name in
// capitals is another file.
func TestABlobsNameInCapitalsIsStray(t *testing.T) {
	o, dir := goodStore(t)
	name := strings.ToUpper(filepath.Base(blobFiles(t, dir)[0]))
	if err := os.WriteFile(filepath.Join(dir, vault.BlobsDir, name), []byte("room 12"), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := foundIDs(t, o, dir); !slices.Contains(found, "blob-stray") {
		t.Errorf("found %v", found)
	}
}
