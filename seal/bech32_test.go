package seal

import (
	"crypto/rand"
	"testing"

	"filippo.io/age"
)

// What is written is what age writes for the same key, and has the checksum of
// BIP 173's test vectors.
func TestSecretKeyText(t *testing.T) {
	seed := make([]byte, 32)
	for range 200 {
		rand.Read(seed)
		text := secretKeyText(seed)
		id, err := age.ParseHybridIdentity(text)
		if err != nil {
			t.Fatalf("age does not take the text of %x: %v", seed, err)
		}
		if id.String() != text || len(text) != secretKeySize {
			t.Fatalf("the text of %x is %d characters that age writes otherwise", seed, len(text))
		}
	}
	for prefix, want := range map[string]string{
		"a": "a12uel5l",
		"an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio": "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
	} {
		if got := string(bech32(prefix, nil)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
