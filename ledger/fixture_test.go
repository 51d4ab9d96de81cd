package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"tocsin/ledger"
	"tocsin/seal/roster"
)

const origin = "example.org/tocsin"

// instance is any instance; signatures are bound to it.
var instance = roster.NewInstance("example.org/organisation+00000000+key", origin)

// deskKey makes the same key for the same name each time.
func deskKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("desk key of " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// noteKey makes the same note key for the same name and seed each time.
func noteKey(t testing.TB, name, seed string) (note.Signer, string) {
	t.Helper()
	s := sha256.Sum256([]byte("note key of " + seed))
	vkey, err := note.NewEd25519VerifierKey(name, public(ed25519.NewKeyFromSeed(s[:])))
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.SplitN(vkey, "+", 3)[1]
	signer, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, s[:]...)))
	if err != nil {
		t.Fatal(err)
	}
	return signer, vkey
}

// A frozen leaf is one as the first version wrote it. These texts never
// change: their hashes stand in ledgers that are kept for years.
type frozen struct {
	name      string
	leaf      ledger.Leaf
	text      string
	statement string // what the case worker signed; empty if nobody signs
}

var (
	someCase = ledger.CaseID{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	digestA  = ledger.Digest(bytes.Repeat([]byte{0xaa}, 32))
	digestB  = ledger.Digest(bytes.Repeat([]byte{0xbb}, 32))
	digestC  = ledger.Digest(bytes.Repeat([]byte{0xcc}, 32))
	digestD  = ledger.Digest(bytes.Repeat([]byte{0xdd}, 32))
)

// leaves returns one leaf of each event and kind, as ana signed them.
func leaves() []frozen {
	all := []frozen{
		{"roster", ledger.Leaf{Event: ledger.EventRoster, Number: 7, Digest: digestA}, rosterText, ""},
		{"case", ledger.Leaf{Event: ledger.EventCase, Case: someCase, Digest: digestA, Envelope: digestB}, caseText, ""},
		{"report", ledger.Leaf{Event: ledger.EventMessage, Case: someCase, Kind: ledger.KindReport, Size: 17995, Digest: digestA}, reportText, ""},
		{"addition", ledger.Leaf{Event: ledger.EventMessage, Case: someCase, Kind: ledger.KindAddition, Size: 0, Digest: digestA, Once: digestC}, additionText, ""},
		{"reply", ledger.Leaf{Event: ledger.EventMessage, Case: someCase, Kind: ledger.KindReply, Size: 19552, Digest: digestA}, replyText, replyStatement},
		{"note", ledger.Leaf{Event: ledger.EventMessage, Case: someCase, Kind: ledger.KindNote, Size: 17995, Digest: digestB}, noteText, noteStatement},
		{"rekey", ledger.Leaf{Event: ledger.EventRekey, Case: someCase, Number: 8, Envelope: digestB}, rekeyText, rekeyStatement},
		{"handed over", ledger.Leaf{Event: ledger.EventHandedOver, Case: someCase, Destination: "police", Size: 1 << 30, Digest: digestA}, handedOverText, handedOverStatement},
		{"acknowledged", ledger.Leaf{Event: ledger.EventAcknowledged, Case: someCase, Destination: "police", Size: 1 << 30, Digest: digestA}, acknowledgedText, acknowledgedStatement},
		{"held", ledger.Leaf{Event: ledger.EventHeld, Case: someCase, Rule: "court-order.2026", After: 41}, heldText, heldStatement},
		{"released", ledger.Leaf{Event: ledger.EventReleased, Case: someCase, After: 41}, releasedText, releasedStatement},
		{"purge proposed", ledger.Leaf{Event: ledger.EventPurgeProposed, Case: someCase, Rule: "retention", After: 41}, purgeProposedText, purgeProposedStatement},
		{"purged", ledger.Leaf{Event: ledger.EventPurged, Case: someCase, Rule: "retention", After: 41}, purgedText, purgedStatement},
		{"read", ledger.Leaf{Event: ledger.EventRead, Case: someCase}, readText, readStatement},
		{"withdrawn", ledger.Leaf{Event: ledger.EventWithdrawn, Case: someCase, Secret: digestD}, withdrawnText, ""},
	}
	for i := range all {
		all[i].leaf.Day = "2026-03-14"
		if all[i].statement != "" {
			all[i].leaf.Done = "2026-03-13"
			all[i].leaf.Sign(instance, "ana", deskKey("ana"))
		}
	}
	return all
}

func wantError(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}
