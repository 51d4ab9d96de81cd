package testorg

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"tocsin/desk"
	"tocsin/seal/roster"
	"tocsin/vault"
)

// NewAuditor makes an auditor's desk key and puts the auditor into the roster,
// which is to be signed then.
func (o *Org) NewAuditor(t testing.TB, name string) ed25519.PrivateKey {
	t.Helper()
	key := deskKey(t)
	o.Roster.Auditors = append(o.Roster.Auditors, roster.Auditor{Name: name, Desk: key.Public().(ed25519.PublicKey)})
	return key
}

// Serve opens the desk of a vault until the test ends and returns its address.
func (o *Org) Serve(t testing.TB, v *vault.Vault, log io.Writer) string {
	t.Helper()
	server, err := desk.NewServer(v, o.Desk, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		// A connection that a test left in the middle of an answer is cut.
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// Pose is a desk that holds the intake's key and answers as h does. It returns
// its address.
func (o *Org) Pose(t testing.TB, h http.Handler) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, o.Desk.Public(), o.Desk)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h)
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: o.Desk}}, ClientAuth: tls.RequireAnyClientCert,
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// Dial returns a client of the desk at that address for who holds the key.
func (o *Org) Dial(t testing.TB, addr string, key ed25519.PrivateKey) *desk.Client {
	t.Helper()
	c, err := desk.NewClient(desk.Direct(addr), key, o.Roster.Intake.Desk)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
