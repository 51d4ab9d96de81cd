package seal

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"filippo.io/age"
	"tocsin/seal/agefile"
)

// damaged reports whether an error is one that altered ciphertext may give. In
// the part of the header that is for one recipient, damage cannot be told from
// a file that is for somebody else.
func damaged(err error) bool { return errors.Is(err, ErrDamaged) || errors.Is(err, ErrKey) }

func TestCutShort(t *testing.T) {
	key := newKey(t)
	file := sealed(t, key, reportContext, []byte("body"), pattern(150_000))
	header := int(agefile.HybridHeaderSize(1))
	var lengths []int
	for n := 0; n < len(file); n += 353 {
		lengths = append(lengths, n)
	}
	// At and around every boundary that a cut could hide behind.
	for at := header; at < len(file); at += 65552 {
		for d := -17; d <= 33; d++ {
			if n := at + d; n < len(file) {
				lengths = append(lengths, n)
			}
		}
	}
	for _, n := range append(lengths, len(file)-1, len(file)-16, len(file)-17) {
		if _, _, err := read(file[:n], key, reportContext); !damaged(err) {
			t.Errorf("the first %d of %d bytes: %v", n, len(file), err)
		}
	}
	if _, _, err := read(append(file, 0), key, reportContext); !damaged(err) {
		t.Errorf("with a byte more: %v", err)
	}
	// A source that is shorter than it was said to be.
	if _, err := ReadMessage(bytes.NewReader(file[:len(file)-1000]), int64(len(file)), key.Identity(), reportContext, nil); !damaged(err) {
		t.Errorf("shorter than said: %v", err)
	}
	for _, size := range []int64{-1, 0, 1 << 62} {
		if _, err := ReadMessage(bytes.NewReader(file), size, key.Identity(), reportContext, nil); !damaged(err) {
			t.Errorf("said to have %d bytes: %v", size, err)
		}
	}
}

// A message that was never closed is a message cut short.
func TestNotClosed(t *testing.T) {
	key := newKey(t)
	var out bytes.Buffer
	w, err := NewMessage(&out, reportContext, []byte("body"), key.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Attach("n", "t", bytes.NewReader(pattern(200_000))); err != nil {
		t.Fatal(err)
	}
	if _, _, err := read(out.Bytes(), key, reportContext); !damaged(err) {
		t.Errorf("opens: %v", err)
	}
}

// Each byte of the header and a sample of the rest, one bit each. No reader of
// a file ends cleanly with other bytes than were attached, even in a message
// that is refused as a whole.
func TestFlippedBits(t *testing.T) {
	key := newKey(t)
	content := pattern(150_000)
	file := sealed(t, key, reportContext, []byte("body"), content)
	header := int(agefile.HybridHeaderSize(1))
	for n := 0; n < len(file); n++ {
		if n > header+16 && n < len(file)-64 && n%307 != 0 {
			continue
		}
		file[n] ^= 1 << (n % 8)
		_, contents, err := read(file, key, reportContext)
		if !damaged(err) {
			t.Errorf("byte %d of %d: %v", n, len(file), err)
		}
		_, err = ReadMessage(bytes.NewReader(file), int64(len(file)), key.Identity(), reportContext,
			func(_ File, r io.Reader) error {
				if b, err := io.ReadAll(r); err == nil && !bytes.Equal(b, content) {
					t.Errorf("byte %d of %d: a file ended well with other bytes", n, len(file))
				}
				return nil
			})
		if err == nil {
			t.Errorf("byte %d of %d: opened, and %d files", n, len(file), len(contents))
		}
		file[n] ^= 1 << (n % 8)
	}
	if _, _, err := read(file, key, reportContext); err != nil {
		t.Errorf("restored: %v", err)
	}
}

// Two chunks of the payload swapped are both authentic where they were.
func TestChunksSwapped(t *testing.T) {
	key := newKey(t)
	file := sealed(t, key, reportContext, []byte("body"), pattern(300_000))
	first := int(agefile.HybridHeaderSize(1)) + 16 + 65552
	second := first + 65552
	swapped := append([]byte(nil), file...)
	copy(swapped[first:second], file[second:second+65552])
	copy(swapped[second:], file[first:second])
	if _, _, err := read(swapped, key, reportContext); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v, want ErrDamaged", err)
	}
}

func TestWrongKey(t *testing.T) {
	key, other := newKey(t), newKey(t)
	file := sealed(t, key, reportContext, []byte("body"))
	if _, _, err := read(file, other, reportContext); !errors.Is(err, ErrKey) || errors.Is(err, ErrDamaged) {
		t.Errorf("%v, want ErrKey", err)
	}
	envelope, err := key.Envelope([]*age.HybridRecipient{other.Recipient(), newKey(t).Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenEnvelope(envelope, newKey(t).Identity()); !errors.Is(err, ErrKey) {
		t.Errorf("an envelope: %v, want ErrKey", err)
	}
}

// A file of somebody else's making that is not post-quantum was never sealed
// by us, even if our key were to open it.
func TestClassicRecipientIsRefused(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file := encrypt(t, plaintext(t, newKey(t)), id.Recipient())
	if _, err := ReadMessage(bytes.NewReader(file), int64(len(file)), id, reportContext, nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v, want ErrDamaged", err)
	}
}

// plaintext returns the archive of a small message.
func plaintext(t testing.TB, key *CaseKey) []byte {
	t.Helper()
	return decrypt(t, key, sealed(t, key, reportContext, []byte("body"), []byte("content")))
}

func decrypt(t testing.TB, key *CaseKey, file []byte) []byte {
	t.Helper()
	r, err := age.Decrypt(bytes.NewReader(file), key.Identity())
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func encrypt(t testing.TB, plain []byte, to age.Recipient) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestWrongContext(t *testing.T) {
	key := newKey(t)
	c := Context{Instance: "instance", Case: "case", Kind: KindAddition}
	file := sealed(t, key, c, []byte("body"), []byte("content"))
	for _, want := range []Context{
		{"another", "case", KindAddition, ""}, {"instance", "other", KindAddition, ""},
		{"instance", "case", KindReply, ""}, {"instance", "case", KindReport, ""}, {"instance", "case", "", ""}, {},
		{"instance", "case", KindAddition, digestOf("record")},
	} {
		visited := false
		_, err := ReadMessage(bytes.NewReader(file), int64(len(file)), key.Identity(), want,
			func(File, io.Reader) error { visited = true; return nil })
		if !errors.Is(err, ErrContext) {
			t.Errorf("%+v: %v, want ErrContext", want, err)
		}
		if visited {
			t.Errorf("%+v: content was handed out", want)
		}
	}
}

// A failing disk is not a damaged message.
func TestSourceFails(t *testing.T) {
	key := newKey(t)
	broken := errors.New("broken disk")
	file := sealed(t, key, reportContext, []byte("body"), pattern(300_000))
	for n := int64(0); n < int64(len(file)); n += 5003 {
		src := failingAt{bytes.NewReader(file), n, broken}
		_, err := ReadMessage(src, int64(len(file)), key.Identity(), reportContext,
			func(_ File, r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
		if !errors.Is(err, broken) || errors.Is(err, ErrDamaged) {
			t.Errorf("fails at byte %d: %v", n, err)
		}
	}
}

// failingAt cannot read one byte.
type failingAt struct {
	r   io.ReaderAt
	bad int64
	err error
}

func (f failingAt) ReadAt(p []byte, off int64) (int, error) {
	if off <= f.bad && f.bad < off+int64(len(p)) {
		n, _ := f.r.ReadAt(p[:f.bad-off], off)
		return n, f.err
	}
	return f.r.ReadAt(p, off)
}

func TestVisitFailsOrReadsLittle(t *testing.T) {
	key := newKey(t)
	stop := errors.New("disk full")
	file := sealed(t, key, reportContext, []byte("body"), pattern(PartSize+10), []byte("second"))
	_, err := ReadMessage(bytes.NewReader(file), int64(len(file)), key.Identity(), reportContext,
		func(File, io.Reader) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("visit's error is lost: %v", err)
	}
	var firsts []string
	_, err = ReadMessage(bytes.NewReader(file), int64(len(file)), key.Identity(), reportContext,
		func(f File, r io.Reader) error {
			b := make([]byte, 6)
			_, err := io.ReadFull(r, b)
			firsts = append(firsts, string(b))
			return err
		})
	if err != nil || len(firsts) != 2 || firsts[1] != "second" {
		t.Errorf("%q, %v", firsts, err)
	}
}

func TestEnvelopeDamaged(t *testing.T) {
	key, worker := newKey(t), newKey(t)
	envelope, err := key.Envelope([]*age.HybridRecipient{newKey(t).Recipient(), worker.Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(envelope)) != agefile.HybridHeaderSize(2)+16+int64(envelopeSize)+16 {
		t.Errorf("an envelope for two has %d bytes", len(envelope))
	}
	for n := range envelope {
		if n%3 == 0 || n > len(envelope)-110 {
			envelope[n] ^= 1
			if _, err := OpenEnvelope(envelope, worker.Identity()); !damaged(err) {
				t.Errorf("byte %d of %d: %v", n, len(envelope), err)
			}
			envelope[n] ^= 1
			if _, err := OpenEnvelope(envelope[:n], worker.Identity()); !damaged(err) {
				t.Errorf("the first %d of %d bytes: %v", n, len(envelope), err)
			}
		}
	}
	k, err := OpenEnvelope(envelope, worker.Identity())
	if err != nil || k.Recipient().String() != key.Recipient().String() {
		t.Errorf("restored: %v", err)
	}
	for name, plain := range map[string]string{
		"nothing":          "",
		"a classic key":    "AGE-SECRET-KEY-1" + strings.Repeat("Q", 58) + "\n",
		"a wrong checksum": "AGE-SECRET-KEY-PQ-1" + strings.Repeat("Q", 58) + "\n",
		"no line end":      key.identity.String() + " ",
		"more than a key":  key.identity.String() + "\n" + "\n",
	} {
		_, err := OpenEnvelope(encrypt(t, []byte(plain), worker.Recipient()), worker.Identity())
		if !errors.Is(err, ErrContents) {
			t.Errorf("an envelope with %s: %v, want ErrContents", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "AGE-SECRET") {
			t.Errorf("an envelope with %s: the error quotes it", name)
		}
	}
}
