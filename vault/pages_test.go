package vault_test

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"tocsin/testorg"
	"tocsin/vault"
)

const pageSize = 4096

var le = binary.LittleEndian

// manyCases is a snapshot of a store whose indexes have trees of several
// pages.
func manyCases(t testing.TB, cases int) (*testorg.Org, string) {
	t.Helper()
	o := testorg.New(t, 1)
	v := o.Open(t, o.Create(t))
	r := o.NewReport(t, "account", 0)
	for range cases {
		if err := r.Again().Add(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	dir := testorg.Snapshot(t, v)
	v.Close()
	o.MustBeWhole(t, dir)
	return o, dir
}

// rootPage returns the page that a bucket's tree begins with.
func rootPage(t testing.TB, dir, bucket string) uint64 {
	t.Helper()
	db, err := bolt.Open(filepath.Join(dir, vault.DBName), 0o600, &bolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var root uint64
	db.View(func(tx *bolt.Tx) error {
		root = uint64(tx.Bucket([]byte(bucket)).Root())
		return nil
	})
	if root == 0 {
		t.Fatalf("bucket %s is inline", bucket)
	}
	return root
}

// A boltPage is a page of a vault.db with the pages that it overflows into.
type boltPage []byte

func pageOf(b []byte, id uint64) boltPage {
	return b[id*pageSize:][:pageSize*(1+int(le.Uint32(b[id*pageSize+12:])))]
}

func (p boltPage) branch() bool { return le.Uint16(p[8:]) == 1 }
func (p boltPage) count() int   { return int(le.Uint16(p[10:])) }

// child returns where the key of a branch's element lies, and its page.
func (p boltPage) child(i int) (key int, id uint64) {
	e := 16 + i*16
	return e + int(le.Uint32(p[e:])), le.Uint64(p[e+8:])
}

// pair returns key and value of a leaf's element.
func (p boltPage) pair(i int) []byte {
	e := 16 + i*16
	at := e + int(le.Uint32(p[e+4:]))
	return p[at:][:le.Uint32(p[e+8:])+le.Uint32(p[e+12:])]
}

// TestKeysOutOfOrderAcrossPages swaps entries of neighbouring pages: bbolt
// then no longer finds them, though each page by itself is in order.
func TestKeysOutOfOrderAcrossPages(t *testing.T) {
	o, dir := manyCases(t, 140)
	root := rootPage(t, dir, "tags")
	swap := func(x, y []byte) {
		z := bytes.Clone(x)
		copy(x, y)
		copy(y, z)
	}
	for name, forge := range map[string]func(b []byte, top, one, two boltPage){
		"a branch's key follows": func(_ []byte, top, one, two boltPage) {
			swap(one.pair(one.count()-1), two.pair(0))
			at, _ := top.child(1)
			copy(top[at:at+32], two.pair(0)[:32])
		},
		"a branch's key stays": func(_ []byte, _, one, two boltPage) {
			swap(one.pair(one.count()-1), two.pair(0))
		},
		"two children change places": func(_ []byte, top, one, two boltPage) {
			at1, id1 := top.child(0)
			at2, id2 := top.child(1)
			swap(top[at1:at1+32], top[at2:at2+32])
			le.PutUint64(top[16+8:], id2)
			le.PutUint64(top[32+8:], id1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			forged := copyStore(t, dir)
			testorg.EditDB(t, forged, func(b []byte) []byte {
				top := pageOf(b, root)
				if !top.branch() {
					t.Fatal("the tree of tags has one page")
				}
				_, one := top.child(0)
				_, two := top.child(1)
				forge(b, top, pageOf(b, one), pageOf(b, two))
				return b
			})
			r := o.Audit(t, forged, nil)
			for _, f := range r.Findings {
				if f.ID != "page-order" {
					t.Errorf("finding: %s", f)
				}
			}
			if r.Whole {
				t.Error("nothing was found")
			}
		})
	}
}
