package audit_test

import (
	"bytes"
	"os"
	"slices"
	"strings"

	"filippo.io/age"

	"tocsin/ledger"
	"tocsin/seal/agefile"
	"tocsin/testorg"
	"tocsin/vault"
)

// forgedSealed change envelopes and messages.
var forgedSealed = slices.Concat(by(access, []forging{
	{"message-size", "a large message cut short", func(f *forgery) { f.writeBlob(func(b []byte) []byte { return b[:len(b)-1] }) }},
	{"message-digest", "a large message altered", func(f *forgery) {
		f.writeBlob(func(b []byte) []byte {
			b[len(b)/2] ^= 1
			return b
		})
	}},
	{"blob-missing", "a large message removed", func(f *forgery) { f.must(os.Remove(f.blob())) }},
	{"blob-unreadable", "a directory in place of a large message", func(f *forgery) {
		name := f.blob()
		f.must(os.Remove(name))
		f.must(os.Mkdir(name, 0o700))
	}},
	{"blob-stray", "plaintext in a file among the large messages", func(f *forgery) { writeFile(f, vault.BlobsDir+"/room 12\x1b[2J") }},
	{"blob-stray", "a file among the large messages, named as they are", func(f *forgery) {
		writeFile(f, vault.BlobsDir+"/"+strings.Repeat("0f", 16))
	}},
}), by(ledgerKey, []forging{
	{"envelope-malformed", "plaintext in place of an envelope", func(f *forgery) { f.envelope([]byte("AGE-SECRET-KEY-PQ-1")) }},
	{"envelope-recipients", "an extra recipient slipped into an envelope", func(f *forgery) {
		f.envelope(f.seal(78, append(f.workers(), testorg.Identity(f.T).Recipient())...))
	}},
	{"envelope-recipients", "a case worker left out of an envelope", func(f *forgery) { f.envelope(f.seal(78, f.workers()[0])) }},
	{"envelope-size", "something else than a case key in an envelope", func(f *forgery) { f.envelope(f.seal(79, f.workers()...)) }},
	{"envelope-header", "plaintext in an envelope's stanza", func(f *forgery) {
		f.envelope(f.talkative(f.seal(78, f.workers()...)))
	}},
	{"message-header", "plaintext in a message's stanza", func(f *forgery) {
		f.message(f.talkative(f.seal(16<<10, f.a.Key.Recipient())))
	}},
	{"envelope-header", "words in an envelope's stanza, at its length", func(f *forgery) {
		f.envelope(f.wordy(f.seal(78, f.workers()...)))
	}},
	{"message-header", "words in a message's stanza, at its length", func(f *forgery) {
		f.message(f.wordy(f.seal(16<<10, f.a.Key.Recipient())))
	}},
	{"recipient-type envelope-header", "an envelope to classic X25519 keys", func(f *forgery) {
		var to []age.Recipient
		for range 2 {
			id, err := age.GenerateX25519Identity()
			f.must(err)
			to = append(to, id.Recipient())
		}
		f.envelope(f.seal(78, to...))
	}},
	{"recipient-type envelope-header", "a classic X25519 key among hybrid ones", func(f *forgery) {
		id, err := age.GenerateX25519Identity()
		f.must(err)
		f.envelope(f.seal(78, f.workers()[0], disguised{id.Recipient()}))
	}},
	{"recipient-type message-header", "a message to a passphrase", func(f *forgery) {
		r, err := age.NewScryptRecipient("room 12")
		f.must(err)
		r.SetWorkFactor(4)
		f.message(f.seal(16<<10, r))
	}},
	{"message-malformed", "plaintext in place of a message", func(f *forgery) { f.message([]byte("the witness is in room 12")) }},
	{"message-readable", "words below the header of a message", func(f *forgery) {
		sealed := f.seal(16<<10, f.a.Key.Recipient())
		payload := sealed[agefile.HybridHeaderSize(1):]
		copy(payload, strings.Repeat("The witness is in room 12. ", len(payload)))
		f.message(sealed)
	}},
	{"message-readable", "words in the middle of a message", func(f *forgery) {
		sealed := f.seal(16<<10, f.a.Key.Recipient())
		copy(sealed[8<<10:], strings.Repeat("The witness is in room 12. ", 30))
		f.message(sealed)
	}},
	{"message-readable", "a blob that was not encrypted", func(f *forgery) {
		f.writeBlob(func(b []byte) []byte {
			payload := b[agefile.HybridHeaderSize(1):]
			for i := range payload {
				payload[i] &= 0xF7 // as lossy as a photograph
			}
			return b
		})
		b, err := os.ReadFile(f.blob())
		f.must(err)
		f.leaf(reportB, func(l *ledger.Leaf) { l.Digest = testorg.Digest(b) })
	}},
	{"message-recipients", "an extra recipient slipped into a message", func(f *forgery) {
		f.message(f.seal(16<<10, f.a.Key.Recipient(), f.workers()[0]))
	}},
	{"message-padding", "an unpadded message", func(f *forgery) { f.message(f.seal(16<<10+1, f.a.Key.Recipient())) }},
	{"blob-small", "a small message where the large ones are", func(f *forgery) {
		small := f.seal(16<<10, f.b.Key.Recipient())
		f.writeBlob(func([]byte) []byte { return small })
		f.leaf(reportB, func(l *ledger.Leaf) { l.Size, l.Digest = int64(len(small)), testorg.Digest(small) })
	}},
	{"blob-twice", "two messages in one file", func(f *forgery) {
		f.put("messages", key(reportA), f.get("messages", key(reportB)))
		f.leaf(reportA, func(l *ledger.Leaf) { l.Size, l.Digest = int64(len(f.b.Message)), testorg.Digest(f.b.Message) })
	}},
}), by(workerKey, []forging{
	{"rekey-roster", "an envelope sealed again for a roster to come", func(f *forgery) {
		f.addEvent(&ledger.Leaf{Event: ledger.EventRekey, Case: f.a.ID, Number: f.Roster.Number + 1, Envelope: testorg.Digest(f.a.Envelope.Sealed)})
	}},
}))

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

// A disguised recipient says that it is post-quantum, so that age takes it among
// such.
type disguised struct{ age.Recipient }

func (d disguised) WrapWithLabels(fileKey []byte) ([]*age.Stanza, []string, error) {
	stanzas, err := d.Wrap(fileKey)
	return stanzas, []string{"postquantum"}, err
}

// wordy writes words over the argument of the first stanza of an age file, which
// keeps its length and is as well formed as before.
func (f *forgery) wordy(sealed []byte) []byte {
	f.Helper()
	const kind = "-> mlkem768x25519 "
	before, after, ok := bytes.Cut(sealed, []byte(kind))
	end := bytes.IndexByte(after, '\n')
	if !ok || end < 0 {
		f.Fatal("no stanza begins with " + kind)
	}
	words := strings.Repeat("the-witness-is-in-room-12 and-the-child-as-well, ", end)[:end-1] + "."
	return slices.Concat(before, []byte(kind+words), after[end:])
}
