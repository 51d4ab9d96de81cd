package desk_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"net"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"tocsin/desk"
	"tocsin/ledger"
	"tocsin/seal"
	"tocsin/seal/roster"
	"tocsin/vault"
)

// station is a vault and its desk on loopback, with one case in it.
type station struct {
	vault   *vault.Vault
	server  *desk.Server
	addr    string
	org     note.Signer
	roster  *roster.Roster
	workers map[string]ed25519.PrivateKey
	id      ledger.CaseID
	secret  [32]byte // withdraws the case
	report  []byte   // ciphertext, larger than what the vault keeps inline
	log     lines
}

// lines is a log that may be written to and read at the same time.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func newStation(t *testing.T) *station {
	t.Helper()
	orgKey, orgVerifier, err := note.GenerateKey(rand.Reader, "example.org")
	if err != nil {
		t.Fatal(err)
	}
	ledgerKey, ledgerVerifier, err := note.GenerateKey(rand.Reader, "tips.example.org")
	if err != nil {
		t.Fatal(err)
	}
	s := &station{workers: make(map[string]ed25519.PrivateKey)}
	s.org = must(note.NewSigner(orgKey))
	deskPub, deskKey, _ := ed25519.GenerateKey(nil)
	s.roster = &roster.Roster{
		Number: 1, Day: "2026-01-02", Organisation: "Example", Origin: "tips.example.org",
		Intake: roster.Intake{Ledger: ledgerVerifier, Desk: deskPub}, Policy: roster.DefaultPolicy(),
	}
	for _, name := range []string{"alice", "bob"} {
		pub, key, _ := ed25519.GenerateKey(nil)
		s.workers[name] = key
		s.roster.Workers = append(s.roster.Workers, roster.Worker{Name: name, Recipient: recipient(), Desk: pub})
	}
	s.roster.Destinations = []roster.Destination{{Name: "police", Title: "Police", Recipient: recipient(), Delivery: roster.DeliveryOutbox}}
	dir := t.TempDir()
	o := vault.Options{Signer: must(note.NewSigner(ledgerKey))}
	if err := vault.Create(dir, must(s.roster.Sign(s.org)), orgVerifier, o); err != nil {
		t.Fatal(err)
	}
	if s.vault, err = vault.Open(dir, orgVerifier, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.vault.Close() })
	s.addCase(t)
	if s.server, err = desk.NewServer(s.vault, deskKey, slog.New(slog.NewTextHandler(&s.log, nil))); err != nil {
		t.Fatal(err)
	}
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	s.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- s.server.Serve(l) }()
	t.Cleanup(func() {
		if err := s.server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return s
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func recipient() string { return must(seal.NewCaseKey()).Recipient().String() }

func (s *station) addCase(t *testing.T) {
	t.Helper()
	key := must(seal.NewCaseKey())
	s.id = ledger.NewCaseID()
	rand.Read(s.secret[:])
	s.report = make([]byte, vault.InlineMax+1000)
	rand.Read(s.report)
	up := must(s.vault.NewUpload(int64(len(s.report))))
	up.Write(s.report)
	workers := must(seal.ParseRecipients(s.roster.Recipients()))
	err := s.vault.AddCase(t.Context(), vault.Case{ID: s.id, Tag: sha256.Sum256([]byte(s.id.String())), Codename: 1,
		Recipient: key.Recipient().String(), Witness: recipient(), Withdrawal: sha256.Sum256(s.secret[:])}, vault.Envelope{Roster: s.roster.Number, Sealed: must(key.Envelope(workers))}, up)
	if err != nil {
		t.Fatal(err)
	}
}

func (s *station) client(t *testing.T, key ed25519.PrivateKey) *desk.Client {
	t.Helper()
	c, err := desk.NewClient(desk.Direct(s.addr), key, s.roster.Intake.Desk)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// handOver returns a signed event of that worker.
func (s *station) handOver(t *testing.T, worker string, about string) *ledger.Leaf {
	t.Helper()
	l := &ledger.Leaf{Event: ledger.EventHandedOver, Day: "2026-01-03", Done: "2026-01-03", Case: s.id,
		Destination: "police", Size: 5, Digest: sha256.Sum256([]byte(about))}
	l.Sign(s.vault.Roster().Instance(), worker, s.workers[worker])
	return l
}
