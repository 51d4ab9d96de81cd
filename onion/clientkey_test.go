package onion_test

import (
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"regexp"
	"strings"
	"testing"

	"tocsin/onion"
)

// A client's key file has tor's form, comes back as it was, and is not quoted
// where it is wrong.
func TestClientKey(t *testing.T) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := onion.MarshalClientKey(key)
	if !regexp.MustCompile(`^descriptor:x25519:[A-Z2-7]{52}\n$`).Match(text) {
		t.Errorf("the file is %q", text)
	}
	if got, err := onion.ParseClientKey(text); err != nil || !got.Equal(key) {
		t.Errorf("it came back as %v, %v", got, err)
	}
	if id := onion.ClientID(key.PublicKey()); len(id) != 52 || strings.Contains(string(text), id) {
		t.Errorf("the client is %q", id)
	}
	secret := string(text[len("descriptor:x25519:"):])
	for _, wrong := range []string{"", secret, "descriptor:x25519:", string(text[:40]), string(text) + "\n", "descriptor:x25519:" + strings.ToLower(secret)} {
		_, err := onion.ParseClientKey([]byte(wrong))
		if !errors.Is(err, onion.ErrClientKey) || strings.Contains(err.Error(), secret[:10]) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}
