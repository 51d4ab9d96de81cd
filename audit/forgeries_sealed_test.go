package audit_test

import (
	"bytes"
	"os"
	"strings"

	"filippo.io/age"

	"tocsin/ledger"
	"tocsin/testorg"
	"tocsin/vault"
)

// forgedSealed change envelopes and messages.
var forgedSealed = []forging{
	{"envelope-malformed", "text in place of an envelope", func(f *forgery) { f.envelope([]byte("AGE-SECRET-KEY-PQ-1")) }},
	{"rekey-roster", "an envelope sealed again for a roster to come", func(f *forgery) {
		f.addEvent(&ledger.Leaf{Event: ledger.EventRekey, Case: f.a.ID, Number: f.Roster.Number + 1, Envelope: testorg.Digest(f.a.Envelope.Sealed)})
	}},
	{"envelope-recipients", "a recipient too many", func(f *forgery) {
		f.envelope(f.seal(78, append(f.workers(), testorg.Identity(f.T).Recipient())...))
	}},
	{"envelope-recipients", "a recipient too few", func(f *forgery) { f.envelope(f.seal(78, f.workers()[0])) }},
	{"envelope-size", "something else in an envelope", func(f *forgery) { f.envelope(f.seal(79, f.workers()...)) }},
	{"envelope-header", "text in the clear in an envelope's stanza", func(f *forgery) {
		f.envelope(f.talkative(f.seal(78, f.workers()...)))
	}},
	{"message-header", "text in the clear in a message's stanza", func(f *forgery) {
		f.message(f.talkative(f.seal(16<<10, f.a.Key.Recipient())))
	}},
	{"recipient-type envelope-header", "an envelope to classic keys", func(f *forgery) {
		var to []age.Recipient
		for range 2 {
			id, err := age.GenerateX25519Identity()
			f.must(err)
			to = append(to, id.Recipient())
		}
		f.envelope(f.seal(78, to...))
	}},
	{"recipient-type message-header", "a message to a passphrase", func(f *forgery) {
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

// talkative writes another argument into the first stanza of an age file: it is
// as well formed as before.
func (f *forgery) talkative(sealed []byte) []byte {
	f.Helper()
	const kind = "-> mlkem768x25519 "
	changed := bytes.Replace(sealed, []byte(kind), []byte(kind+"the-witness-is-in-room-12 "), 1)
	if bytes.Equal(changed, sealed) {
		f.Fatal("no stanza begins with " + kind)
	}
	return changed
}
