package audit_test

import (
	"strings"

	bolt "go.etcd.io/bbolt"

	"tocsin/ledger"
	"tocsin/testorg"
)

// forgedRecords change the records that leaves speak of, and the schema.
var forgedRecords = []forging{
	{"schema-bucket", "an unknown bucket", func(f *forgery) {
		f.edit(func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte("\x1b[2J\u202e")); return err })
	}},
	{"schema-key", "an unknown key", func(f *forgery) { f.put("messages", []byte("\x1b[2J"), []byte("room 12")) }},
	{"schema-value", "a bucket with a sequence", func(f *forgery) {
		f.edit(func(tx *bolt.Tx) error { return tx.Bucket([]byte("tags")).SetSequence(1) })
	}},
	{"store-version", "a later version", func(f *forgery) { f.put("vault", []byte("version"), []byte("2")) }},
	{"record-missing", "a report dropped", func(f *forgery) { f.del("messages", key(reportA)) }},
	{"record-malformed schema-key", "a case record to something else than a key", func(f *forgery) {
		c := f.a.Case
		c.Witness = "age1pq1" + strings.Repeat("the-witness-is-in-room-12-", 40)
		f.record(caseA, c)
	}},
	{"record-malformed schema-key", "a case record of a codename to come", func(f *forgery) {
		c := f.a.Case
		c.Codename++
		f.record(caseA, c)
	}},
	{"record-malformed", "a message's body of an unknown kind", func(f *forgery) { f.put("messages", key(reportA), []byte{7, 1}) }},
	{"record-digest", "two envelopes swapped", func(f *forgery) {
		a, b := f.get("envelopes", key(caseA)), f.get("envelopes", key(caseB))
		f.put("envelopes", key(caseA), b)
		f.put("envelopes", key(caseB), a)
	}},
	{"record-case", "a record of another case", func(f *forgery) {
		c := f.a.Case
		c.ID = ledger.NewCaseID()
		f.record(caseA, c)
	}},
	{"record-tag", "two cases under one codename", func(f *forgery) {
		c := f.b.Case
		c.Tag = f.a.Case.Tag
		f.record(caseB, c)
		f.del("tags", f.b.Case.Tag[:])
		f.put("tags", c.Tag[:], key(caseB))
	}},
	{"index-wrong", "a tag that leads to another case", func(f *forgery) { f.put("tags", f.a.Case.Tag[:], key(caseB)) }},
	{"index-missing", "a message left out of its thread", func(f *forgery) { f.del("threads", append(key(caseA), key(replyA)...)) }},
}

// forgedLedgers change leaves, tree and checkpoint.
var forgedLedgers = []forging{
	{"leaf-missing schema-key tree-hash checkpoint-root", "a leaf dropped", func(f *forgery) { f.del("leaves", key(handOverA)) }},
	{"leaf-malformed", "a leaf of a later version", func(f *forgery) {
		f.history(func(leaves [][]byte) [][]byte {
			l, err := ledger.ParseLeaf(leaves[handOverA])
			f.must(err)
			f.del("signatures", signature(l))
			return replaceKey(leaves, handOverA, "leaf.v1", "leaf.v2")
		})
	}},
	{"leaf-order", "a report dated before", func(f *forgery) { f.leaf(reportB, func(l *ledger.Leaf) { l.Day = "2026-03-13" }) }},
	{"leaf-order", "a second report of a case", func(f *forgery) {
		f.put("messages", key(leafCount), f.get("messages", key(reportA)))
		f.put("threads", append(key(caseA), key(leafCount)...), nil)
		f.history(func(leaves [][]byte) [][]byte { return append(leaves, leaves[reportA]) })
	}},
	{"leaf-twice", "an event recorded again", func(f *forgery) {
		f.history(func(leaves [][]byte) [][]byte {
			l, err := ledger.ParseLeaf(leaves[handOverA])
			f.must(err)
			f.put("signatures", signature(l), key(leafCount))
			f.put("threads", append(key(caseA), key(leafCount)...), nil)
			return append(leaves, leaves[handOverA])
		})
	}},
	{"tree-hash", "a hash of the tree altered", func(f *forgery) { f.put("hashes", key(2), random(32)) }},
	{"checkpoint-signature", "a checkpoint of another key", func(f *forgery) {
		cp := ledger.Checkpoint{Origin: testorg.Origin, Size: leafCount, Root: f.root(leafCount)}
		signed, err := cp.Sign(testorg.New(f.T, 1).Ledger)
		f.must(err)
		f.put("head", []byte("checkpoint"), signed)
	}},
	{"checkpoint-size", "a checkpoint of before", func(f *forgery) {
		f.put("head", []byte("checkpoint"), f.sign(leafCount-1, f.root(leafCount-1)))
	}},
	{"checkpoint-root", "a checkpoint of other leaves", func(f *forgery) {
		f.put("head", []byte("checkpoint"), f.sign(leafCount, [32]byte(random(32))))
	}},
	{"history-rollback", "an older state put back", func(f *forgery) { f.last = f.sign(leafCount+1, [32]byte(random(32))) }},
	{"history-rewritten", "rewritten at the same length", func(f *forgery) {
		f.message(f.seal(16<<10, f.a.Key.Recipient()))
	}},
	{"history-rewritten", "rewritten and grown", func(f *forgery) {
		f.message(f.seal(16<<10, f.a.Key.Recipient()))
		f.addEvent(&ledger.Leaf{Event: ledger.EventHeld, Case: f.a.ID, Rule: "inquiry"})
	}},
}
