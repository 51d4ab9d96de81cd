package intake

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"tocsin/ledger"
	"tocsin/seal"
)

// What case workers tell each other is nothing to a witness: the page is the
// one of before, but that the report can't be withdrawn any more.
func TestANoteIsNotForTheWitness(t *testing.T) {
	w := newWorld(t, setup{policy: mayWithdraw})
	codename := w.sent()
	w.note(codename, `{"version":1,"text":"OURS-NOTE"}`)
	w.post("/en/return", entry{name: "codename", value: codename}).wantSaid(t,
		[]string{w.says("en", "replies.none")},
		[]string{"OURS-NOTE", "/withdraw", w.says("en", "status.read"), w.says("en", "replies.unreadable")})
	w.destroy("en", codename).wantSaid(t, []string{w.says("en", "withdraw.late")}, nil)
	w.open(codename)
	w.wantWhole()
}

// note adds a case worker's note, sealed to the case alone, as the desk would.
func (w *world) note(codename, body string) {
	w.t.Helper()
	found, _ := w.find(codename)
	to, err := seal.ParseRecipients([]string{found.Recipient})
	must(w.t, err)
	instance := w.vault.Roster().Instance()
	var sealed bytes.Buffer
	m, err := seal.NewMessage(&sealed, seal.Context{Instance: instance.String(), Case: found.ID.String(), Kind: seal.KindNote}, []byte(body), to...)
	must(w.t, err)
	must(w.t, m.Close())
	l := &ledger.Leaf{
		Event: ledger.EventMessage, Kind: ledger.KindNote, Case: found.ID,
		Size: int64(sealed.Len()), Digest: sha256.Sum256(sealed.Bytes()), Done: "2026-01-03",
	}
	l.Sign(instance, "alice", w.desk)
	upload, err := w.vault.NewUpload(int64(sealed.Len()))
	must(w.t, err)
	_, err = upload.Write(sealed.Bytes())
	must(w.t, err)
	_, err = w.vault.AddMessage(w.t.Context(), l, upload)
	must(w.t, err)
}
