package ledger_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/ledger"
	"tocsin/seal/roster"
)

func TestFrozenStatements(t *testing.T) {
	if got, want := instance.String(), instanceText; got != want {
		t.Errorf("the instance is %s, was %s", got, want)
	}
	for _, f := range leaves() {
		if f.statement == "" {
			continue
		}
		if got := f.leaf.Statement(instance); string(got) != f.statement {
			t.Errorf("%s: the statement is\n%sand was\n%s", f.name, got, f.statement)
		}
	}
}

// The desk key signs TLS handshakes too, and what those sign begins with 64
// spaces.
func TestStatementsAreNoHandshakes(t *testing.T) {
	for _, f := range leaves() {
		if !strings.HasPrefix(string(f.leaf.Statement(instance)), "tocsin.event.v1 ") {
			t.Errorf("%s: %q", f.name, f.leaf.Statement(instance))
		}
	}
}

func TestSignThenVerify(t *testing.T) {
	ana := deskKey("ana")
	for _, f := range leaves() {
		if f.statement == "" {
			// Nobody signs it, so that nothing verifies, signed or not.
			wantError(t, f.name, f.leaf.Verify(instance, public(ana)), ledger.ErrSignature)
			l := f.leaf
			l.Sign(instance, "ana", ana)
			wantError(t, f.name+", signed", l.Verify(instance, public(ana)), ledger.ErrSignature)
			continue
		}
		if err := f.leaf.Verify(instance, public(ana)); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
		if f.leaf.By != "ana" {
			t.Errorf("%s: by %q", f.name, f.leaf.By)
		}
		read, err := ledger.ParseLeaf([]byte(f.text))
		if err != nil {
			t.Fatal(err)
		}
		if err := read.Verify(instance, public(ana)); err != nil {
			t.Errorf("%s, read back: %v", f.name, err)
		}
		// The vault sets the day of entry after the worker signed.
		read.Day = "2030-12-31"
		if err := read.Verify(instance, public(ana)); err != nil {
			t.Errorf("%s, entered later: %v", f.name, err)
		}
	}
}

func TestChangesBreakTheSignature(t *testing.T) {
	ana := public(deskKey("ana"))
	for _, f := range leaves() {
		if f.statement == "" {
			continue
		}
		for field, set := range setters {
			if !strings.Contains(f.text, "\n"+field+" ") {
				continue
			}
			l := f.leaf
			set(&l)
			wantError(t, f.name+", another "+field, l.Verify(instance, ana), ledger.ErrSignature)
		}
		for _, event := range []ledger.Event{
			ledger.EventRoster, ledger.EventCase, ledger.EventMessage, ledger.EventRekey,
			ledger.EventHandedOver, ledger.EventAcknowledged, ledger.EventHeld, ledger.EventPurged,
			ledger.EventRead, ledger.EventWithdrawn, "recalled",
		} {
			if l := f.leaf; event != l.Event {
				l.Event = event
				wantError(t, f.name+" as "+string(event), l.Verify(instance, ana), ledger.ErrSignature)
			}
		}
		other := roster.NewInstance("example.org/organisation+00000000+key", "example.org/other")
		wantError(t, f.name+", another instance", f.leaf.Verify(other, ana), ledger.ErrSignature)
		for what, key := range map[string]ed25519.PublicKey{
			"another's key": public(deskKey("bo")), "no key": nil, "half a key": ana[:16],
		} {
			wantError(t, f.name+", "+what, f.leaf.Verify(instance, key), ledger.ErrSignature)
		}
		for i := range 64 * 8 {
			l := f.leaf
			l.Signature = append([]byte(nil), l.Signature...)
			l.Signature[i/8] ^= 1 << (i % 8)
			if l.Verify(instance, ana) == nil {
				t.Errorf("%s: bit %d of the signature counts for nothing", f.name, i)
			}
		}
		for _, n := range []int{0, 63, 65} {
			l := f.leaf
			l.Signature = append(append([]byte(nil), l.Signature...), 0)[:n]
			wantError(t, f.name+", signature cut", l.Verify(instance, ana), ledger.ErrSignature)
		}
	}
}

// Without this program, openssl says who did what.
func TestOpensslVerifiesStatements(t *testing.T) {
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal("openssl is missing: apt-get install openssl")
	}
	der, err := x509.MarshalPKIXPublicKey(public(deskKey("ana")))
	if err != nil {
		t.Fatal(err)
	}
	l := find("handed over")
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	key := write("key", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	sig := write("sig", l.Signature)
	verify := func(statement string) error {
		return exec.Command(path, "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin",
			"-in", write("statement", []byte(statement)), "-sigfile", sig).Run()
	}
	if err := verify(handedOverStatement); err != nil {
		t.Errorf("openssl does not verify what ana signed: %v", err)
	}
	if verify(acknowledgedStatement) == nil {
		t.Error("openssl verifies what ana did not sign")
	}
}
