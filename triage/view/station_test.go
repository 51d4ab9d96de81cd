package view

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"filippo.io/age"

	"tocsin/desk"
	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
	"tocsin/seal/roster"
	"tocsin/testorg"
	"tocsin/triage"
	"tocsin/vault"
)

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A station is an organisation with a store, its desk on loopback, and the home
// of the case worker alice.
type station struct {
	t     testing.TB
	org   *testorg.Org
	vault *vault.Vault
	home  *triage.Home

	witness *age.HybridIdentity // of every case
}

func newStation(t testing.TB) *station {
	t.Helper()
	s := &station{t: t, org: testorg.New(t, 1), witness: testorg.Identity(t)}
	s.home = &triage.Home{Dir: filepath.Join(t.TempDir(), "home"), Now: s.org.Options().Now}
	ok(t, os.Mkdir(s.home.Dir, 0o700))
	card, err := s.home.Keygen("alice", "")
	ok(t, err)
	alice, err := roster.ParseWorkerCard(card)
	ok(t, err)
	s.org.Roster.Workers = append([]roster.Worker{*alice}, s.org.Roster.Workers...)
	s.org.Roster.Destinations = append(s.org.Roster.Destinations, roster.Destination{
		Name: "justice", Title: "Ministry of Justice", Recipient: testorg.Identity(t).Recipient().String(),
		Delivery: "command portal", Kind: "justice", Country: "BE",
	})
	s.org.Sign(t)
	s.vault = s.org.Open(t, s.org.Create(t))
	server, err := desk.NewServer(s.vault, s.org.Desk, slog.New(slog.DiscardHandler))
	ok(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	done := make(chan struct{})
	go func() {
		server.Serve(l)
		close(done)
	}()
	t.Cleanup(func() {
		server.Shutdown(context.Background())
		<-done
	})
	ok(t, s.home.Join(s.org.Key, s.org.Signed, l.Addr().String()))
	return s
}

func (s *station) options() Options { return Options{Home: s.home} }

// tell seals a report with that text wherever one can stand, and an addition to
// it, and puts them into the store.
func (s *station) tell(text string, more map[string]string) ledger.CaseID {
	s.t.Helper()
	// Without a codename, which takes long to derive and which nobody here has.
	r := &testorg.Report{ID: ledger.NewCaseID()}
	var err error
	r.Key, err = seal.NewCaseKey()
	ok(s.t, err)
	to, err := seal.ParseRecipients(s.org.Roster.Recipients())
	ok(s.t, err)
	envelope, err := r.Key.Envelope(to)
	ok(s.t, err)
	r.Envelope = vault.Envelope{Roster: s.org.Roster.Number, Sealed: envelope}
	r.Case = vault.Case{
		ID: r.ID, Codename: 1, Tag: testorg.Digest(r.ID[:]), Withdrawal: testorg.Digest([]byte(r.ID.String())),
		Recipient: r.Key.Recipient().String(), Witness: s.witness.Recipient().String(),
	}
	told := &report.Report{Version: report.Version}
	text = strings.ToValidUTF8(text, "?") // as the form takes no other
	short := string([]rune(text)[:min(150, len([]rune(text)))])
	ok(s.t, told.Set("what.seen", text))
	for _, f := range []string{"where.city", "where.place", "suspect.name", "witness.contact"} {
		ok(s.t, told.Set(f, short))
	}
	for f, v := range more {
		ok(s.t, told.Set(f, v))
	}
	ok(s.t, told.Validate())
	body, err := told.Marshal()
	ok(s.t, err)
	in := s.org.Context(r.ID, seal.KindReport)
	in.Record = testorg.Digest(r.Case.Marshal()).String()
	var sealed bytes.Buffer
	w, err := seal.NewMessage(&sealed, in, body, r.Key.Recipient())
	ok(s.t, err)
	_, err = w.Attach(short+".jpg", "image/jpeg", strings.NewReader("x"))
	ok(s.t, err)
	ok(s.t, w.Close())
	r.Message = sealed.Bytes()
	ok(s.t, r.Add(s.t.Context(), s.vault))
	up, err := testorg.Upload(s.vault, s.org.Addition(s.t, r, text, 0))
	ok(s.t, err)
	_, err = s.vault.AddAddition(s.t.Context(), r.ID, testorg.Digest([]byte(r.ID.String())), up)
	ok(s.t, err)
	return r.ID
}

// pull brings what was told into the home.
func (s *station) pull() {
	s.t.Helper()
	w := &work{Options: s.options()}
	_, err := w.pull(s.t.Context(), func(string) {})
	ok(s.t, err)
}

// corpus reads testdata/hostile.txt.
func corpus(t testing.TB) map[string]string {
	t.Helper()
	file, err := os.ReadFile("testdata/hostile.txt")
	ok(t, err)
	texts := map[string]string{}
	for line := range strings.Lines(string(file)) {
		name, quoted, found := strings.Cut(strings.TrimSpace(line), " ")
		if !found || name == "#" {
			continue
		}
		texts[name], err = strconv.Unquote(quoted)
		ok(t, err)
	}
	if len(texts) < 50 {
		t.Fatalf("%d texts", len(texts))
	}
	return texts
}
