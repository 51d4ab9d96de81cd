package intake

import (
	"bytes"
	"crypto/sha256"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"tocsin/audit"
	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
	"tocsin/vault"
)

// sent sends a report of one line and returns its codename.
func (w *world) sent() string {
	w.t.Helper()
	codename := w.newCodename("en")
	p := w.post("/en/report", entry{name: "codename", value: codename}, entry{name: "what.seen", value: "x"})
	if p.status != 200 {
		w.t.Fatalf("the report got status %d", p.status)
	}
	return codename
}

// find returns the case of a codename, as its witness finds it.
func (w *world) find(codename string) (*vault.Case, *seal.Credential) {
	w.t.Helper()
	c, err := seal.ParseCodename(codename)
	must(w.t, err)
	credential, err := c.Derive(w.vault.Roster().Instance())
	must(w.t, err)
	found, err := w.vault.FindTag(credential.Tag)
	must(w.t, err)
	return found, credential
}

// event records what the case worker did, as the desk would.
func (w *world) event(codename string, what ledger.Event) {
	w.t.Helper()
	found, _ := w.find(codename)
	l := &ledger.Leaf{Event: what, Case: found.ID, Done: "2026-01-03"}
	if what != ledger.EventRead {
		l.Destination, l.Size, l.Digest = "police", 1000, sha256.Sum256([]byte("a bundle"))
	}
	l.Sign(w.vault.Roster().Instance(), "alice", w.desk)
	_, err := w.vault.AddEvent(w.t.Context(), l)
	must(w.t, err)
}

// reply adds a case worker's answer, sealed to those in to or, if there are none,
// to whom it should be.
func (w *world) reply(codename, text string, to ...*age.HybridRecipient) {
	w.t.Helper()
	m, err := report.NewMessage("en", "2026-01-03", text)
	must(w.t, err)
	w.addReply(codename, m, to...)
}

// tell adds a reply that says to whom the case was handed over.
func (w *world) tell(codename, text string, handedTo ...string) {
	w.t.Helper()
	m, err := report.NewMessage("en", "2026-01-03", text, handedTo...)
	must(w.t, err)
	w.addReply(codename, m)
}

// addReply seals a reply and adds it as the desk would.
func (w *world) addReply(codename string, m *report.Message, to ...*age.HybridRecipient) {
	w.t.Helper()
	found, _ := w.find(codename)
	if len(to) == 0 {
		var err error
		to, err = seal.ParseRecipients([]string{found.Recipient, found.Witness})
		must(w.t, err)
	}
	body, err := m.Marshal()
	must(w.t, err)
	instance := w.vault.Roster().Instance()
	var sealed bytes.Buffer
	s, err := seal.NewMessage(&sealed, seal.Context{Instance: instance.String(), Case: found.ID.String(), Kind: seal.KindReply}, body, to...)
	must(w.t, err)
	must(w.t, s.Close())
	l := &ledger.Leaf{
		Event: ledger.EventMessage, Kind: ledger.KindReply, Case: found.ID,
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

// An added is an addition as the case worker reads it.
type added struct {
	text  string
	seen  int
	files map[string]string
}

// additions opens those of a case with the case worker's key.
func (w *world) additions(codename string) []added {
	w.t.Helper()
	found, _ := w.find(codename)
	history, err := w.vault.History(found.ID)
	must(w.t, err)
	objects, err := w.vault.Objects(history[0].Index)
	must(w.t, err)
	var key *seal.CaseKey
	for _, o := range objects {
		if o.Name == "envelope" {
			envelope, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
			must(w.t, err)
			key, err = seal.OpenEnvelope(envelope, w.worker)
			must(w.t, err)
		}
		must(w.t, o.Close())
	}
	var all []added
	for _, e := range history {
		if e.Leaf.Event != ledger.EventMessage || e.Leaf.Kind != ledger.KindAddition {
			continue
		}
		a := added{files: make(map[string]string)}
		sealed, err := w.vault.OpenMessage(e.Index)
		must(w.t, err)
		m, err := seal.ReadMessage(sealed, sealed.Size(), key.Identity(), seal.Context{
			Instance: w.vault.Roster().Instance().String(), Case: found.ID.String(), Kind: seal.KindAddition,
		}, func(f seal.File, content io.Reader) error {
			b, err := io.ReadAll(content)
			a.files[f.Name] = string(b)
			return err
		})
		must(w.t, err)
		must(w.t, sealed.Close())
		said, err := report.ParseMessage(m.Body)
		must(w.t, err)
		a.text, a.seen = said.Text, said.Seen
		all = append(all, a)
	}
	return all
}

// wantWhole has an auditor look through the store.
func (w *world) wantWhole() {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "snapshot")
	must(w.t, w.vault.Snapshot(w.t.Context(), dir))
	signed := w.vault.Roster()
	result, err := audit.Verify(w.t.Context(), audit.Options{Store: dir, Roster: signed.Note, OrgKey: signed.OrgKey})
	must(w.t, err)
	for _, f := range result.Findings {
		w.t.Errorf("the auditor found: %v", f)
	}
}

// says is what the catalogue of a language says, as it stands in a page.
func (w *world) says(lang, key string, args ...any) string {
	return escaped(w.server.languages.ByCode(lang).T(key, args...))
}

// wantSaid checks that a page says each of those, and that it says none of
// those in not.
func (p answer) wantSaid(t testing.TB, want []string, not []string) {
	t.Helper()
	for _, s := range want {
		if !strings.Contains(p.body, s) {
			t.Errorf("the page does not say %q:\n%s", s, p.body)
		}
	}
	for _, s := range not {
		if strings.Contains(p.body, s) {
			t.Errorf("the page says %q:\n%s", s, p.body)
		}
	}
}
