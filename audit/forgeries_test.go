package audit_test

import (
	"bytes"
	"crypto/rand"
	"os"
	"slices"
	"strings"

	"filippo.io/age"
	bolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/note"

	"tocsin/ledger"
	"tocsin/testorg"
	"tocsin/vault"
)

// forgeries has at least one for each ID of a finding: what is wanted first.
var forgeries = []struct {
	want  string
	name  string
	forge func(*forgery)
}{
	// The file.
	{"file-unknown", "a note beside the store", func(f *forgery) { writeFile(f, "notes.txt") }},
	{"file-tail", "bytes after the last page", func(f *forgery) {
		f.raw(func(b []byte) []byte { return append(b, "the witness is in room 12"...) })
	}},
	{"page-checksum", "a byte of the older meta page", func(f *forgery) { overwrite(f, pageSize+40, []byte{9}) }},
	{"page-header", "a page with another page's number", func(f *forgery) {
		f.raw(func(b []byte) []byte {
			root, _ := f.tree(b, "envelopes")
			le.PutUint64(b[root*pageSize:], root+1)
			return b
		})
	}},
	{"page-slack", "bytes where nothing lies", func(f *forgery) { overwrite(f, 4000, []byte("room 12")) }},
	{"page-unreadable roster-missing", "a file cut short", func(f *forgery) {
		f.raw(func(b []byte) []byte { return b[:100] })
	}},
	{"page-element record-missing", "an element that points elsewhere", func(f *forgery) {
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
	{"page-depth page-lost record-missing", "a tree without an end", func(f *forgery) {
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
	{"page-twice", "a live page in the freelist", func(f *forgery) {
		f.raw(func(b []byte) []byte {
			// In its place among the free ones: which pages those are differs
			// from store to store.
			live, _ := f.tree(b, "envelopes")
			freed := append(freePages(b), live)
			slices.Sort(freed)
			return setFreePages(b, freed)
		})
	}},
	{"page-freelist", "a page that is not there in the freelist", func(f *forgery) {
		f.raw(func(b []byte) []byte { return setFreePages(b, append(freePages(b), le.Uint64(b[56:])+1)) })
	}},
	{"page-lost", "a page left out of the freelist", func(f *forgery) {
		f.raw(func(b []byte) []byte { return setFreePages(b, freePages(b)[1:]) })
	}},
	{"page-free", "text in a free page", func(f *forgery) {
		f.raw(func(b []byte) []byte {
			copy(b[le.Uint64(b[le.Uint64(b[48:])*pageSize+16:])*pageSize+100:], "the witness is in room 12")
			return b
		})
	}},

	// The schema.
	{"schema-bucket", "an unknown bucket", func(f *forgery) {
		f.edit(func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte("\x1b[2J\u202e")); return err })
	}},
	{"schema-key", "an unknown key", func(f *forgery) { f.put("messages", []byte("\x1b[2J"), []byte("room 12")) }},
	{"schema-value", "a bucket with a sequence", func(f *forgery) {
		f.edit(func(tx *bolt.Tx) error { return tx.Bucket([]byte("tags")).SetSequence(1) })
	}},
	{"store-version", "a later version", func(f *forgery) { f.put("vault", []byte("version"), []byte("2")) }},
	{"record-missing", "a report dropped", func(f *forgery) { f.del("messages", key(reportA)) }},
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

	// The ledger.
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

	// Rosters, and who may do what.
	{"roster-signature roster-missing", "a roster of another organisation", func(f *forgery) {
		forged := testorg.New(f.T, 2).Signed
		f.put("rosters", key(rosterLeaf), forged)
		f.leaf(rosterLeaf, func(l *ledger.Leaf) { l.Digest = testorg.Digest(forged) })
	}},
	{"roster-missing roster-signature", "no roster that the organisation signed", func(f *forgery) {
		forged := bytes.Replace(f.Signed, []byte("Test organisation"), []byte("Best organisation"), 1)
		f.put("rosters", key(rosterLeaf), forged)
		f.leaf(rosterLeaf, func(l *ledger.Leaf) { l.Digest = testorg.Digest(forged) })
	}},
	{"roster-number", "a leaf that numbers its roster otherwise", func(f *forgery) {
		f.leaf(rosterLeaf, func(l *ledger.Leaf) { l.Number = 2 })
	}},
	{"roster-order", "a second roster of the same number", func(f *forgery) {
		f.Roster.Organisation = "Other organisation"
		f.Sign(f.T)
		f.put("rosters", key(leafCount), f.Signed)
		f.history(func(leaves [][]byte) [][]byte {
			return append(leaves, f.encode(&ledger.Leaf{
				Event: ledger.EventRoster, Day: ledger.DayOf(f.Day), Number: 1, Digest: testorg.Digest(f.Signed),
			}))
		})
	}},
	{"roster-fork", "the auditor has another roster of that number", func(f *forgery) {
		f.Roster.Organisation = "Other organisation"
		f.Sign(f.T)
	}},
	{"roster-rollback", "the auditor has a later roster", func(f *forgery) {
		f.Roster.Number++
		f.Sign(f.T)
	}},
	{"roster-origin", "the auditor has another intake's roster", func(f *forgery) {
		_, vkey, err := note.GenerateKey(rand.Reader, "other.test/intake")
		f.must(err)
		f.Roster.Origin, f.Roster.Intake.Ledger = "other.test/intake", vkey
		f.Sign(f.T)
	}},
	{"event-worker", "a hand-over by no case worker", func(f *forgery) {
		f.signedLeaf(handOverA, f.Workers[0], "nobody", func(*ledger.Leaf) {})
	}},
	{"event-signature", "a hand-over signed by another", func(f *forgery) {
		f.signedLeaf(handOverA, f.Workers[1], f.Workers[0].Name, func(*ledger.Leaf) {})
	}},
	{"event-signature", "a hand-over altered", func(f *forgery) {
		f.leaf(handOverA, func(l *ledger.Leaf) { l.Destination = "foreign-affairs" })
	}},
	{"event-destination", "a hand-over to no destination", func(f *forgery) {
		f.signedLeaf(handOverA, f.Workers[0], f.Workers[0].Name, func(l *ledger.Leaf) { l.Destination = "elsewhere" })
	}},
	{"event-order", "an acknowledgement of no hand-over", func(f *forgery) {
		f.addEvent(&ledger.Leaf{Event: ledger.EventAcknowledged, Case: f.b.ID, Destination: "police", Size: 1, Digest: testorg.Digest(nil)})
	}},

	// Envelopes and messages.
	{"envelope-malformed", "text in place of an envelope", func(f *forgery) { f.envelope([]byte("AGE-SECRET-KEY-PQ-1")) }},
	{"rekey-roster", "an envelope sealed again for a roster to come", func(f *forgery) {
		f.addEvent(&ledger.Leaf{Event: ledger.EventRekey, Case: f.a.ID, Number: f.Roster.Number + 1, Envelope: testorg.Digest(f.a.Envelope.Sealed)})
	}},
	{"envelope-recipients", "a recipient too many", func(f *forgery) {
		f.envelope(f.seal(78, append(f.workers(), testorg.Identity(f.T).Recipient())...))
	}},
	{"envelope-recipients", "a recipient too few", func(f *forgery) { f.envelope(f.seal(78, f.workers()[0])) }},
	{"envelope-size", "something else in an envelope", func(f *forgery) { f.envelope(f.seal(79, f.workers()...)) }},
	{"envelope-purged", "an envelope that the ledger says was destroyed", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.a.ID, ledger.RuleRequest, f.end()))
		f.addSigned(f.Purge(f.Workers[1], f.a.ID, ledger.RuleRequest))
	}},
	{"purged-signers", "a case purged by one worker alone", func(f *forgery) { f.purge(f.Workers[0], f.b, ledger.RuleRequest) }},
	{"purged-signers", "a case purged by one worker who signed twice", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.purge(f.Workers[0], f.b, ledger.RuleRequest)
	}},
	{"purged-signers", "a case purged that a colleague would have purged under another rule", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRetention, f.end()))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
	}},
	{"purged-signers event-worker", "a case purged with somebody who is no case worker", func(f *forgery) {
		f.addSigned(f.ProposePurge(testorg.Worker{Name: "nobody", Desk: f.Workers[0].Desk}, f.b.ID, ledger.RuleRequest, f.end()))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
	}},
	{"purged-signers", "a case purged by as many as another policy asks for", func(f *forgery) {
		f.Roster.Policy.PurgeSigners = 3
		f.Sign(f.T)
		f.put("rosters", key(rosterLeaf), f.Signed)
		f.leaf(rosterLeaf, func(l *ledger.Leaf) { l.Digest = testorg.Digest(f.Signed) })
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
	}},
	{"purged-signers", "a case purged on a proposal from before a message", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, caseB))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
	}},
	{"purged-signers", "a case purged on a proposal for whatever may come", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, 1<<61))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
	}},
	{"purged-held", "a case purged while it was held", func(f *forgery) {
		f.addSigned(f.Hold(f.Workers[1], f.b.ID))
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
	}},
	{"purged-early", "a case purged before its time", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRetention, f.end()))
		f.purge(f.Workers[1], f.b, ledger.RuleRetention)
	}},
	{"purged-rule", "a case purged under no rule", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, "tidying", f.end()))
		f.purge(f.Workers[1], f.b, "tidying")
	}},
	{"leaf-order", "a purged case handed over", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.purge(f.Workers[1], f.b, ledger.RuleRequest)
		f.addSigned(f.HandOver(f.Workers[1], f.b.ID, "police"))
	}},
	{"record-missing", "an envelope gone that two would have purged", func(f *forgery) {
		f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
		f.addSigned(f.ProposePurge(f.Workers[1], f.b.ID, ledger.RuleRequest, f.end()))
		f.del("envelopes", key(caseB))
	}},
	{"envelope-withdrawn", "an envelope that its witness withdrew", func(f *forgery) {
		envelope := f.get("envelopes", key(caseB))
		f.withdraw(f.b)
		f.put("envelopes", key(caseB), envelope)
	}},
	{"withdrawn-secret", "a report withdrawn by somebody else", func(f *forgery) {
		f.leaf(withdrawnC, func(l *ledger.Leaf) { l.Secret[7] ^= 1 })
	}},
	{"withdrawn-secret", "a report withdrawn with what the record shows", func(f *forgery) {
		f.leaf(withdrawnC, func(l *ledger.Leaf) { l.Secret = f.c.Case.Withdrawal })
	}},
	{"withdrawn-order", "a report withdrawn after it was handed over", func(f *forgery) { f.withdraw(f.a) }},
	{"withdrawn-order purged-signers", "a report withdrawn that was purged", func(f *forgery) {
		f.history(func(leaves [][]byte) [][]byte {
			l := &ledger.Leaf{Event: ledger.EventPurged, Case: f.c.ID, Rule: ledger.RuleRequest, Day: ledger.DayOf(f.Day), Done: ledger.DayOf(f.Day)}
			l.Sign(f.Instance(), f.Workers[0].Name, f.Workers[0].Desk)
			f.put("signatures", signature(l), key(additionC))
			f.del("messages", key(additionC))
			f.del("additions", onceOf(f, leaves[additionC]))
			leaves[additionC] = f.encode(l)
			return leaves
		})
	}},
	{"withdrawn-policy", "a report withdrawn under a roster that does not allow it", func(f *forgery) {
		f.Roster.Policy.Withdraw = false
		f.Sign(f.T)
		f.put("rosters", key(rosterLeaf), f.Signed)
		f.leaf(rosterLeaf, func(l *ledger.Leaf) { l.Digest = testorg.Digest(f.Signed) })
	}},
	{"leaf-order", "an addition to a withdrawn report", func(f *forgery) {
		f.history(func(leaves [][]byte) [][]byte {
			f.put("messages", key(withdrawnC), f.get("messages", key(additionC)))
			f.del("messages", key(additionC))
			f.put("additions", onceOf(f, leaves[additionC]), key(withdrawnC))
			leaves[additionC], leaves[withdrawnC] = leaves[withdrawnC], leaves[additionC]
			return leaves
		})
	}},
	{"leaf-twice", "one form that added twice", func(f *forgery) {
		f.history(func(leaves [][]byte) [][]byte {
			l, err := ledger.ParseLeaf(leaves[additionC])
			f.must(err)
			f.put("threads", append(key(caseC), key(leafCount)...), nil)
			f.put("messages", key(withdrawnC), f.get("messages", key(additionC)))
			f.put("additions", l.Once[:], key(withdrawnC))
			return append(leaves[:withdrawnC:withdrawnC], leaves[additionC], leaves[withdrawnC])
		})
	}},
	{"recipient-type", "an envelope to classic keys", func(f *forgery) {
		var to []age.Recipient
		for range 2 {
			id, err := age.GenerateX25519Identity()
			f.must(err)
			to = append(to, id.Recipient())
		}
		f.envelope(f.seal(78, to...))
	}},
	{"recipient-type", "a message to a passphrase", func(f *forgery) {
		r, err := age.NewScryptRecipient("room 12")
		f.must(err)
		r.SetWorkFactor(4)
		f.message(f.seal(16<<10, r))
	}},
	{"message-malformed", "text in place of a message", func(f *forgery) { f.message([]byte("the witness is in room 12")) }},
	{"message-recipients", "a message to one more", func(f *forgery) {
		f.message(f.seal(16<<10, f.a.Key.Recipient(), f.workers()[0]))
	}},
	{"message-padding", "a message that shows its length", func(f *forgery) { f.message(f.seal(16<<10+1, f.a.Key.Recipient())) }},
	{"message-size", "a blob cut short", func(f *forgery) { f.writeBlob(func(b []byte) []byte { return b[:len(b)-1] }) }},
	{"message-digest", "a blob altered", func(f *forgery) {
		f.writeBlob(func(b []byte) []byte {
			b[len(b)/2] ^= 1
			return b
		})
	}},
	{"blob-missing", "a blob removed", func(f *forgery) { f.must(os.Remove(f.blob())) }},
	{"blob-unreadable", "a directory in place of a blob", func(f *forgery) {
		name := f.blob()
		f.must(os.Remove(name))
		f.must(os.Mkdir(name, 0o700))
	}},
	{"blob-stray", "a note among the blobs", func(f *forgery) { writeFile(f, vault.BlobsDir+"/room 12\x1b[2J") }},
	{"blob-stray", "an upload that no record names", func(f *forgery) {
		writeFile(f, vault.BlobsDir+"/"+strings.Repeat("0f", 16))
	}},
	{"blob-small", "a small message in a blob", func(f *forgery) {
		small := f.seal(16<<10, f.b.Key.Recipient())
		f.writeBlob(func([]byte) []byte { return small })
		f.leaf(reportB, func(l *ledger.Leaf) { l.Size, l.Digest = int64(len(small)), testorg.Digest(small) })
	}},
	{"blob-twice", "two messages in one blob", func(f *forgery) {
		f.put("messages", key(reportA), f.get("messages", key(reportB)))
		f.leaf(reportA, func(l *ledger.Leaf) { l.Size, l.Digest = int64(len(f.b.Message)), testorg.Digest(f.b.Message) })
	}},
}

func onceOf(f *forgery, leaf []byte) []byte {
	l, err := ledger.ParseLeaf(leaf)
	f.must(err)
	return l.Once[:]
}

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
