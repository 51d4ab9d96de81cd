package audit_test

import (
	"bytes"
	"slices"
	"strings"

	bolt "go.etcd.io/bbolt"

	"tocsin/ledger"
	"tocsin/testorg"
)

// forgedRecords change the records that leaves speak of, and the schema.
var forgedRecords = slices.Concat(by(access, []forging{
	{"schema-bucket", "plaintext in a bucket that nothing reads", func(f *forgery) {
		f.edit(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucket([]byte("\x1b[2J\u202e"))
			if err == nil {
				err = b.Put([]byte("note"), []byte("the witness is in room 12"))
			}
			return err
		})
	}},
	{"schema-key", "plaintext in a known bucket, under an odd key", func(f *forgery) { f.put("messages", []byte("\x1b[2J"), []byte("room 12")) }},
	{"schema-value", "a number hidden in a bucket's header", func(f *forgery) {
		f.edit(func(tx *bolt.Tx) error { return tx.Bucket([]byte("tags")).SetSequence(1) })
	}},
	{"store-version", "a store that says it is of a later version", func(f *forgery) { f.put("vault", []byte("version"), []byte("2")) }},
	{"record-missing", "a report dropped", func(f *forgery) { f.del("messages", key(reportA)) }},
	{"schema-key", "a report kept twice", func(f *forgery) { f.put("messages", key(leafCount), f.get("messages", key(reportA))) }},
	{"message-digest", "two reports swapped", func(f *forgery) { f.swap("messages", reportA, reportC) }},
	{"record-digest record-case index-wrong", "two case records swapped", func(f *forgery) { f.swap("cases", caseA, caseB) }},
	{"record-malformed", "something else than a message in its place", func(f *forgery) { f.put("messages", key(reportA), []byte{7, 1}) }},
	{"record-digest", "two envelopes swapped", func(f *forgery) { f.swap("envelopes", caseA, caseB) }},
	{"index-wrong", "a codename led to another case", func(f *forgery) { f.put("tags", f.a.Case.Tag[:], key(caseB)) }},
	{"schema-key index-missing", "a reply moved to another case's thread", func(f *forgery) {
		f.del("threads", append(key(caseA), key(replyA)...))
		f.put("threads", append(key(caseB), key(replyA)...), nil)
	}},
	{"index-missing", "a reply hidden from its witness: left out of the case's thread", func(f *forgery) { f.del("threads", append(key(caseA), key(replyA)...)) }},
}), by(ledgerKey, []forging{
	{"record-malformed schema-key", "text in a case record, in place of its key", func(f *forgery) {
		c := f.a.Case
		c.Witness = "age1pq1" + strings.Repeat("the-witness-is-in-room-12-", 40)
		f.record(caseA, c)
	}},
	{"record-malformed schema-key", "a case record of an unknown version of codenames", func(f *forgery) {
		c := f.a.Case
		c.Codename++
		f.record(caseA, c)
	}},
	{"record-case", "the record of another case in place of a case's own", func(f *forgery) {
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
}))

// forgedLedgers change leaves, tree and checkpoint.
var forgedLedgers = slices.Concat(by(access, []forging{
	{"leaf-missing schema-key tree-hash checkpoint-root", "a leaf dropped", func(f *forgery) { f.del("leaves", key(handOverA)) }},
	{"tree-hash checkpoint-root record-missing schema-key index-wrong", "two leaves swapped", func(f *forgery) { f.swap("leaves", handOverA, replyA) }},
	{"leaf-order tree-hash checkpoint-root", "a report re-dated", func(f *forgery) {
		f.put("leaves", key(reportB), bytes.Replace(f.get("leaves", key(reportB)), []byte("2026-03-14"), []byte("2026-03-13"), 1))
	}},
	{"tree-hash checkpoint-root schema-key index-missing", "an addition moved to another case", func(f *forgery) {
		f.put("leaves", key(additionC), bytes.Replace(f.get("leaves", key(additionC)), []byte(f.c.ID.String()), []byte(f.a.ID.String()), 1))
	}},
	{"tree-hash", "a hash of the tree altered", func(f *forgery) { f.put("hashes", key(2), random(32)) }},
	{"checkpoint-signature", "the checkpoint signed with another key", func(f *forgery) {
		cp := ledger.Checkpoint{Origin: testorg.Origin, Size: leafCount, Root: f.root(leafCount)}
		signed, err := cp.Sign(testorg.New(f.T, 1).Ledger)
		f.must(err)
		f.put("head", []byte("checkpoint"), signed)
	}},
	{"checkpoint-size", "an old store with the newest checkpoint", func(f *forgery) {
		grown := f.copy(f.T)
		grown.goOn()
		f.put("head", []byte("checkpoint"), head(grown))
	}},
	{"checkpoint-size", "an old checkpoint in a store that went on", func(f *forgery) {
		f.put("head", []byte("checkpoint"), f.sign(leafCount-1, f.root(leafCount-1)))
	}},
}), by(ledgerKey, []forging{
	{"leaf-malformed", "a leaf of an unknown version", func(f *forgery) {
		f.history(func(leaves [][]byte) [][]byte {
			l, err := ledger.ParseLeaf(leaves[handOverA])
			f.must(err)
			f.del("signatures", signature(l))
			return replaceKey(leaves, handOverA, "leaf.v1", "leaf.v2")
		})
	}},
	{"leaf-order", "a report dated before the leaf that it follows", func(f *forgery) { f.leaf(reportB, func(l *ledger.Leaf) { l.Day = "2026-03-13" }) }},
	{"leaf-order", "a report recorded twice", func(f *forgery) {
		f.put("messages", key(leafCount), f.get("messages", key(reportA)))
		f.put("threads", append(key(caseA), key(leafCount)...), nil)
		f.history(func(leaves [][]byte) [][]byte { return append(leaves, leaves[reportA]) })
	}},
	{"event-signature", "a hand-over moved to another case, and all signed again", func(f *forgery) {
		f.addSigned(f.HandOver(f.Workers[0], f.b.ID, "police"))
		f.del("threads", append(key(caseB), key(leafCount)...))
		f.put("threads", append(key(caseA), key(leafCount)...), nil)
		f.leaf(leafCount, func(l *ledger.Leaf) { l.Case = f.a.ID })
	}},
	{"leaf-twice", "a hand-over recorded twice", func(f *forgery) {
		f.history(func(leaves [][]byte) [][]byte {
			l, err := ledger.ParseLeaf(leaves[handOverA])
			f.must(err)
			f.put("signatures", signature(l), key(leafCount))
			f.put("threads", append(key(caseA), key(leafCount)...), nil)
			return append(leaves, leaves[handOverA])
		})
	}},
	{"checkpoint-root", "a signed checkpoint of other leaves", func(f *forgery) {
		f.put("head", []byte("checkpoint"), f.sign(leafCount, [32]byte(random(32))))
	}},
}))

// swap puts each of two records in the other's place.
func (f *forgery) swap(bucket string, i, j int) {
	f.Helper()
	a, b := f.get(bucket, key(i)), f.get(bucket, key(j))
	f.put(bucket, key(i), b)
	f.put(bucket, key(j), a)
}
