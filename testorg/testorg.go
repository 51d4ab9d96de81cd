// Package testorg makes a whole organisation for tests: real keys, a signed
// roster, a store, and real sealed reports in it. No program imports it.
package testorg

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"tocsin/audit"
	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
	"tocsin/seal/roster"
	"tocsin/vault"
)

// Origin is the origin of the test organisation's ledger.
const Origin = "tocsin.test/intake"

// A Worker is a case worker with private keys.
type Worker struct {
	Name     string
	Identity *age.HybridIdentity
	Desk     ed25519.PrivateKey
}

// An Org is an organisation with all its private keys.
type Org struct {
	Key     string // the organisation's verifier key
	Ledger  note.Signer
	Desk    ed25519.PrivateKey // the intake's desk key
	Workers []Worker
	Police  *age.HybridIdentity
	Day     time.Time // what the vault's clock says; tests may move it

	LedgerSecret string // the ledger key as its file holds it

	signer note.Signer
	live   sync.Map       // directories of stores that were opened, rather than snapshots
	Roster *roster.Roster // as last signed
	Signed []byte         // the roster's note
}

// New makes an organisation with so many case workers ("worker-1", …) and the
// destinations police and foreign-affairs.
func New(t testing.TB, workers int) *Org {
	t.Helper()
	o := &Org{Day: time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)}
	o.signer, _, o.Key = noteKey(t, "tocsin.test/organisation")
	var ledgerKey string
	o.Ledger, o.LedgerSecret, ledgerKey = noteKey(t, Origin)
	o.Desk = deskKey(t)
	o.Roster = &roster.Roster{
		Number: 1, Day: "2026-03-01", Organisation: "Test organisation", Origin: Origin,
		Intake: roster.Intake{Ledger: ledgerKey, Desk: o.Desk.Public().(ed25519.PublicKey)},
		Policy: roster.DefaultPolicy(),
	}
	for i := range workers {
		o.Roster.Workers = append(o.Roster.Workers, o.NewWorker(t, fmt.Sprintf("worker-%d", i+1)))
	}
	o.Police = Identity(t)
	o.Roster.Destinations = []roster.Destination{
		{Name: "police", Title: "Federal Police", Recipient: o.Police.Recipient().String(), Delivery: roster.DeliveryOutbox},
		{Name: "foreign-affairs", Title: "Foreign Affairs", Recipient: Identity(t).Recipient().String(), Delivery: roster.DeliveryOutbox},
	}
	o.Sign(t)
	return o
}

// NewWorker makes a case worker's keys and returns what goes into the roster.
func (o *Org) NewWorker(t testing.TB, name string) roster.Worker {
	t.Helper()
	w := Worker{Name: name, Identity: Identity(t), Desk: deskKey(t)}
	o.Workers = append(o.Workers, w)
	return roster.Worker{Name: name, Recipient: w.Identity.Recipient().String(), Desk: w.Desk.Public().(ed25519.PublicKey)}
}

// Sign signs the roster as it now stands.
func (o *Org) Sign(t testing.TB) {
	t.Helper()
	var err error
	if o.Signed, err = o.Roster.Sign(o.signer); err != nil {
		t.Fatal(err)
	}
}

// Instance is the organisation's instance.
func (o *Org) Instance() roster.Instance { return roster.NewInstance(o.Key, Origin) }

// Options are those that the organisation's vault is opened with.
func (o *Org) Options() vault.Options {
	return vault.Options{Signer: o.Ledger, Now: func() time.Time { return o.Day }}
}

// Create makes an empty store and returns its directory.
func (o *Org) Create(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := vault.Create(dir, o.Signed, o.Key, o.Options()); err != nil {
		t.Fatal(err)
	}
	o.live.Store(dir, true)
	return dir
}

// Open opens the store in dir. It is closed when the test ends.
func (o *Org) Open(t testing.TB, dir string) *vault.Vault {
	t.Helper()
	v, err := vault.Open(dir, o.Key, o.Options())
	if err != nil {
		t.Fatal(err)
	}
	o.live.Store(dir, true)
	t.Cleanup(func() { v.Close() })
	return v
}

// A Report is a case as its witness made it.
type Report struct {
	ID         ledger.CaseID
	Codename   seal.Codename
	Credential *seal.Credential
	Key        *seal.CaseKey
	Case       vault.Case
	Envelope   vault.Envelope
	Message    []byte // the sealed report
}

// NewReport seals a report with that account and one attachment of so many
// random bytes (none if 0) to the workers of the roster.
func (o *Org) NewReport(t testing.TB, account string, attachment int) *Report {
	t.Helper()
	r := &Report{ID: ledger.NewCaseID()}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	r.Codename, err = seal.NewCodename()
	must(err)
	r.Credential, err = r.Codename.Derive(o.Instance())
	must(err)
	r.Key, err = seal.NewCaseKey()
	must(err)
	to, err := seal.ParseRecipients(o.Roster.Recipients())
	must(err)
	sealedKey, err := r.Key.Envelope(to)
	must(err)
	r.Envelope = vault.Envelope{Roster: o.Roster.Number, Sealed: sealedKey}
	told := &report.Report{Version: report.Version}
	must(told.Set("what.seen", account))
	body, err := told.Marshal()
	must(err)
	r.Case = vault.Case{
		ID: r.ID, Codename: r.Credential.Version, Tag: r.Credential.Tag,
		Recipient: r.Key.Recipient().String(), Witness: r.Credential.Identity.Recipient().String(),
		Withdrawal: Digest(r.Credential.Withdrawal[:]),
	}
	in := o.Context(r.ID, seal.KindReport)
	in.Record = Digest(r.Case.Marshal()).String()
	var sealed bytes.Buffer
	w, err := seal.NewMessage(&sealed, in, body, r.Key.Recipient())
	must(err)
	if attachment > 0 {
		content := make([]byte, attachment)
		rand.Read(content)
		_, err = w.Attach("photo.jpg", "image/jpeg", bytes.NewReader(content))
		must(err)
	}
	must(w.Close())
	r.Message = sealed.Bytes()
	return r
}

// Again is another case with the same sealed content under another codename:
// for stores of many cases, most of which no one opens.
func (r *Report) Again() *Report {
	again := *r
	again.ID = ledger.NewCaseID()
	again.Case.ID = again.ID
	rand.Read(again.Case.Tag[:])
	return &again
}

// Context is what a message of a case is bound to, but for a report's record.
func (o *Org) Context(id ledger.CaseID, kind seal.Kind) seal.Context {
	return seal.Context{Instance: o.Instance().String(), Case: id.String(), Kind: kind}
}

// Add adds a report to a vault as the intake does.
func (r *Report) Add(ctx context.Context, v *vault.Vault) error {
	u, err := Upload(v, r.Message)
	if err != nil {
		return err
	}
	return v.AddCase(ctx, r.Case, r.Envelope, u)
}

// Upload streams a ciphertext into a vault.
func Upload(v *vault.Vault, ciphertext []byte) (*vault.Upload, error) {
	u, err := v.NewUpload(int64(len(ciphertext)))
	if err != nil {
		return nil, err
	}
	for chunk := range bytes.Lines(ciphertext) {
		if _, err := u.Write(chunk); err != nil {
			u.Discard()
			return nil, err
		}
	}
	return u, nil
}

// Reply seals a worker's reply and signs its leaf.
func (o *Org) Reply(t testing.TB, w Worker, r *Report, text string) (*ledger.Leaf, []byte) {
	t.Helper()
	written, err := report.NewMessage("en", string(ledger.DayOf(o.Day)), text)
	if err != nil {
		t.Fatal(err)
	}
	body, err := written.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var sealed bytes.Buffer
	m, err := seal.NewMessage(&sealed, o.Context(r.ID, seal.KindReply), body, r.Key.Recipient(), r.Credential.Identity.Recipient())
	if err == nil {
		err = m.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger.Leaf{
		Event: ledger.EventMessage, Case: r.ID, Kind: ledger.KindReply, Done: ledger.DayOf(o.Day),
		Size: int64(sealed.Len()), Digest: Digest(sealed.Bytes()),
	}
	l.Sign(o.Instance(), w.Name, w.Desk)
	return l, sealed.Bytes()
}

// Note seals what a worker tells colleagues, in whatever form, and signs its leaf.
func (o *Org) Note(t testing.TB, w Worker, r *Report, body string) (*ledger.Leaf, []byte) {
	t.Helper()
	var sealed bytes.Buffer
	m, err := seal.NewMessage(&sealed, o.Context(r.ID, seal.KindNote), []byte(body), r.Key.Recipient())
	if err == nil {
		err = m.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger.Leaf{
		Event: ledger.EventMessage, Case: r.ID, Kind: ledger.KindNote, Done: ledger.DayOf(o.Day),
		Size: int64(sealed.Len()), Digest: Digest(sealed.Bytes()),
	}
	l.Sign(o.Instance(), w.Name, w.Desk)
	return l, sealed.Bytes()
}

// Addition seals what the witness of a report tells later, with one attachment
// of so many random bytes (none if 0).
func (o *Org) Addition(t testing.TB, r *Report, text string, attachment int) []byte {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	told, err := report.NewMessage("en", string(ledger.DayOf(o.Day)), text)
	must(err)
	body, err := told.Marshal()
	must(err)
	var sealed bytes.Buffer
	w, err := seal.NewMessage(&sealed, o.Context(r.ID, seal.KindAddition), body, r.Key.Recipient())
	must(err)
	if attachment > 0 {
		content := make([]byte, attachment)
		rand.Read(content)
		_, err = w.Attach("later.jpg", "image/jpeg", bytes.NewReader(content))
		must(err)
	}
	must(w.Close())
	return sealed.Bytes()
}

// Read signs that a worker opened a case's report for the first time.
func (o *Org) Read(w Worker, id ledger.CaseID) *ledger.Leaf {
	l := &ledger.Leaf{Event: ledger.EventRead, Case: id, Done: ledger.DayOf(o.Day)}
	l.Sign(o.Instance(), w.Name, w.Desk)
	return l
}

// HandOver signs that a worker handed a case over to a destination.
func (o *Org) HandOver(w Worker, id ledger.CaseID, destination string) *ledger.Leaf {
	var bag [64]byte // stands for a sealed bag: only its digest counts
	rand.Read(bag[:])
	l := &ledger.Leaf{
		Event: ledger.EventHandedOver, Case: id, Destination: destination, Done: ledger.DayOf(o.Day),
		Size: int64(len(bag)), Digest: Digest(bag[:]),
	}
	l.Sign(o.Instance(), w.Name, w.Desk)
	return l
}

// Snapshot makes a snapshot of an open vault and returns its directory.
func Snapshot(t testing.TB, v *vault.Vault) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "snapshot")
	if err := v.Snapshot(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Audit returns what an audit of the store in dir finds on the organisation's
// day: of one that was
// opened as such, or of a snapshot.
func (o *Org) Audit(t testing.TB, dir string, last []byte) *audit.Result {
	t.Helper()
	_, live := o.live.Load(dir)
	r, err := audit.Verify(context.Background(), audit.Options{Store: dir, Live: live, Roster: o.Signed, OrgKey: o.Key, Last: last, Today: ledger.DayOf(o.Day)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// MustBeWhole fails the test for each finding in the store in dir that keeps it
// from being whole: the one check of all invariants that every test of a store
// ends with.
func (o *Org) MustBeWhole(t testing.TB, dir string) *audit.Result {
	t.Helper()
	r := o.Audit(t, dir, nil)
	for _, f := range r.Findings {
		if f.Severity != audit.Notice {
			t.Errorf("finding: %s", f)
		}
	}
	return r
}

// Identity makes an age hybrid identity.
func Identity(t testing.TB) *age.HybridIdentity {
	t.Helper()
	i, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func deskKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func noteKey(t testing.TB, name string) (signer note.Signer, secret, verifier string) {
	t.Helper()
	secret, verifier, err := note.GenerateKey(rand.Reader, name)
	signer, err2 := note.NewSigner(secret)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return signer, secret, verifier
}

// Digest is the SHA-256 of b.
func Digest(b []byte) ledger.Digest { return sha256.Sum256(b) }
