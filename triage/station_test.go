package triage

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"tocsin/desk"
	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
	"tocsin/seal/roster"
	"tocsin/vault"
)

// A station is a whole organisation: its offline home, a vault with its desk
// on loopback, the home of one case worker, and the police's key. Only the
// web in front of the vault is missing: addCase seals as it does.
type station struct {
	t      testing.TB
	dir    string
	org    *Home
	orgKey string
	alice  *Home
	police *age.HybridIdentity

	language string // in which cases are reported

	ledgerKey note.Signer
	deskKey   ed25519.PrivateKey
	roster    []byte // signed
	vault     *vault.Vault
	desk      *deskAt
}

// deskAt is a desk that runs.
type deskAt struct {
	addr string
	stop func()
}

var today = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)

func newHome(dir string) *Home { return &Home{Dir: dir, Now: func() time.Time { return today }} }

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newStation(t testing.TB) *station {
	t.Helper()
	s := &station{t: t, dir: t.TempDir(), language: "en"}
	s.org, s.alice = newHome(filepath.Join(s.dir, "org")), newHome(filepath.Join(s.dir, "alice"))
	var err error
	s.orgKey, err = s.org.OrgInit("Example", "example.org", "")
	ok(t, err)
	skey, vkey, err := note.GenerateKey(rand.Reader, "tips.example.org")
	ok(t, err)
	s.ledgerKey, err = note.NewSigner(skey)
	ok(t, err)
	pub, key, err := ed25519.GenerateKey(nil)
	ok(t, err)
	s.deskKey = key
	card := &roster.IntakeCard{Origin: "tips.example.org", Intake: roster.Intake{Ledger: vkey, Desk: pub}}
	ok(t, s.org.OrgSetIntake(card.Marshal()))
	ok(t, makeDir(s.alice.Dir))
	worker, err := s.alice.Keygen("alice", "")
	ok(t, err)
	_, err = s.org.OrgAddWorker(worker)
	ok(t, err)
	s.police, err = age.GenerateHybridIdentity()
	ok(t, err)
	ok(t, s.org.OrgAddDestination(roster.Destination{Name: "police", Title: "Federal Police", Recipient: s.police.Recipient().String(), Delivery: roster.DeliveryOutbox}))
	s.sign()
	s.vault = s.newVault("store")
	s.desk = s.serve(s.vault)
	ok(t, s.alice.Join(s.orgKey, s.roster, s.desk.addr))
	return s
}

func (s *station) sign() {
	s.t.Helper()
	path, _, err := s.org.OrgSign()
	ok(s.t, err)
	s.roster, err = os.ReadFile(path)
	ok(s.t, err)
}

func (s *station) options() vault.Options {
	return vault.Options{Signer: s.ledgerKey, Now: func() time.Time { return today }}
}

func (s *station) newVault(name string) *vault.Vault {
	s.t.Helper()
	dir := filepath.Join(s.dir, name)
	ok(s.t, os.Mkdir(dir, 0o700))
	ok(s.t, vault.Create(dir, s.roster, s.orgKey, s.options()))
	v, err := vault.Open(dir, s.orgKey, s.options())
	ok(s.t, err)
	s.t.Cleanup(func() { v.Close() })
	return v
}

// serve runs a desk over v until the test ends or it is stopped.
func (s *station) serve(v *vault.Vault) *deskAt {
	s.t.Helper()
	server, err := desk.NewServer(v, s.deskKey, slog.New(slog.DiscardHandler))
	ok(s.t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(s.t, err)
	done := make(chan struct{})
	go func() {
		server.Serve(l)
		close(done)
	}()
	d := &deskAt{addr: l.Addr().String(), stop: func() {
		server.Shutdown(context.Background())
		<-done
	}}
	s.t.Cleanup(d.stop)
	return d
}

// A told case is what addCase put in.
type told struct {
	id      ledger.CaseID
	key     *seal.CaseKey
	witness *age.HybridIdentity
	secret  [32]byte // withdraws it
}

type attachment struct {
	name string
	data []byte
}

// addCase seals a report to the case workers and commits it.
func (s *station) addCase(v *vault.Vault, fields map[string]string, files ...attachment) *told {
	s.t.Helper()
	r := new(report.Report)
	r.Language, r.Received = s.language, string(ledger.DayOf(today))
	for name, value := range fields {
		ok(s.t, r.Set(name, value))
	}
	ok(s.t, r.Validate())
	body, err := r.Marshal()
	ok(s.t, err)
	return s.addReport(v, body, files...)
}

// addReport seals a report as the web does and commits it.
func (s *station) addReport(v *vault.Vault, body []byte, files ...attachment) *told {
	s.t.Helper()
	var err error
	c := &told{id: ledger.NewCaseID(), secret: [32]byte(random(32))}
	c.key, err = seal.NewCaseKey()
	ok(s.t, err)
	c.witness, err = age.GenerateHybridIdentity()
	ok(s.t, err)
	up := s.message(v, c, seal.KindReport, body, files...)
	workers, err := seal.ParseRecipients(v.Roster().Recipients())
	ok(s.t, err)
	envelope, err := c.key.Envelope(workers)
	ok(s.t, err)
	ok(s.t, v.AddCase(s.t.Context(), c.record(), vault.Envelope{Roster: v.Roster().Number, Sealed: envelope}, up))
	return c
}

// record is what the store keeps of the case in the clear.
func (c *told) record() vault.Case {
	return vault.Case{
		ID: c.id, Codename: 1, Tag: sha256.Sum256(c.id[:]),
		Recipient: c.key.Recipient().String(), Witness: c.witness.Recipient().String(),
		Withdrawal: sha256.Sum256(c.secret[:]),
	}
}

// context is where a message of the case belongs.
func (c *told) context(v *vault.Vault, kind seal.Kind) seal.Context {
	in := seal.Context{Instance: v.Roster().Instance().String(), Case: c.id.String(), Kind: kind}
	if kind == seal.KindReport {
		record := c.record()
		in.Record = digestOf(record.Marshal()).String()
	}
	return in
}

func (s *station) message(v *vault.Vault, c *told, kind seal.Kind, body []byte, files ...attachment) *vault.Upload {
	s.t.Helper()
	up, err := v.NewUpload(64 << 20)
	ok(s.t, err)
	w, err := seal.NewMessage(up, c.context(v, kind), body, c.key.Recipient())
	ok(s.t, err)
	for _, f := range files {
		_, err := w.Attach(f.name, "application/octet-stream", bytes.NewReader(f.data))
		ok(s.t, err)
	}
	ok(s.t, w.Close())
	return up
}

func nothing(int, int, int64, int64) {}

func (s *station) pull() *Pulled {
	s.t.Helper()
	ok(s.t, s.alice.Lock())
	defer s.alice.Unlock()
	p, err := s.alice.Pull(s.t.Context(), s.desk.addr, nothing)
	ok(s.t, err)
	return p
}

func (s *station) find(c *told) *Case {
	s.t.Helper()
	found, err := s.alice.Find(c.id.String()[:10])
	ok(s.t, err)
	return found
}

// random returns n bytes that no compression and no luck repeats.
func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// ageTool is the stock age program, built once.
var ageTool string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "age")
	if err != nil {
		panic(err)
	}
	ageTool = filepath.Join(dir, "age")
	if out, err := exec.Command("go", "build", "-o", ageTool, "filippo.io/age/cmd/age").CombinedOutput(); err != nil {
		panic(string(out))
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// unpack opens a sealed bag with the stock age program and tar, and returns
// the bag's directory.
func (s *station) unpack(bag string) string {
	s.t.Helper()
	dir := s.t.TempDir()
	key := filepath.Join(dir, "police.key")
	ok(s.t, os.WriteFile(key, []byte(s.police.String()+"\n"), 0o600))
	out := filepath.Join(dir, "out")
	ok(s.t, os.Mkdir(out, 0o700))
	cmd := exec.Command("sh", "-c", `set -e; "$0" -d -i "$1" "$2" > "$3.tar"; tar -x -C "$3" < "$3.tar"`, ageTool, key, bag, out)
	if text, err := cmd.CombinedOutput(); err != nil || len(text) > 0 {
		s.t.Fatalf("opening the bag: %v\n%s", err, text)
	}
	entries, err := os.ReadDir(out)
	ok(s.t, err)
	if len(entries) != 1 {
		s.t.Fatalf("the archive has %d entries at its top, a bag has one", len(entries))
	}
	return filepath.Join(out, entries[0].Name())
}

// everyFile calls fn with each regular file under dir.
func everyFile(t testing.TB, dir string, fn func(path string, data []byte)) {
	t.Helper()
	ok(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil {
			fn(path, data)
		}
		return err
	}))
}
