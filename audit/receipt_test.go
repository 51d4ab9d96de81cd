package audit_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"tocsin/audit"
	"tocsin/ledger"
	"tocsin/testorg"
)

// proof is the proof that a leaf is in the first size leaves of a store.
func (f *forgery) proof(index, size int64, cosigners ...note.Signer) []byte {
	f.Helper()
	hashes := f.hashes(size)
	root, err := hashes.Root(size)
	f.must(err)
	cp := ledger.Checkpoint{Origin: testorg.Origin, Size: size, Root: root}
	signed, err := note.Sign(&note.Note{Text: string(cp.Marshal())}, append([]note.Signer{f.Ledger}, cosigners...)...)
	f.must(err)
	path, err := tlog.ProveRecord(size, index, hashes)
	f.must(err)
	return ledger.FormatProof(&ledger.Proof{Index: index, Leaf: f.get("leaves", key(int(index))), Path: path, Checkpoint: signed})
}

// truncate drops all leaves but so many, as an older store has them.
func (f *forgery) truncate(size int) {
	f.Helper()
	for i := size; i < leafCount; i++ {
		f.del("leaves", key(i))
	}
	f.put("head", []byte("checkpoint"), f.sign(int64(size), f.root(int64(size))))
}

// What a receipt proves by itself, and by whom it is cosigned.
func TestReceipt(t *testing.T) {
	f := newForgery(t)
	signers := f.addCosigners(2)
	keys, err := audit.RosterKeys(f.Signed, f.Key)
	f.must(err)
	proof := f.proof(reportA, leafCount, signers[1])
	r, err := audit.CheckReceipt(t.Context(), proof, keys, "", nil)
	f.must(err)
	if r.Leaf.Case != f.a.ID || r.Leaf.Kind != ledger.KindReport || r.Index != reportA || r.Checkpoint.Size != leafCount {
		t.Errorf("it proves leaf %d of %d, %+v", r.Index, r.Checkpoint.Size, r.Leaf)
	}
	at := time.Date(2026, 3, 15, 9, 0, 0, 0, time.UTC)
	if r.Quorum != 2 || len(r.Cosigned) != 1 || r.Cosigned[0] != (ledger.Cosignature{Cosigner: "cosigner-2", Time: at}) {
		t.Errorf("cosigned by %v, of %d", r.Cosigned, r.Quorum)
	}
	if r.History != audit.HistoryUnchecked {
		t.Errorf("its history is %q", r.History)
	}
	if got, want := r.Says(), "the report of case "+f.a.ID.String(); !strings.HasPrefix(got, want) {
		t.Errorf("it says %q, want %q", got, want)
	}
	// With nothing but the ledger's key.
	r, err = audit.CheckReceipt(t.Context(), proof, &audit.Keys{Ledger: keys.Ledger}, "", nil)
	if err != nil || r.Quorum != 0 || len(r.Cosigned) != 0 {
		t.Errorf("with the ledger's key alone: %+v, %v", r, err)
	}

	stranger, err := audit.RosterKeys(testorg.New(t, 1).Signed, "x")
	if err == nil {
		t.Errorf("a roster without its key gives %v", stranger)
	}
	other := testorg.New(t, 1)
	otherKeys, err := audit.RosterKeys(other.Signed, other.Key)
	f.must(err)
	for name, c := range map[string]struct {
		proof []byte
		keys  *audit.Keys
		want  error
	}{
		"another's key": {proof, otherKeys, ledger.ErrSignature},
		"no key":        {proof, new(audit.Keys), ledger.ErrSignature},
		"another leaf":  {bytes.Replace(proof, []byte("index 2\n"), []byte("index 4\n"), 1), keys, ledger.ErrProof},
		"text":          {[]byte("the witness is in room 12"), keys, ledger.ErrMalformed},
		"another size":  {bytes.Replace(proof, []byte("\n11\n"), []byte("\n12\n"), 1), keys, ledger.ErrSignature},
	} {
		if _, err := audit.CheckReceipt(t.Context(), c.proof, c.keys, "", nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// A receipt held against stores and against what the last audit kept.
func TestReceiptAndHistory(t *testing.T) {
	h := newHistories(t)
	older := h.base.copy(t)
	older.truncate(2)
	proof := h.base.proof(reportA, leafCount)
	grown := h.one.proof(reportA, leafCount+1)
	for _, c := range []struct {
		name  string
		proof []byte
		store *forgery
		last  []byte
		want  string
		says  string
	}{
		{"alone", proof, nil, nil, audit.HistoryUnchecked, ""},
		{"the same state", proof, h.base, nil, audit.HistoryGrew, ""},
		{"a store that grew", proof, h.oneMore, nil, audit.HistoryGrew, ""},
		{"a store that grew, and what was remembered", proof, h.oneMore, head(h.one), audit.HistoryGrew, ""},
		{"a store that was rewritten", proof, h.other, nil, audit.HistoryBroken, "taken out"},
		{"a store in which it never was", grown, h.two, nil, audit.HistoryBroken, "taken out"},
		{"a store of before", proof, older, nil, audit.HistoryBroken, "the store has 2 leaves"},
		{"a store that is not what was remembered", proof, h.oneMore, head(h.two), audit.HistoryBroken, "last audit saw"},
		{"a store that is older than what was remembered", proof, h.base, head(h.two), audit.HistoryBroken, "last audit saw 12"},
		{"the very state that was remembered", grown, nil, head(h.one), audit.HistoryGrew, ""},
		{"another state than was remembered", grown, nil, head(h.two), audit.HistoryBroken, "two histories"},
		{"an older one than was remembered", proof, nil, head(h.two), audit.HistoryUnchecked, ""},
	} {
		store := ""
		if c.store != nil {
			store = c.store.dir
		}
		r, err := audit.CheckReceipt(t.Context(), c.proof, h.keys, store, c.last)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if r.History != c.want || !strings.Contains(r.Problem, c.says) || (r.Problem == "") != (c.want != audit.HistoryBroken) {
			t.Errorf("%s: %q, %q; want %q, %q", c.name, r.History, r.Problem, c.want, c.says)
		}
	}
}

// What became of the case of a receipt.
func TestReceiptOfARetiredCase(t *testing.T) {
	f := newForgery(t)
	f.addSigned(f.ProposePurge(f.Workers[0], f.b.ID, ledger.RuleRequest, f.end()))
	f.purge(f.Workers[1], f.b, ledger.RuleRequest)
	keys, err := audit.RosterKeys(f.Signed, f.Key)
	f.must(err)
	for index, want := range map[int64]ledger.Event{reportA: "", reportB: ledger.EventPurged, reportC: ledger.EventWithdrawn, rosterLeaf: ""} {
		r, err := audit.CheckReceipt(t.Context(), f.proof(index, leafCount), keys, f.dir, nil)
		f.must(err)
		got := ledger.Event("")
		if r.Retired != nil {
			got = r.Retired.Event
		}
		if got != want {
			t.Errorf("leaf %d: retired by %q, want %q", index, got, want)
		}
	}
}

// Each event has its own words.
func TestReceiptSays(t *testing.T) {
	for _, l := range []ledger.Leaf{
		{Event: ledger.EventRoster, Number: 3}, {Event: ledger.EventCase}, {Event: ledger.EventMessage, Kind: ledger.KindReport},
		{Event: ledger.EventMessage, Kind: ledger.KindReply}, {Event: ledger.EventRekey}, {Event: ledger.EventHandedOver},
		{Event: ledger.EventAcknowledged}, {Event: ledger.EventHeld}, {Event: ledger.EventReleased}, {Event: ledger.EventPurgeProposed},
		{Event: ledger.EventPurged}, {Event: ledger.EventRead}, {Event: ledger.EventWithdrawn},
	} {
		r := audit.Receipt{Leaf: &l}
		if said := r.Says(); strings.HasPrefix(said, string(l.Event)+" of case") {
			t.Errorf("of %s it says only %q", l.Event, said)
		}
	}
}
