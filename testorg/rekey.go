package testorg

import (
	"testing"

	"tocsin/ledger"
	"tocsin/seal"
)

// Rekey seals the key of a case to the case workers of the roster as it was
// last signed and signs the leaf in a worker's name. It returns the envelope
// beside it; the report keeps the one it had.
func (o *Org) Rekey(t testing.TB, w Worker, r *Report) (*ledger.Leaf, []byte) {
	t.Helper()
	to, err := seal.ParseRecipients(o.Roster.Recipients())
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := r.Key.Envelope(to)
	if err != nil {
		t.Fatal(err)
	}
	return o.SignRekey(w, r.ID, o.Roster.Number, envelope), envelope
}

// SignRekey signs that a worker sealed a case again in that envelope, for the
// roster of that number.
func (o *Org) SignRekey(w Worker, id ledger.CaseID, number uint64, envelope []byte) *ledger.Leaf {
	l := &ledger.Leaf{Event: ledger.EventRekey, Case: id, Number: number, Envelope: Digest(envelope), Done: ledger.DayOf(o.Day)}
	l.Sign(o.Instance(), w.Name, w.Desk)
	return l
}
