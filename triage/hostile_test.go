package triage

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/desk"
	"tocsin/ledger"
)

// hostile returns a client of a desk that has the right key and answers every
// request with those frames.
func (s *station) hostile(answer func(*desk.Writer)) *desk.Client {
	s.t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(7)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, s.deskKey.Public(), s.deskKey)
	ok(s.t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		frames := desk.NewWriter(w)
		answer(frames)
		frames.Close()
	}))
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: s.deskKey}}, ClientAuth: tls.RequireAnyClientCert,
	}
	server.StartTLS()
	s.t.Cleanup(server.Close)
	own, err := s.alice.deskKey()
	ok(s.t, err)
	c, err := desk.NewClient(desk.Direct(server.Listener.Addr().String()), own, s.deskKey.Public().(ed25519.PublicKey))
	ok(s.t, err)
	s.t.Cleanup(c.Close)
	return c
}

// Bytes that nobody asked for are not read to their end, and nothing of them
// stays.
func TestWhatNobodyAskedForIsRefused(t *testing.T) {
	s := newStation(t)
	s.addCase(s.vault, plain)
	s.pull()
	m, err := s.alice.openMirror()
	ok(t, err)
	found := m.cases()[0]
	ok(t, os.Remove(s.alice.objectPath(found.record)))
	ok(t, os.Remove(s.alice.objectPath(found.Messages[0].Leaf.Digest)))
	missing := s.alice.missing(m)
	large := make([]byte, 1<<20)
	for name, c := range map[string]struct {
		answer func(*desk.Writer)
		says   string
	}{
		"a message of a case's leaf":  {func(w *desk.Writer) { w.Write(desk.Message, 1, large) }, "1048576 bytes for leaf 1 that nobody asked for"},
		"a roster of a message's":     {func(w *desk.Writer) { w.Write(desk.Roster, 2, large) }, "1048576 bytes for leaf 2 that nobody asked for"},
		"a message of another size":   {func(w *desk.Writer) { w.Write(desk.Message, 2, large) }, "the desk sends 1048576"},
		"another record":              {func(w *desk.Writer) { w.Write(desk.Record, 1, large[:100]) }, "is not what the leaf says"},
		"the envelope, which is here": {func(w *desk.Writer) { w.Write(desk.Envelope, 1, large) }, "no longer holds"},
	} {
		err := s.alice.fetch(t.Context(), s.hostile(c.answer), missing, func(int64) {})
		if !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
		says(t, err, c.says)
		if left := s.alice.missing(m); len(left) != len(missing) {
			t.Errorf("%s: something of it was kept", name)
		}
	}
}

// A checkpoint can be signed for any number of leaves: a pull does not begin to
// fetch more than it can hold.
func TestACheckpointOfTooManyLeavesIsRefused(t *testing.T) {
	s := newStation(t)
	s.addCase(s.vault, plain)
	s.pull()
	m, err := s.alice.openMirror()
	ok(t, err)
	for size, taken := range map[int64]bool{1 << 62: false, m.size() + maxNewLeaves + 1: false, m.size() + maxNewLeaves: true} {
		cp := ledger.Checkpoint{Origin: "tips.example.org", Size: size, Root: tlog.Hash{1}}
		signed, err := cp.Sign(s.ledgerKey)
		ok(t, err)
		_, err = m.under(&desk.Head{Roster: s.vault.Roster().Note, Checkpoint: signed}, m.roster)
		if taken != (err == nil) || !taken && !errors.Is(err, ErrRefused) {
			t.Errorf("a checkpoint of %d leaves: %v", size, err)
		}
	}
}
