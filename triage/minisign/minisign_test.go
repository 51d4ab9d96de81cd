package minisign

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func run(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.Command("minisign", args...).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		t.Fatal("minisign is missing; type: sh demo/deps.sh")
	}
	if err != nil {
		t.Fatalf("minisign %v: %v\n%s", args, err, out)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The stock program's signatures verify, in both forms, and nothing else does.
func TestTheStockProgramsSignatures(t *testing.T) {
	dir := t.TempDir()
	pub, sec := filepath.Join(dir, "pub"), filepath.Join(dir, "sec")
	run(t, "-G", "-W", "-p", pub, "-s", sec)
	key, err := ParsePublicKey(strings.Split(string(read(t, pub)), "\n")[1])
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("a message\n")
	file := filepath.Join(dir, "m")
	if err := os.WriteFile(file, message, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"-H", "-l"} { // prehashed, legacy
		run(t, "-S", form, "-s", sec, "-m", file, "-t", "received by us")
		text := read(t, file+".minisig")
		s, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if s.prehashed != (form == "-H") {
			t.Errorf("%s: prehashed is %v", form, s.prehashed)
		}
		if err := s.Verify(key, message); err != nil || s.Comment != "received by us" {
			t.Errorf("%s: %v, %q", form, err, s.Comment)
		}
		if err := s.Verify(key, message[1:]); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: another message: %v", form, err)
		}
		forged, err := Parse(bytes.Replace(text, []byte("received by us"), []byte("received by me"), 1))
		if err != nil {
			t.Fatal(err)
		}
		if err := forged.Verify(key, message); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: another comment: %v", form, err)
		}
		other := &PublicKey{id: key.id, key: bytes.Repeat([]byte{1}, 32)}
		if err := s.Verify(other, message); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: another key: %v", form, err)
		}
	}
}

func TestWhatIsNoKey(t *testing.T) {
	for _, s := range []string{"", "RW", "RWQ!", strings.Repeat("A", 56)} {
		if _, err := ParsePublicKey(s); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// signature makes one as minisign does, for seeds.
func signature(algorithm string) []byte {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	sig := ed25519.Sign(key, []byte("m"))
	line := base64.StdEncoding.EncodeToString(append([]byte(algorithm+"12345678"), sig...))
	global := base64.StdEncoding.EncodeToString(ed25519.Sign(key, append(sig, "c"...)))
	return fmt.Appendf(nil, "%sx\n%s\n%sc\n%s\n", untrusted, line, trusted, global)
}

func FuzzParse(f *testing.F) {
	f.Add(signature("Ed"))
	f.Add(signature("ED"))
	f.Add(signature("XX"))
	f.Add(bytes.ReplaceAll(signature("Ed"), []byte("\n"), []byte("\r\n")))
	f.Add([]byte("untrusted comment: \n\ntrusted comment: \n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("unknown error %v", err)
			}
			return
		}
		if len(s.signature) != ed25519.SignatureSize || len(s.global) != ed25519.SignatureSize || strings.ContainsAny(s.Comment, "\n") {
			t.Fatalf("parsed as %+v", s)
		}
	})
}
