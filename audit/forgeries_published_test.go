package audit_test

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"tocsin/audit"
	"tocsin/ledger"
	"tocsin/seal/roster"
	"tocsin/testorg"
)

// forgedPublished change what was published and cosigned.
var forgedPublished = slices.Concat(by(access, []forging{
	{"cosigned-old day-ahead deadline-overdue", "an old state shown again and again, with the cosignatures of then", func(f *forgery) {
		c := f.addCosigners(2)
		f.publish("cosigned", "2099-01-01", f.Ledger, f.end()+1, f.root(f.end()+1), c...)
		f.Day = f.Day.AddDate(0, 0, 6)
	}},
	{"published-malformed", "plaintext in place of what was published", func(f *forgery) {
		f.put("head", []byte("published"), []byte("2026-03-15\nthe witness is in room 12\n"))
	}},
	{"published-signature", "a published checkpoint signed with another key", func(f *forgery) {
		f.publish("published", "2026-03-15", testorg.New(f.T, 1).Ledger, leafCount, f.root(leafCount))
	}},
	{"cosigned-signature", "a cosigned checkpoint that the ledger did not sign", func(f *forgery) {
		c := f.addCosigners(1)
		f.publish("cosigned", "2026-03-15", testorg.New(f.T, 1).Ledger, leafCount+1, f.root(leafCount+1), c...)
	}},
}), by(ledgerKey, []forging{
	{"published-root", "other leaves published than there are", func(f *forgery) {
		f.publish("published", "2026-03-15", f.Ledger, 3, [32]byte(random(32)))
	}},
	{"published-root", "more leaves published than there are", func(f *forgery) {
		f.publish("published", "2026-03-15", f.Ledger, leafCount+1, [32]byte(random(32)))
	}},
	{"published-day", "leaves published on their own day", func(f *forgery) {
		f.publish("published", "2026-03-14", f.Ledger, leafCount, f.root(leafCount))
	}},
	{"published-day", "leaves cosigned on their own day", func(f *forgery) {
		c := f.addCosigners(1)
		f.publish("cosigned", "2026-03-14", f.Ledger, f.end()+1, f.root(f.end()+1), c...)
	}},
	{"published-short", "a leaf of the day before left out of what is published", func(f *forgery) {
		f.publish("published", "2026-03-15", f.Ledger, leafCount-1, f.root(leafCount-1))
	}},
	{"published-short", "an empty ledger published", func(f *forgery) {
		f.publish("published", "2026-03-15", f.Ledger, 0, f.root(0))
	}},
	{"published-short", "a leaf of the day before left out of what is cosigned", func(f *forgery) {
		c := f.addCosigners(1)
		f.publish("cosigned", "2026-03-15", f.Ledger, leafCount, f.root(leafCount), c...)
	}},
	{"cosigned-root", "other leaves cosigned than there are", func(f *forgery) {
		c := f.addCosigners(1)
		f.publish("cosigned", "2026-03-15", f.Ledger, 3, [32]byte(random(32)), c...)
	}},
	{"cosigned-quorum", "a cosigned checkpoint that nobody cosigned", func(f *forgery) {
		f.addCosigners(1)
		f.publish("cosigned", "2026-03-15", f.Ledger, leafCount+1, f.root(leafCount+1))
	}},
	{"cosigned-quorum", "a cosigned checkpoint that too few cosigned", func(f *forgery) {
		c := f.addCosigners(2)
		f.publish("cosigned", "2026-03-15", f.Ledger, leafCount+1, f.root(leafCount+1), c[1])
	}},
	{"cosigned-quorum signature-unknown", "a cosigned checkpoint that strangers cosigned", func(f *forgery) {
		f.addCosigners(1)
		stranger, _ := cosigner("stranger")
		f.publish("cosigned", "2026-03-15", f.Ledger, leafCount+1, f.root(leafCount+1), stranger)
	}},
	{"cosigned-quorum signature-unknown", "a checkpoint cosigned by those of a roster that was replaced before", func(f *forgery) {
		c := f.addCosigners(1)
		f.addRoster(func() { f.Roster.Cosigners, f.Roster.Policy.Quorum = nil, 0 })
		f.publish("cosigned", "2026-03-15", f.Ledger, f.end()+1, f.root(f.end()+1), c...)
	}},
	{"cosigned-quorum cosigned-stale deadline-overdue", "leaves that too few cosigned for days", func(f *forgery) {
		c := f.addCosigners(2)
		f.publish("cosigned", "2026-03-15", f.Ledger, f.end()+1, f.root(f.end()+1), c[1])
		f.publish("published", "2026-03-19", f.Ledger, leafCount+1, f.root(leafCount+1))
		f.Day = f.Day.AddDate(0, 0, 4)
	}},
	{"signature-unknown", "words below the checkpoint", func(f *forgery) {
		f.put("head", []byte("checkpoint"), append(f.get("head", []byte("checkpoint")), wordyLine...))
	}},
	{"signature-unknown", "words below a published checkpoint", func(f *forgery) {
		f.publish("published", "2026-03-15", f.Ledger, leafCount, f.root(leafCount))
		f.put("head", []byte("published"), append(f.get("head", []byte("published")), wordyLine...))
	}},
	{"signature-unknown", "words below a cosigned checkpoint", func(f *forgery) {
		c := f.addCosigners(1)
		f.publish("cosigned", "2026-03-15", f.Ledger, f.end()+1, f.root(f.end()+1), c...)
		f.put("head", []byte("cosigned"), append(f.get("head", []byte("cosigned")), wordyLine...))
	}},
	{"signature-unknown", "what was published signed by a namesake of a cosigner", func(f *forgery) {
		f.addCosigners(1)
		stranger, _ := cosigner("cosigner-1")
		f.publish("published", "2026-03-15", f.Ledger, leafCount+1, f.root(leafCount+1), stranger)
	}},
	{"cosigned-stale deadline-overdue", "leaves that nobody cosigned for days", func(f *forgery) {
		f.addCosigners(1)
		f.publish("published", "2026-03-19", f.Ledger, leafCount+1, f.root(leafCount+1))
		f.Day = f.Day.AddDate(0, 0, 4)
	}},
}))

// wordyLine has the form of a signature, and nobody's key.
const wordyLine = "— the-witness-is-in-room-12 AAAAAAAA\n"

// cosigner makes a cosigner of that name.
func cosigner(name string) (note.Signer, roster.Cosigner) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	host := name + ".test"
	s := ledger.NewCosignatureSigner(host, key, func() time.Time { return time.Date(2026, 3, 15, 9, 0, 0, 0, time.UTC) })
	return s, roster.Cosigner{Name: name, Key: roster.CosignerKey(host, key.Public().(ed25519.PublicKey)), URL: "https://" + host}
}

// addCosigners puts a roster in force that asks for so many cosigners.
func (f *forgery) addCosigners(n int) []note.Signer {
	f.Helper()
	var signers []note.Signer
	f.addRoster(func() {
		f.Roster.Cosigners, f.Roster.Policy.Quorum = nil, n
		for i := range n {
			s, c := cosigner(fmt.Sprintf("cosigner-%d", i+1))
			signers, f.Roster.Cosigners = append(signers, s), append(f.Roster.Cosigners, c)
		}
	})
	return signers
}

// publish puts a checkpoint with those signatures under that key of the head.
func (f *forgery) publish(key, day string, by note.Signer, size int64, root [32]byte, cosigners ...note.Signer) {
	f.Helper()
	cp := ledger.Checkpoint{Origin: testorg.Origin, Size: size, Root: root}
	signed, err := note.Sign(&note.Note{Text: string(cp.Marshal())}, append([]note.Signer{by}, cosigners...)...)
	f.must(err)
	f.put("head", []byte(key), append([]byte(day+"\n"), signed...))
}

// What is published and cosigned as it should be is no finding: also by the
// cosigners of a roster that came after, and once the ledger has gone on.
func TestCosigned(t *testing.T) {
	whole := func(t *testing.T, f *forgery) {
		t.Helper()
		for _, x := range f.Audit(t, f.dir, nil).Findings {
			if x.Severity != audit.Notice {
				t.Errorf("found %v", x)
			}
		}
	}
	good := newForgery(t)
	t.Run("by a later roster", func(t *testing.T) {
		f := good.copy(t)
		f.Day = f.Day.AddDate(0, 0, 1)
		c := f.addCosigners(2)
		f.publish("cosigned", "2026-03-15", f.Ledger, leafCount, f.root(leafCount), c...)
		f.publish("published", "2026-03-18", f.Ledger, leafCount+1, f.root(leafCount+1))
		whole(t, f)
	})
	t.Run("by a roster that was replaced since", func(t *testing.T) {
		f := good.copy(t)
		c := f.addCosigners(1)
		f.publish("cosigned", "2026-03-15", f.Ledger, leafCount+1, f.root(leafCount+1), c...)
		f.Day = f.Day.AddDate(0, 0, 1)
		f.addCosigners(2)
		f.publish("published", "2026-03-18", f.Ledger, leafCount+2, f.root(leafCount+2))
		whole(t, f)
	})
	t.Run("long ago in a quiet ledger", func(t *testing.T) {
		f := good.copy(t)
		c := f.addCosigners(1)
		f.publish("cosigned", "2026-03-15", f.Ledger, leafCount+1, f.root(leafCount+1), c...)
		f.publish("published", "2026-04-30", f.Ledger, leafCount+1, f.root(leafCount+1))
		whole(t, f)
	})
	t.Run("since a roster that asks for it only now", func(t *testing.T) {
		f := good.copy(t)
		f.Day = f.Day.AddDate(0, 0, 30)
		f.addCosigners(1)
		f.publish("published", string(ledger.DayOf(f.Day.AddDate(0, 0, 4))), f.Ledger, leafCount+1, f.root(leafCount+1))
		whole(t, f)
	})
}
