package vault_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"tocsin/testorg"
	"tocsin/vault"
)

var everyByte = flag.Bool("every-byte", false, "flip every single byte of the store instead of a sample")

// goodStore is a store with everything in it that a store can hold.
func goodStore(t *testing.T) (*testorg.Org, string) {
	t.Helper()
	o := testorg.New(t, 2)
	v := o.Open(t, o.Create(t))
	for i, attachment := range []int{0, 0, 50 << 10, 260 << 10, 0} {
		r := o.NewReport(t, "account", attachment)
		if err := r.Add(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		if i%2 == 1 {
			continue
		}
		if _, err := v.AddEvent(t.Context(), o.HandOver(o.Workers[0], r.ID, "police")); err != nil {
			t.Fatal(err)
		}
		leaf, body := o.Reply(t, o.Workers[1], r, "thank you")
		u, err := testorg.Upload(v, body)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.AddReply(t.Context(), leaf, u); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			o.Roster.Number++
			o.Roster.Workers = append(o.Roster.Workers, o.NewWorker(t, "worker-3"))
			o.Sign(t)
			if err := v.UpdateRoster(t.Context(), o.Signed); err != nil {
				t.Fatal(err)
			}
		}
	}
	dir := testorg.Snapshot(t, v)
	v.Close()
	o.MustBeWhole(t, dir)
	return o, dir
}

// liveBytes lists the offsets of a store's vault.db that hold something: all
// pages but the free ones, as bbolt itself sees them.
func liveBytes(t *testing.T, path string) []int64 {
	t.Helper()
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: time.Second, PreLoadFreelist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var out []int64
	err = db.View(func(tx *bolt.Tx) error {
		size := int64(db.Info().PageSize)
		for id := 0; ; {
			p, err := tx.Page(id)
			if p == nil || err != nil {
				return err
			}
			n := 1 + p.OverflowCount
			if p.Type == "free" {
				n = 1
			} else {
				for i := range int64(n) * size {
					out = append(out, int64(id)*size+i)
				}
			}
			id += n
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestEveryFlippedByteIsFound flips single bytes of a good store, one at a
// time, and audits it. Each must be found, whatever it lies in: content,
// structure, or the empty rest of a page.
func TestEveryFlippedByteIsFound(t *testing.T) {
	o, dir := goodStore(t)
	type place struct {
		file   string
		offset int64
	}
	var places []place
	db := filepath.Join(dir, vault.DBName)
	for _, offset := range liveBytes(t, db) {
		places = append(places, place{db, offset})
	}
	for _, blob := range blobFiles(t, dir) {
		st, err := os.Stat(blob)
		if err != nil {
			t.Fatal(err)
		}
		for i := range st.Size() {
			places = append(places, place{blob, i})
		}
	}
	t.Logf("%d bytes of live pages and blobs", len(places))
	if !*everyByte {
		const sample = 1500
		rand.Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
		places = places[:sample]
	}
	for _, p := range places {
		restore := flip(t, p.file, p.offset)
		if r := o.Audit(t, dir, nil); r.Whole {
			t.Errorf("byte %d of %s was flipped and nothing was found", p.offset, filepath.Base(p.file))
		}
		restore()
	}
	o.MustBeWhole(t, dir)
}

// flip flips the bits of one byte of a file and returns what undoes it.
func flip(t *testing.T, path string, offset int64) func() {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	var old [1]byte
	if _, err := f.ReadAt(old[:], offset); err != nil {
		t.Fatal(err)
	}
	mask := byte(1) << rand.IntN(8)
	write := func(b byte) {
		if _, err := f.WriteAt([]byte{b}, offset); err != nil {
			t.Fatal(err)
		}
	}
	write(old[0] ^ mask)
	return func() {
		write(old[0])
		f.Close()
	}
}
