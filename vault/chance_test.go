package vault

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// What is drawn at random is never told from a ciphertext, of whichever length,
// and a page of words in it always is.
func TestRandom(t *testing.T) {
	source := rand.NewChaCha8([32]byte{1})
	b := make([]byte, payloadSample)
	for n := leastSample; n <= len(b); n += 97 {
		source.Read(b[:n])
		if !random(b[:n]) {
			t.Fatalf("%d random bytes are not taken for such", n)
		}
	}
	words := strings.Repeat("Der Zeuge ist in Zimmer 12, свидетель в номере 12. ", 40)
	copy(b[1234:], words)
	if random(b) {
		t.Errorf("%d bytes of words in %d are not seen", len(words), len(b))
	}
	if !random(make([]byte, leastSample-1)) {
		t.Error("something is said of too few bytes")
	}
	if random(make([]byte, leastSample)) {
		t.Error("zeros are taken for random")
	}
}

func BenchmarkRandom(b *testing.B) {
	p := make([]byte, payloadSample)
	rand.NewChaCha8([32]byte{1}).Read(p)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		random(p)
	}
}
