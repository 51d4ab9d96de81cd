package vault_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"tocsin/audit"
	"tocsin/testorg"
	"tocsin/vault"
)

func FuzzParseCase(f *testing.F) {
	o := testorg.New(f, 1)
	c := o.NewReport(f, "seed", 0).Case
	f.Add(c.Marshal())
	f.Add(bytes.Replace(c.Marshal(), []byte("case.v1"), []byte("case.v2"), 1))
	f.Add(bytes.Replace(c.Marshal(), []byte("codename 1"), []byte("codename 01"), 1))
	f.Add(bytes.Replace(c.Marshal(), []byte("codename 1"), []byte("codename 2"), 1))
	f.Add(bytes.Replace(c.Marshal(), []byte("witness age1pq1"), []byte("witness age1pq1b"), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := vault.ParseCase(b)
		if err != nil {
			return
		}
		if !bytes.Equal(c.Marshal(), b) {
			t.Errorf("%q was read and written as %q", b, c.Marshal())
		}
	})
}

func FuzzParsePublished(f *testing.F) {
	o := testorg.New(f, 1)
	v := o.Open(f, o.Create(f))
	p := &vault.Published{Day: "2026-03-15", Signed: v.Checkpoint()}
	f.Add(p.Marshal())
	f.Add(p.Marshal()[1:])
	f.Add(bytes.Replace(p.Marshal(), []byte("\n1\n"), []byte("\n01\n"), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := vault.ParsePublished(b)
		if err == nil && !bytes.Equal(p.Marshal(), b) {
			t.Errorf("%q was read and written as %q", b, p.Marshal())
		}
	})
}

// FuzzCheck writes over bytes of a real store. A patch is any number of
// places: an offset of 4 bytes, modulo the file's length, a length of 1, and
// that many bytes. The checksums of the meta pages are set right, so that
// what they say is believed. The check must end, in little memory, and say
// that something is wrong.
func FuzzCheck(f *testing.F) {
	o := testorg.New(f, 1)
	v := o.Open(f, o.Create(f))
	if err := o.NewReport(f, "account", 0).Add(context.Background(), v); err != nil {
		f.Fatal(err)
	}
	dir := testorg.Snapshot(f, v)
	v.Close()
	path := filepath.Join(dir, vault.DBName)
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range seedPatches(good) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, patch []byte) {
		b := bytes.Clone(good)
		for len(patch) > 5 {
			at := int(le.Uint32(patch)) % len(b)
			n := min(int(patch[4]), len(patch)-5)
			copy(b[at:], patch[5:5+n])
			patch = patch[5+n:]
		}
		testorg.SumMeta(b[:pageSize])
		testorg.SumMeta(b[pageSize : 2*pageSize])
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := audit.Verify(context.Background(), audit.Options{Store: dir, Roster: o.Signed, OrgKey: o.Key})
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
			t.Errorf("the check took %d MiB of memory for a file of %d bytes", n>>20, len(b))
		}
		if bytes.Equal(b[2*pageSize:], good[2*pageSize:]) {
			return // the meta pages may agree on another number of transaction
		}
		if r.Whole {
			t.Error("the file was changed, and nothing was found")
		}
	})
}

// seedPatches change nothing, or what the structure of the file hangs on: the
// meta pages' root, freelist and end, and header, first element and first key
// of each page.
func seedPatches(good []byte) [][]byte {
	at := func(offset int, with ...byte) []byte {
		p := binary.LittleEndian.AppendUint32(nil, uint32(offset))
		return append(append(p, byte(len(with))), with...)
	}
	seeds := [][]byte{nil}
	for _, field := range []int{32, 48, 56} {
		for _, n := range []byte{0, 1, 2, 7, 255} {
			seeds = append(seeds, append(at(field, n), at(pageSize+field, n)...), at(field, n, n, n, n, n, n, n, n))
		}
	}
	for page := 2 * pageSize; page < len(good); page += pageSize {
		for _, field := range []int{0, 8, 10, 12, 16, 20, 24} {
			seeds = append(seeds, at(page+field, 255, 255))
		}
	}
	return seeds
}
