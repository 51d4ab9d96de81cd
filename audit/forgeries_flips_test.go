package audit_test

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"tocsin/ledger"
)

// forgedFlips flip one bit in every kind of object that a store has, where it
// lies on the disk. vault/flip_test.go flips bits wherever there are any.
var forgedFlips = by(access, []forging{
	{"store-version", "in the store's version", func(f *forgery) { f.flip("vault", []byte("version"), "1") }},
	{"tree-hash checkpoint-root", "in a leaf: another day", func(f *forgery) { f.flip("leaves", key(withdrawnC), "4\n") }},
	{"leaf-malformed tree-hash checkpoint-root schema-key", "in a leaf: another version", func(f *forgery) { f.flip("leaves", key(handOverA), "1 handed-over") }},
	{"tree-hash", "in a hash of the tree", func(f *forgery) { f.flip("hashes", key(2), "") }},
	{"checkpoint-signature", "in the checkpoint", func(f *forgery) { f.flip("head", []byte("checkpoint"), "") }},
	{"published-signature", "in the published checkpoint", func(f *forgery) {
		f.publish("published", "2026-03-15", f.Ledger, leafCount, f.root(leafCount))
		f.flip("head", []byte("published"), "tocsin.test")
	}},
	{"cosigned-signature", "in the cosigned checkpoint", func(f *forgery) {
		f.cosigned()
		f.flip("head", []byte("cosigned"), "tocsin.test")
	}},
	{"cosigned-quorum signature-unknown", "in a cosigner's signature", func(f *forgery) {
		f.cosigned()
		signed := f.get("head", []byte("cosigned"))
		f.flip("head", []byte("cosigned"), from(string(signed[len(signed)-60:]), "bcdefghijklmnopqrstuvwxy"))
	}},
	{"roster-signature roster-missing record-digest", "in a roster", func(f *forgery) { f.flip("rosters", key(rosterLeaf), "") }},
	{"record-digest", "in a case record: another commitment to withdraw", func(f *forgery) {
		f.flip("cases", key(caseA), from(f.a.Case.Withdrawal.String(), "0123456789"))
	}},
	{"record-malformed record-digest schema-key", "in a case record: another version", func(f *forgery) { f.flip("cases", key(caseB), "case.v1") }},
	{"record-digest", "in an envelope", func(f *forgery) {
		sealed := f.get("envelopes", key(caseA))
		f.flip("envelopes", key(caseA), string(sealed[len(sealed)-64:]))
	}},
	{"envelope-malformed record-digest", "in an envelope's first line", func(f *forgery) { f.flip("envelopes", key(caseA), "age-encryption") }},
	{"message-digest", "in a report", func(f *forgery) { f.flip("messages", key(reportA), "") }},
	{"message-digest", "in an addition", func(f *forgery) { f.flip("messages", key(additionC), "") }},
	{"message-digest", "in a reply", func(f *forgery) { f.flip("messages", key(replyA), "") }},
	{"blob-missing blob-stray index-missing schema-key", "in the name of a large message", func(f *forgery) { f.flip("messages", key(reportB), "") }},
	{"message-digest", "in a large message", func(f *forgery) {
		f.writeBlob(func(b []byte) []byte {
			b[len(b)/3] ^= 1
			return b
		})
	}},
	{"index-wrong", "in the index of cases", func(f *forgery) { f.flip("ids", f.a.ID[:], "") }},
	{"index-wrong", "in the index of codenames", func(f *forgery) { f.flip("tags", f.a.Case.Tag[:], "") }},
	{"index-wrong", "in the index of large messages", func(f *forgery) {
		name := f.get("messages", key(reportB))[1:]
		f.flip("blobs", name, "")
	}},
	{"index-wrong", "in the index of signatures", func(f *forgery) {
		l, err := ledger.ParseLeaf(f.leaves()[handOverA])
		f.must(err)
		f.flip("signatures", signature(l), "")
	}},
	{"index-wrong", "in the index of additions", func(f *forgery) { f.flip("additions", onceOf(f, f.leaves()[additionC]), "") }},
	{"index-missing schema-key", "in a case's thread", func(f *forgery) { f.flipKey("threads", append(key(caseC), key(withdrawnC)...)) }},
	{"page-checksum", "in the meta page in force", func(f *forgery) { f.flipAt(func([]byte) int { return 40 }) }},
	{"page-checksum", "in the meta page of before", func(f *forgery) { f.flipAt(func([]byte) int { return pageSize + 40 }) }},
	{"page-freelist page-lost", "in the list of free pages", func(f *forgery) {
		f.flipAt(func(b []byte) int { return int(le.Uint64(b[48:])*pageSize) + 16 + 7 })
	}},
	{"page-free", "in a free page", func(f *forgery) {
		f.flipAt(func(b []byte) int { return int(freePages(b)[0]*pageSize) + 1000 })
	}},
	{"page-slack", "in the empty rest of a page", func(f *forgery) { f.flipAt(func([]byte) int { return 2000 }) }},
	{"page-header", "in the header of a tree's page", func(f *forgery) {
		f.flipAt(func(b []byte) int {
			root, _ := f.tree(b, "envelopes")
			return int(root * pageSize)
		})
	}},
	{"page-element record-missing", "in an element of a leaf page", func(f *forgery) {
		f.flipAt(func(b []byte) int {
			root, _ := f.tree(b, "envelopes")
			return int(root*pageSize) + 16 + 16 + 4
		})
	}},
	{"page-order", "in a key of a branch page", func(f *forgery) {
		f.flipAt(func(b []byte) int {
			root, _ := f.tree(b, "messages")
			page := b[root*pageSize:]
			if le.Uint16(page[8:]) != 1 {
				f.Fatal("the messages lie on one page")
			}
			return int(root*pageSize) + 16 + int(le.Uint32(page[16:])) + 7
		})
	}},
})

// TestEveryBucketIsFlipped holds the table above to the schema.
func TestEveryBucketIsFlipped(t *testing.T) {
	source, err := os.ReadFile("forgeries_flips_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for name, bucket := range constants(t, "../vault/schema.go") {
		if strings.HasPrefix(name, "bucket") && !regexp.MustCompile(`f\.flip(Key)?\("`+bucket+`"`).Match(source) {
			t.Errorf("no bit is flipped in the bucket %s", bucket)
		}
	}
}

// flip flips a bit in the first byte of part, where the value under a key of a
// bucket has it; of any part, in the middle of the value.
func (f *forgery) flip(bucket string, key []byte, part string) {
	f.Helper()
	value := f.get(bucket, key)
	at := len(value) / 2
	if part != "" {
		at = bytes.Index(value, []byte(part))
	}
	if len(value) == 0 || at < 0 {
		f.Fatalf("%s has no %q to flip a bit of", bucket, part)
	}
	f.flipAt(func(b []byte) int { return f.only(b, append(bytes.Clone(key), value...)) + len(key) + at })
}

// flipKey flips the last bit of a key.
func (f *forgery) flipKey(bucket string, key []byte) {
	f.Helper()
	f.edit(func(tx *bolt.Tx) error {
		if k, _ := tx.Bucket([]byte(bucket)).Cursor().Seek(key); !bytes.Equal(k, key) {
			f.Fatalf("%s has no such key", bucket)
		}
		return nil
	})
	f.flipAt(func(b []byte) int { return f.only(b, key) + len(key) - 1 })
}

// only returns where a text lies in a file that has it once.
func (f *forgery) only(b, text []byte) int {
	f.Helper()
	if n := bytes.Count(b, text); n != 1 {
		f.Fatalf("%.40q is there %d times", text, n)
	}
	return bytes.Index(b, text)
}

// flipAt flips the lowest bit of one byte of the database.
func (f *forgery) flipAt(at func([]byte) int) {
	f.Helper()
	f.raw(func(b []byte) []byte {
		b[at(b)] ^= 1
		return b
	})
}

// from returns a text from the first of those characters on: one that with its
// lowest bit flipped is another of its alphabet.
func from(text, chars string) string {
	return text[strings.IndexAny(text, chars):]
}

// cosigned puts a checkpoint in force that is cosigned as a roster asks for.
func (f *forgery) cosigned() {
	f.Helper()
	c := f.addCosigners(1)
	f.publish("cosigned", "2026-03-15", f.Ledger, f.end()+1, f.root(f.end()+1), c...)
}
