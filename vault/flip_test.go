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
	o.Roster.Policy.Withdraw = true
	o.Sign(t)
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
		if _, err := v.AddMessage(t.Context(), leaf, u); err != nil {
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
	told, taken := o.NewReport(t, "account", 0), o.NewReport(t, "account", 0)
	for _, r := range []*testorg.Report{told, taken} {
		if err := r.Add(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		for _, attachment := range []int{0, 260 << 10} {
			mustAdd(t, o, v, r, attachment)
		}
	}
	if _, err := v.AddEvent(t.Context(), o.Read(o.Workers[0], told.ID)); err != nil {
		t.Fatal(err)
	}
	if err := v.Withdraw(t.Context(), taken.ID, taken.Credential.Withdrawal); err != nil {
		t.Fatal(err)
	}
	dir := testorg.Snapshot(t, v)
	v.Close()
	o.MustBeWhole(t, dir)
	return o, dir
}

// liveBytes lists the offsets of a store's vault.db that hold something: all
// pages but the free ones, as bbolt itself sees them; or only those that its
// structure lies in: meta pages, freelist, and the headers of pages and of
// their elements.
func liveBytes(t *testing.T, path string, structure bool) []int64 {
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
			pages, n := 1+p.OverflowCount, int64(1+p.OverflowCount)*size
			switch {
			case p.Type == "free":
				pages, n = 1, 0
			case structure && p.Type == "meta":
				n = 16 + 64
			case structure && p.Type == "freelist":
				n = 16 + 8*int64(p.Count)
			case structure:
				n = 16 + 16*int64(p.Count)
			}
			for i := range n {
				out = append(out, int64(id)*size+i)
			}
			id += pages
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
	for _, offset := range liveBytes(t, db, false) {
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
		const sample = 500
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

// TestFlippedStructureIsFound is the same for the few bytes, among those of
// ciphertext, that the file's structure hangs on, in a store whose trees have
// several pages.
func TestFlippedStructureIsFound(t *testing.T) {
	o, dir := manyCases(t, 85)
	db := filepath.Join(dir, vault.DBName)
	places := liveBytes(t, db, true)
	t.Logf("%d bytes of structure", len(places))
	if !*everyByte {
		// More of both meta pages than falls to them by chance.
		const metas, ofMetas, sample = 2 * 80, 25, 75
		shuffle := func(p []int64) []int64 {
			rand.Shuffle(len(p), func(i, j int) { p[i], p[j] = p[j], p[i] })
			return p
		}
		places = append(shuffle(places[metas:])[:sample], shuffle(places[:metas])[:ofMetas]...)
	}
	for _, offset := range places {
		restore := flip(t, db, offset)
		if r := o.Audit(t, dir, nil); r.Whole {
			t.Errorf("byte %d was flipped and nothing was found", offset)
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
