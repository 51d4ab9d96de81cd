package vault_test

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"tocsin/seal"
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

// A case record names the derivation that package seal does, and none to come,
// and two recipients in form.
func TestParseCase(t *testing.T) {
	good := testorg.New(t, 1).NewReport(t, "account", 0).Case
	for name, c := range map[string]struct {
		change func(*vault.Case)
		want   error
	}{
		"as it is":                {func(*vault.Case) {}, nil},
		"the newest derivation":   {func(c *vault.Case) { c.Codename = seal.CodenameVersion }, nil},
		"a derivation to come":    {func(c *vault.Case) { c.Codename = seal.CodenameVersion + 1 }, vault.ErrVersion},
		"no derivation":           {func(c *vault.Case) { c.Codename = 0 }, vault.ErrMalformed},
		"a recipient cut short":   {func(c *vault.Case) { c.Recipient = c.Recipient[:len(c.Recipient)-1] }, vault.ErrMalformed},
		"a witness that is text":  {func(c *vault.Case) { c.Witness = "age1pq1 room 12" }, vault.ErrMalformed},
		"a witness with a letter": {func(c *vault.Case) { c.Witness = c.Witness[:100] + "b" + c.Witness[101:] }, vault.ErrMalformed},
	} {
		changed := good
		c.change(&changed)
		if _, err := vault.ParseCase(changed.Marshal()); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
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
