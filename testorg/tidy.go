package testorg

import (
	"encoding/binary"
	"hash/fnv"
	"os"
	"path/filepath"
	"testing"

	"tocsin/vault"
)

const pageSize = 4096

// Tidy does to the vault.db in dir, which a test has changed through bbolt,
// what taking a snapshot would: both meta pages are of the last transaction,
// free pages are zero, and the file ends with the last page. What is then
// found is what the test has forged.
func Tidy(t testing.TB, dir string) {
	t.Helper()
	EditDB(t, dir, func(b []byte) []byte {
		le := binary.LittleEndian
		meta := b[:pageSize]
		if txid := func(m []byte) uint64 { return le.Uint64(m[64:]) }; txid(b[pageSize:]) > txid(meta) {
			meta = b[pageSize : 2*pageSize]
		}
		meta = append([]byte(nil), meta...)
		txid := le.Uint64(meta[64:])
		for n := range uint64(2) {
			page := b[n*pageSize : (n+1)*pageSize]
			copy(page, meta)
			le.PutUint64(page, n)
			le.PutUint64(page[64:], txid-n)
			SumMeta(page)
		}
		list := b[le.Uint64(meta[48:])*pageSize:]
		for i := range int(le.Uint16(list[10:])) {
			clear(b[le.Uint64(list[16+8*i:])*pageSize:][:pageSize])
		}
		return b[:le.Uint64(meta[56:])*pageSize]
	})
}

// EditDB changes the bytes of the vault.db in dir.
func EditDB(t testing.TB, dir string, change func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, vault.DBName)
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(b), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// SumMeta sets the checksum of a meta page right.
func SumMeta(page []byte) {
	sum := fnv.New64a()
	sum.Write(page[16:72])
	binary.LittleEndian.PutUint64(page[72:], sum.Sum64())
}
