package desk_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"tocsin/desk"
	"tocsin/ledger"
	"tocsin/seal/roster"
)

func TestWhatTheStoreHoldsArrives(t *testing.T) {
	s := newStation(t)
	c := s.client(t, s.workers["alice"])
	head, err := c.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := roster.Open(head.Roster, s.vault.Roster().OrgKey)
	if err != nil {
		t.Fatal(err)
	}
	cp, err := ledger.OpenCheckpoint(head.Checkpoint, r.Intake.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	var hashes ledger.Hashes
	leaves := make(map[int64]*ledger.Leaf)
	err = c.Leaves(t.Context(), 0, cp.Size, func(i int64, b []byte) error {
		leaves[i] = must(ledger.ParseLeaf(b))
		return hashes.Append(i, b)
	})
	if err != nil {
		t.Fatal(err)
	}
	if root := must(hashes.Root(cp.Size)); root != cp.Root {
		t.Error("the leaves do not make the root of the checkpoint")
	}
	var got []byte
	err = c.Objects(t.Context(), []int64{0, 1, 2}, func(f *desk.Frame) error {
		h := sha256.New()
		io.Copy(h, f.Body)
		got = append(got, byte(f.Kind))
		want := leaves[f.Index].Digest
		if f.Kind == desk.Envelope {
			want = leaves[f.Index].Envelope
		}
		if ledger.Digest(h.Sum(nil)) != want {
			t.Errorf("frame %q of leaf %d is not what the leaf says", byte(f.Kind), f.Index)
		}
		return nil
	})
	if err != nil || string(got) != "rkem" {
		t.Errorf("frames %q: %v", got, err)
	}
}

func TestAnObjectThatIsNotThereIsSaidToBeAbsent(t *testing.T) {
	s := newStation(t)
	err := s.client(t, s.workers["bob"]).Objects(t.Context(), []int64{77}, func(f *desk.Frame) error {
		if f.Kind != desk.Absent || f.Index != 77 {
			t.Errorf("frame %q %d", byte(f.Kind), f.Index)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPushingTwiceIsPushingOnce(t *testing.T) {
	s := newStation(t)
	c := s.client(t, s.workers["alice"])
	leaf := must(s.handOver(t, "alice", "bag").Marshal())
	first, err := c.Push(t.Context(), leaf, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	// A colleague may carry it too.
	second, err := s.client(t, s.workers["bob"]).Push(t.Context(), leaf, 0, nil)
	if err != nil || first != second {
		t.Errorf("index %d and then %d, %v", first, second, err)
	}
}

func (s *station) reply(t *testing.T, text string) *ledger.Leaf {
	t.Helper()
	l := &ledger.Leaf{Event: ledger.EventMessage, Kind: ledger.KindReply, Day: "2026-01-03", Done: "2026-01-03",
		Case: s.id, Size: int64(len(text)), Digest: sha256.Sum256([]byte(text))}
	l.Sign(s.vault.Roster().Instance(), "alice", s.workers["alice"])
	return l
}

func TestAReplyArrivesWhole(t *testing.T) {
	s := newStation(t)
	c := s.client(t, s.workers["alice"])
	const text = "ciphertext, as far as the desk knows"
	leaf := must(s.reply(t, text).Marshal())
	index, err := c.Push(t.Context(), leaf, int64(len(text)), strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.vault.OpenMessage(index)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	got, _ := io.ReadAll(io.NewSectionReader(m, 0, m.Size()))
	if string(got) != text {
		t.Errorf("%q arrived", got)
	}
}

func TestPushesThatAreRefused(t *testing.T) {
	s := newStation(t)
	c := s.client(t, s.workers["alice"])
	forged := s.handOver(t, "alice", "bag")
	forged.By = "bob"
	elsewhere := s.handOver(t, "alice", "bag")
	elsewhere.Case = ledger.NewCaseID()
	elsewhere.Sign(s.vault.Roster().Instance(), "alice", s.workers["alice"])
	const text = "ciphertext"
	for name, p := range map[string]struct {
		leaf   []byte
		reply  string
		status int
	}{
		"another's signature": {must(forged.Marshal()), "", http.StatusForbidden},
		"an unknown case":     {must(elsewhere.Marshal()), "", http.StatusNotFound},
		"not a leaf":          {[]byte("hello\n"), "", http.StatusBadRequest},
		"a newer leaf":        {[]byte("tocsin.leaf.v2 roster\n"), "", http.StatusBadRequest},
		"a reply alone":       {must(s.reply(t, text).Marshal()), "", http.StatusBadRequest},
		"another reply":       {must(s.reply(t, text).Marshal()), "citherpext", http.StatusConflict},
		"an event with body":  {must(s.handOver(t, "alice", "bag").Marshal()), text, http.StatusBadRequest},
	} {
		before := s.vault.Checkpoint()
		var body io.Reader
		if p.reply != "" {
			body = strings.NewReader(p.reply)
		}
		_, err := c.Push(t.Context(), p.leaf, int64(len(p.reply)), body)
		var refusal *desk.Error
		if !errors.As(err, &refusal) || refusal.Status != p.status || refusal.Reason == "" {
			t.Errorf("%s: %v, want status %d", name, err, p.status)
		}
		if !bytes.Equal(before, s.vault.Checkpoint()) {
			t.Errorf("%s: the ledger grew", name)
		}
	}
}

func TestAReplyCutShortLeavesNothing(t *testing.T) {
	s := newStation(t)
	before := s.vault.Checkpoint()
	const text = "ciphertext"
	leaf := must(s.reply(t, text).Marshal())
	if _, err := s.client(t, s.workers["alice"]).Push(t.Context(), leaf, int64(len(text)), strings.NewReader("cip")); err == nil {
		t.Error("a reply of fewer bytes than announced was taken")
	}
	if !bytes.Equal(before, s.vault.Checkpoint()) {
		t.Error("the ledger grew")
	}
}

func TestAKeyThatIsNotOnTheRosterGetsNoByte(t *testing.T) {
	s := newStation(t)
	_, stranger, _ := ed25519.GenerateKey(nil)
	if _, err := s.client(t, stranger).Head(t.Context()); !errors.Is(err, desk.ErrHungUp) {
		t.Errorf("a stranger: %v", err)
	}
	// With no certificate at all, below this package's client.
	conn, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true})
	if err == nil {
		io.WriteString(conn, "GET /v1/head HTTP/1.1\r\nHost: desk\r\n\r\n")
		if got, _ := io.ReadAll(conn); len(got) > 0 {
			t.Errorf("without a certificate: %q", got)
		}
		conn.Close()
	}
	// Nor an older TLS, nor plain HTTP.
	if conn, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("TLS 1.2 was spoken")
		conn.Close()
	}
	plain := must(net.Dial("tcp", s.addr))
	defer plain.Close()
	io.WriteString(plain, "GET /v1/head HTTP/1.1\r\nHost: desk\r\n\r\n")
	if got, _ := io.ReadAll(plain); bytes.Contains(got, []byte("HTTP")) {
		t.Errorf("plain HTTP: %q", got)
	}
}

func TestTheClientTakesOneServerOnly(t *testing.T) {
	s := newStation(t)
	other, _, _ := ed25519.GenerateKey(nil)
	c, err := desk.NewClient(desk.Direct(s.addr), s.workers["alice"], other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Head(t.Context()); !errors.Is(err, desk.ErrKey) {
		t.Errorf("a server with another key than the roster's: %v", err)
	}
}

func TestARemovedWorkerGetsNothingOnAnOpenConnection(t *testing.T) {
	s := newStation(t)
	alice, bob := s.client(t, s.workers["alice"]), s.client(t, s.workers["bob"])
	for _, c := range []*desk.Client{alice, bob} {
		if _, err := c.Head(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.roster.Number = 2
	s.roster.Workers = s.roster.Workers[:1]
	if err := s.vault.UpdateRoster(t.Context(), must(s.roster.Sign(s.org))); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Head(t.Context()); !errors.Is(err, desk.ErrHungUp) {
		t.Errorf("bob, removed: %v", err)
	}
	if _, err := alice.Head(t.Context()); err != nil {
		t.Errorf("alice, who stays: %v", err)
	}
}

func TestLimitsOfRequests(t *testing.T) {
	s := newStation(t)
	c := s.client(t, s.workers["alice"])
	var refusal *desk.Error
	many := make([]int64, desk.MaxObjects+1)
	if err := c.Objects(t.Context(), many, nil); !errors.As(err, &refusal) || refusal.Status != http.StatusBadRequest {
		t.Errorf("too many objects: %v", err)
	}
	if err := c.Leaves(t.Context(), -1, 1, nil); !errors.As(err, &refusal) || refusal.Status != http.StatusBadRequest {
		t.Errorf("a negative leaf: %v", err)
	}
	// A server that has fewer leaves than asked for has shrunk.
	if err := c.Leaves(t.Context(), 0, 100, func(int64, []byte) error { return nil }); !errors.Is(err, desk.ErrMalformed) {
		t.Errorf("leaves beyond the ledger: %v", err)
	}
}

func TestTheLogHoldsNoAddress(t *testing.T) {
	s := newStation(t)
	c := s.client(t, s.workers["alice"])
	c.Objects(t.Context(), []int64{0}, func(f *desk.Frame) error { return nil })
	c.Push(t.Context(), []byte("nonsense\n"), 0, nil)
	// Hang up in the middle of a large answer.
	hangUp := errors.New("enough")
	c.Objects(t.Context(), []int64{2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, func(f *desk.Frame) error { return hangUp })
	_, stranger, _ := ed25519.GenerateKey(nil)
	s.client(t, stranger).Head(t.Context())
	if err := s.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	log := s.log.String()
	if !strings.Contains(log, "worker=alice") {
		t.Errorf("the log does not say who: %s", log)
	}
	if strings.Contains(log, "127.0.0.1") || strings.Contains(log, "::1") {
		t.Errorf("the log holds an address: %s", log)
	}
	if strings.Contains(log, "objects=") {
		t.Errorf("the log holds how much was new: %s", log)
	}
}

func TestADeskKeyThatTheRosterDoesNotNameServesNobody(t *testing.T) {
	s := newStation(t)
	_, other, _ := ed25519.GenerateKey(nil)
	if _, err := desk.NewServer(s.vault, other, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a server started that no case worker would accept")
	}
}
