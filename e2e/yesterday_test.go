package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"tocsin/intake"
	"tocsin/ledger"
	"tocsin/vault"
)

// yesterday puts in the place of an organisation's empty store one that was
// made yesterday and took a report then, and returns its codename. Programs
// can't be given another clock, so that this is the server without its command.
func yesterday(t testing.TB, dir, seen string) (codename string) {
	t.Helper()
	data := filepath.Join(dir, "intake")
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	signer, err := note.NewSigner(read(filepath.Join(data, "ledger.key")))
	must(err)
	signed, err := os.ReadFile(filepath.Join(dir, "organisation", "org", "roster"))
	must(err)
	org := read(filepath.Join(data, "org.pub"))
	must(errors.Join(os.Remove(filepath.Join(data, vault.DBName)), os.RemoveAll(filepath.Join(data, vault.BlobsDir))))
	options := vault.Options{Signer: signer, Now: func() time.Time { return time.Now().AddDate(0, 0, -1) }}
	must(vault.Create(data, signed, org, options))
	v, err := vault.Open(data, org, options)
	must(err)
	web, err := intake.New(v, intake.DefaultConfig(), intake.NewLog(io.Discard))
	must(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	served := make(chan error, 1)
	go func() { served <- web.Serve(l) }()
	codename, err = form(http.DefaultClient, "http://"+l.Addr().String())
	must(err)
	must(send(http.DefaultClient, "http://"+l.Addr().String(), "test", codename, [][2]string{{"what.seen", seen}}))
	must(web.Drain(context.Background()))
	must(<-served)
	must(v.Close())
	return codename
}

// A server publishes when it starts what came in on the days before: the receipt
// of a report of yesterday is there, that of one of today is not.
func TestReceiptOfYesterday(t *testing.T) {
	dir := setUp(t)
	old := yesterday(t, dir, "of yesterday")
	s := startIntake(t, dir, t.TempDir())
	fresh, err := form(http.DefaultClient, s.web)
	if err == nil {
		err = send(http.DefaultClient, s.web, "test", fresh, [][2]string{{"what.seen", "of today"}})
	}
	if err != nil {
		t.Fatal(err)
	}
	g := new(gallery)
	receipt := func(codename string) []byte {
		t.Helper()
		p, err := g.ask(s.web+"/en/proof/file", "codename", codename)
		if err != nil {
			t.Fatal(err)
		}
		return p.body
	}
	card := command(t, "intake", "card", "--data", s.data)
	_, key, _ := strings.Cut(card, "\nledger ")
	key, _, _ = strings.Cut(key, "\n")
	proof, err := ledger.ParseProof(receipt(old))
	if err != nil {
		t.Fatal(err)
	}
	if l, c, err := proof.Verify(key); err != nil || l.Kind != ledger.KindReport || c.Size != 3 {
		t.Errorf("the receipt of yesterday's report: %v in %v, %v", l, c, err)
	}
	if b := receipt(fresh); bytes.Contains(b, []byte("c2sp.org/tlog-proof")) || !bytes.Contains(b, []byte(`id="later"`)) {
		t.Errorf("the receipt of today's: %s", b)
	}
	if said := command(t, "intake", "status", "--data", s.data); !strings.Contains(said, "3 leaves\n") {
		t.Errorf("intake status says %s", said)
	}
	// The confined server answers what intake cosign asks.
	out, err := exec.Command(filepath.Join(bin, "intake"), "cosign", "--data", s.data).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "the roster names no cosigners") {
		t.Errorf("intake cosign: %v\n%s", err, out)
	}
	s.stop(t)
}
