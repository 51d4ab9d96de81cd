package desk_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"tocsin/desk"
)

// proof is a certificate around a key, as anybody can make one.
func proof(t *testing.T, key ed25519.PrivateKey) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotAfter: time.Now().Add(time.Hour)}
	der := must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// What a key gets that is not on the roster is the end of the handshake. It
// asks for nothing here, so no later check of a request can be what refuses it.
func TestTheHandshakeItselfRefusesAStrangeKey(t *testing.T) {
	s := newStation(t)
	_, stranger, _ := ed25519.GenerateKey(nil)
	for name, c := range map[string]struct {
		certificates []tls.Certificate
		refused      bool
	}{
		"a worker":       {[]tls.Certificate{proof(t, s.workers["alice"])}, false},
		"a stranger":     {[]tls.Certificate{proof(t, stranger)}, true},
		"no certificate": {nil, true},
	} {
		conn, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true, Certificates: c.certificates})
		if err == nil {
			// In TLS 1.3 the client is done before the server has judged it:
			// the verdict is the first thing that it reads.
			if !c.refused {
				_, err = conn.Write([]byte("GET /v1/head HTTP/1.1\r\nHost: desk\r\n\r\n"))
			}
			if err == nil {
				conn.SetReadDeadline(time.Now().Add(10 * time.Second))
				_, err = conn.Read(make([]byte, 1))
			}
			conn.Close()
		}
		op := (*net.OpError)(nil)
		if alert := errors.As(err, &op) && op.Op == "remote error"; alert != c.refused || !c.refused && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// hostile returns a client of a desk that holds the right key and answers every
// request with those frames.
func (s *station) hostile(t *testing.T, answer func(*desk.Writer)) *desk.Client {
	t.Helper()
	_, key, _ := ed25519.GenerateKey(nil)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		frames := desk.NewWriter(w)
		answer(frames)
		frames.Close()
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{proof(t, key)}, ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	c := must(desk.NewClient(desk.Direct(server.Listener.Addr().String()), s.workers["alice"], key.Public().(ed25519.PublicKey)))
	t.Cleanup(c.Close)
	return c
}

// An answer has as many frames as what was asked for can have, and no more: a
// desk that goes on for ever keeps nobody busy.
func TestAnAnswerEndsWhateverTheDeskSends(t *testing.T) {
	s := newStation(t)
	const many = 1000
	for name, c := range map[string]struct {
		answer func(*desk.Writer)
		taken  int // frames that may reach the caller
	}{
		"the same envelope again":  {func(w *desk.Writer) { repeat(w, many, desk.Envelope, 1) }, 1},
		"the same message again":   {func(w *desk.Writer) { repeat(w, many, desk.Message, 2) }, 1},
		"absent again":             {func(w *desk.Writer) { repeat(w, many, desk.Absent, 1) }, 1},
		"a leaf not asked for":     {func(w *desk.Writer) { repeat(w, many, desk.Envelope, 3) }, 0},
		"a kind that is no object": {func(w *desk.Writer) { repeat(w, many, desk.Leaf, 1) }, 0},
	} {
		taken := 0
		err := s.hostile(t, c.answer).Objects(t.Context(), []int64{1, 2}, func(*desk.Frame) error { taken++; return nil })
		if !errors.Is(err, desk.ErrMalformed) || taken > c.taken {
			t.Errorf("%s: %d frames were taken, %v", name, taken, err)
		}
	}
	both := func(w *desk.Writer) {
		for _, f := range []struct {
			kind  desk.Kind
			index int64
		}{{desk.Message, 2}, {desk.Record, 1}, {desk.Envelope, 1}} {
			w.Write(f.kind, f.index, nil)
		}
	}
	if err := s.hostile(t, both).Objects(t.Context(), []int64{1, 2}, func(*desk.Frame) error { return nil }); err != nil {
		t.Errorf("what was asked for, once: %v", err)
	}
}

func repeat(w *desk.Writer, n int, kind desk.Kind, index int64) {
	for range n {
		w.Write(kind, index, nil)
	}
}
