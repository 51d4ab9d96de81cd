package audit_test

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"tocsin/audit"
	"tocsin/onion"
	"tocsin/seal/roster"
)

// The card is of the keys that lie there, and once there is one they stay.
func TestSetup(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "memory")
	m := openMemory(t, dir)
	defer m.Close()
	if _, err := m.DeskKey(); !errors.Is(err, audit.ErrNoKeys) {
		t.Errorf("before: %v, want ErrNoKeys", err)
	}
	if _, err := m.OnionKey(); !errors.Is(err, audit.ErrNoKeys) {
		t.Errorf("before: %v, want ErrNoKeys", err)
	}
	if _, err := m.Setup("carol"); err != nil {
		t.Fatal(err)
	}
	// Killed before it had a card, it is done again.
	if err := os.Remove(filepath.Join(dir, "card")); err != nil {
		t.Fatal(err)
	}
	card, err := m.Setup("carol")
	if err != nil {
		t.Fatal(err)
	}
	a, err := roster.ParseAuditorCard(card)
	if err != nil {
		t.Fatal(err)
	}
	same := func() {
		t.Helper()
		if key, err := m.DeskKey(); err != nil || !a.Desk.Equal(key.Public().(ed25519.PublicKey)) {
			t.Errorf("the desk key is not that of the card: %v", err)
		}
		if key, err := m.OnionKey(); err != nil || onion.ClientID(key.PublicKey()) != a.Onion {
			t.Errorf("the onion key is not that of the card: %v", err)
		}
	}
	same()
	if _, err := m.Setup("dave"); !errors.Is(err, audit.ErrKeys) {
		t.Errorf("again: %v, want ErrKeys", err)
	}
	same()
	for _, name := range []string{"desk.key", "onion.key"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("garbage"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.DeskKey(); err == nil {
		t.Error("garbage is a desk key")
	}
	if _, err := m.OnionKey(); !errors.Is(err, onion.ErrClientKey) {
		t.Errorf("garbage is an onion key: %v", err)
	}
}
