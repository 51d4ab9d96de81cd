package delivery

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/mail"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func base64Reader(r io.Reader) io.Reader { return base64.NewDecoder(base64.StdEncoding, r) }

// What is declared is what is written, whatever the last line of base64 is; no
// line is longer than mail allows.
func TestLetters(t *testing.T) {
	for _, size := range []int{0, 1, 2, 3, 56, 57, 58, 113, 114, 115, lineBytes*linesOnce - 1, lineBytes * linesOnce, lineBytes*linesOnce + 1, 100_000} {
		b, data := aBag(t, size)
		m := letter("desk@police.example").write("tips@example.org", b)
		var text bytes.Buffer
		n, err := m.WriteTo(&text)
		ok(t, err)
		if n != m.size() || n != int64(text.Len()) {
			t.Errorf("a bag of %d bytes: %d declared, %d written, %d came", size, m.size(), n, text.Len())
		}
		if _, _, name, got := attachment(t, text.Bytes()); !bytes.Equal(got, data) || name != bagName {
			t.Errorf("a bag of %d bytes came out as %d", size, len(got))
		}
		for line := range strings.SplitAfterSeq(strings.TrimSuffix(text.String(), "\r\n"), "\r\n") {
			if bare := strings.TrimSuffix(line, "\r\n"); len(bare) > 998 || strings.ContainsAny(bare, "\r\n") {
				t.Errorf("a line of %d bytes: %.100q", len(bare), bare)
			}
		}
	}
}

func TestLettersInEachLanguage(t *testing.T) {
	subjects := map[string]bool{}
	for _, language := range []string{"fr", "nl", "de", "en", ""} {
		for _, organisation := range []string{"Example", `The "Example", \ & Co`, "外務省 " + strings.Repeat("é", 95)} {
			b, _ := aBag(t, 100)
			l := letter("desk@police.example")
			l.Language, l.Organisation = language, organisation
			var text bytes.Buffer
			_, err := l.write("tips@example.org", b).WriteTo(&text)
			ok(t, err)
			m, words, _, _ := attachment(t, text.Bytes())
			if !strings.Contains(words, bagName+" | tar -x") || !strings.Contains(words, "report.html") || strings.Contains(words, "%!") {
				t.Errorf("in %q the mail says\n%s", language, words)
			}
			from, err := m.Header.AddressList("From")
			ok(t, err)
			if from[0].Name != organisation {
				t.Errorf("From: %q, want %q", from[0].Name, organisation)
			}
			subjects[m.Header.Get("Subject")] = true
		}
	}
	if len(subjects) != 4 {
		t.Errorf("subjects: %v", subjects)
	}
}

// The same bag has the same Message-ID, and another bag another.
func TestMessageID(t *testing.T) {
	a, _ := aBag(t, 100)
	b, _ := aBag(t, 101)
	id := messageID("tips@example.org", a)
	if id != messageID("tips@example.org", a) || id == messageID("tips@example.org", b) {
		t.Errorf("%s", id)
	}
	if _, err := mail.ParseAddress(id); err != nil {
		t.Errorf("%s: %v", id, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bag")
	ok(t, os.WriteFile(path, []byte("bag"), 0o600))
	if _, err := Open(path, "bag", sha256.Sum256([]byte("other"))); !errors.Is(err, ErrChanged) {
		t.Errorf("another bag: %v", err)
	}
	if _, err := Open(path+"x", "bag", sha256.Sum256([]byte("bag"))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no bag: %v", err)
	}
	for _, name := range []string{"", "a b", "a\r\nb", `a"b`, "../bag", "-bag"} {
		if _, err := Open(path, name, sha256.Sum256([]byte("bag"))); err == nil {
			t.Errorf("%q can be a bag's name", name)
		}
	}
}

// A bag's size costs no memory.
func TestLettersAreStreamed(t *testing.T) {
	b, data := aBag(t, 16<<20)
	m := letter("desk@police.example").write("tips@example.org", b)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := m.WriteTo(io.Discard)
	runtime.ReadMemStats(&after)
	ok(t, err)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes of memory for a bag of %d", used, len(data))
	}
}

// How fast a mail is written, before TLS and the network.
func BenchmarkWriteMessage(b *testing.B) {
	bag, data := aBag(b, 64<<20)
	m := letter("desk@police.example").write("tips@example.org", bag)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		_, err := bag.File.Seek(0, io.SeekStart)
		ok(b, err)
		_, err = m.WriteTo(io.Discard)
		ok(b, err)
	}
}
