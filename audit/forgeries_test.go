package audit_test

import (
	"bytes"
	"slices"

	bolt "go.etcd.io/bbolt"

	"tocsin/testorg"
)

// A forging is one way to forge a store, and a row of docs/attacks.md.
type forging struct {
	want  string // the ID of the finding, and after it those that follow from it
	name  string // in words for who audits, and for who judges an audit
	forge func(*forgery)
}

// What an attacker must hold, beside write access to the store.
const (
	nothing    = "nothing: it is left undone"
	access     = "write access alone"
	ledgerKey  = "the intake's ledger key"
	workerKey  = "the ledger key, and one case worker's"
	workerKeys = "the ledger key, and two case workers'"
	orgKey     = "the organisation's key"
)

// An attack is a forging and what it takes.
type attack struct {
	forging
	holds string
	means []means // that show it where the store alone does not
}

func by(holds string, list []forging) (attacks []attack) {
	for _, f := range list {
		attacks = append(attacks, attack{f, holds, nil})
	}
	return attacks
}

// A subject is a table of docs/attacks.md.
type subject struct {
	name    string
	attacks []attack
}

var subjects = []subject{
	{"One bit flipped", forgedFlips},
	{"Files and pages", forgedFiles},
	{"Records", forgedRecords},
	{"Ledger", forgedLedgers},
	{"A history of its own", forgedHistories},
	{"Rosters, and who did what", forgedRosters},
	{"Published and cosigned", forgedPublished},
	{"Envelopes and messages", forgedSealed},
	{"Purged and withdrawn", forgedRetired},
	{"Left undone", forgedDelays},
	{unseen, forgedUnseen},
}

const unseen = "What no audit without keys can see"

// forgeries has at least one for each ID of a finding.
var forgeries = func() (all []attack) {
	for _, s := range subjects {
		all = append(all, s.attacks...)
	}
	return all
}()

// forgedFiles change the files and pages.
var forgedFiles = by(access, []forging{
	{"file-unknown", "a file laid beside the store", func(f *forgery) { writeFile(f, "notes.txt") }},
	{"file-tail", "text after the last page of the database", func(f *forgery) {
		f.raw(func(b []byte) []byte { return append(b, "the witness is in room 12"...) })
	}},
	{"page-checksum", "the older of the two meta pages altered", func(f *forgery) { overwrite(f, pageSize+40, []byte{9}) }},
	{"page-header", "a page with another page's number", func(f *forgery) {
		f.raw(func(b []byte) []byte {
			root, _ := f.tree(b, "envelopes")
			le.PutUint64(b[root*pageSize:], root+1)
			return b
		})
	}},
	{"page-slack", "text in the empty rest of a page", func(f *forgery) { overwrite(f, 4000, []byte("room 12")) }},
	{"page-unreadable roster-missing", "the database cut short", func(f *forgery) {
		f.raw(func(b []byte) []byte { return b[:100] })
	}},
	{"page-element record-missing", "an element of a page that points elsewhere", func(f *forgery) {
		f.raw(func(b []byte) []byte {
			root, _ := f.tree(b, "envelopes")
			b[root*pageSize+16+16+4]++
			return b
		})
	}},
	{"page-order schema-bucket", "keys in the wrong order", func(f *forgery) {
		f.edit(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucket([]byte("odd"))
			if err == nil {
				err = b.Put([]byte("first-key"), nil)
			}
			if err == nil {
				err = b.Put([]byte("second-key"), nil)
			}
			return err
		})
		f.raw(func(b []byte) []byte { return bytes.Replace(b, []byte("first-key"), []byte("third-key"), 1) })
	}},
	{"page-depth page-lost record-missing", "a tree of pages without an end", func(f *forgery) {
		f.raw(func(b []byte) []byte {
			_, header := f.tree(b, "envelopes")
			le.PutUint64(b[header:], uint64(len(b)/pageSize))
			for range 65 {
				id := uint64(len(b) / pageSize)
				p := make([]byte, pageSize)
				le.PutUint64(p, id)
				le.PutUint16(p[8:], 1)
				le.PutUint16(p[10:], 1)
				le.PutUint32(p[16:], 16)
				le.PutUint32(p[20:], 8)
				le.PutUint64(p[24:], id+1)
				copy(p[32:], key(caseA))
				b = append(b, p...)
			}
			for n := range 2 {
				le.PutUint64(b[n*pageSize+56:], uint64(len(b)/pageSize))
				testorg.SumMeta(b[n*pageSize : (n+1)*pageSize])
			}
			return b
		})
	}},
	{"page-twice", "a page in use called free, to be overwritten", func(f *forgery) {
		f.raw(func(b []byte) []byte {
			// In its place among the free ones: which pages those are differs
			// from store to store.
			live, _ := f.tree(b, "envelopes")
			freed := append(freePages(b), live)
			slices.Sort(freed)
			return setFreePages(b, freed)
		})
	}},
	{"page-freelist", "a page called free that is not there", func(f *forgery) {
		f.raw(func(b []byte) []byte { return setFreePages(b, append(freePages(b), le.Uint64(b[56:])+1)) })
	}},
	{"page-lost", "a page hidden from use: neither in use nor called free", func(f *forgery) {
		f.raw(func(b []byte) []byte { return setFreePages(b, freePages(b)[1:]) })
	}},
	{"page-free", "plaintext in a free page", func(f *forgery) {
		f.raw(func(b []byte) []byte {
			copy(b[le.Uint64(b[le.Uint64(b[48:])*pageSize+16:])*pageSize+100:], "the witness is in room 12")
			return b
		})
	}},
})

// freePages returns the pages in the freelist of a file whose meta page 0 is in force.
func freePages(b []byte) []uint64 {
	list := b[le.Uint64(b[48:])*pageSize:]
	ids := make([]uint64, le.Uint16(list[10:]))
	for i := range ids {
		ids[i] = le.Uint64(list[16+8*i:])
	}
	return ids
}

// setFreePages writes another freelist in its place.
func setFreePages(b []byte, ids []uint64) []byte {
	list := b[le.Uint64(b[48:])*pageSize:]
	clear(list[16 : 16+8*le.Uint16(list[10:])])
	le.PutUint16(list[10:], uint16(len(ids)))
	for i, id := range ids {
		le.PutUint64(list[16+8*i:], id)
	}
	return b
}
