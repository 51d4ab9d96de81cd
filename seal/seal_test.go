package seal

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"tocsin/seal/roster"
)

var (
	testInstance  = roster.NewInstance("example.org+1234+key", "tocsin.example.org/one")
	reportContext = Context{testInstance.String(), "abcdefghijklmnopqrstuvwxyz", KindReport, digestOf("record")}
)

func newKey(t testing.TB) *CaseKey {
	t.Helper()
	k, err := NewCaseKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// pattern returns n bytes of which no two stretches of a chunk or a part are
// the same.
func pattern(n int) []byte {
	b := make([]byte, n)
	x := uint32(2463534242)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return b
}

// sealed returns a message with attachments "file 1.jpg", "file 2.jpg" ….
func sealed(t testing.TB, k *CaseKey, c Context, body []byte, attached ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewMessage(&out, c, body, k.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	for i, content := range attached {
		// A reader of odd pieces, as the network gives them.
		r := struct{ io.Reader }{bytes.NewReader(content)}
		if _, err := w.Attach(fmt.Sprintf("file %d.jpg", i+1), "image/jpeg", r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
