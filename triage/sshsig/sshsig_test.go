package sshsig

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// keygen runs the stock program; the tests need it (demo/deps.sh installs it).
func keygen(t *testing.T, stdin []byte, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("ssh-keygen", args...)
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		t.Fatal("ssh-keygen is missing; type: sh demo/deps.sh")
	}
	return string(out), err
}

func write(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheStockProgramVerifiesOurs(t *testing.T) {
	dir := t.TempDir()
	pub, key, _ := ed25519.GenerateKey(nil)
	message := []byte("a message\n")
	sig := write(t, filepath.Join(dir, "m.sig"), Sign(key, "tocsin-handover", message))
	allowed := write(t, filepath.Join(dir, "allowed"), []byte(`alice namespaces="tocsin-handover" `+PublicKey(pub)+"\n"))
	verify := func(namespace string, m []byte) error {
		_, err := keygen(t, m, "-Y", "verify", "-f", allowed, "-I", "alice", "-n", namespace, "-s", sig)
		return err
	}
	if err := verify("tocsin-handover", message); err != nil {
		t.Error("ssh-keygen does not verify our signature")
	}
	if verify("tocsin-handover", []byte("another")) == nil || verify("tocsin-ack", message) == nil {
		t.Error("ssh-keygen verifies anything: this test can't fail")
	}
	// And the key is shown by the fingerprint that people compare.
	line := write(t, filepath.Join(dir, "alice.pub"), []byte(PublicKey(pub)+" alice\n"))
	if out, err := keygen(t, nil, "-l", "-f", line); err != nil || !strings.Contains(out, Fingerprint(pub)) {
		t.Errorf("ssh-keygen -l: %s, not %s", out, Fingerprint(pub))
	}
}

func TestWeVerifyTheStockPrograms(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if out, err := keygen(t, nil, "-q", "-t", "ed25519", "-N", "", "-f", path); err != nil {
		t.Fatal(out)
	}
	line, err := os.ReadFile(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParsePublicKey(string(line))
	if err != nil {
		t.Fatal(err)
	}
	for _, hash := range []string{"sha512", "sha256"} {
		file := write(t, filepath.Join(dir, hash), []byte("a message\n"))
		if out, err := keygen(t, nil, "-Y", "sign", "-q", "-O", "hashalg="+hash, "-n", "tocsin-ack", "-f", path, file); err != nil {
			t.Fatal(out)
		}
		armored, err := os.ReadFile(file + ".sig")
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(armored)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(key, "tocsin-ack", []byte("a message\n")); err != nil {
			t.Errorf("%s: %v", hash, err)
		}
		other, _, _ := ed25519.GenerateKey(nil)
		for what, err := range map[string]error{
			"another message":   s.Verify(key, "tocsin-ack", []byte("a message")),
			"another namespace": s.Verify(key, "file", []byte("a message\n")),
			"another key":       s.Verify(other, "tocsin-ack", []byte("a message\n")),
		} {
			if !errors.Is(err, ErrSignature) {
				t.Errorf("%s, %s: %v", hash, what, err)
			}
		}
		s.Key = other
		if err := s.Verify(key, "tocsin-ack", []byte("a message\n")); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: claimed by another key: %v", hash, err)
		}
	}
}

func TestOtherKeysAreNamedAsSuch(t *testing.T) {
	if _, err := ParsePublicKey("ssh-rsa AAAA"); !errors.Is(err, ErrAlgorithm) {
		t.Error(err)
	}
	for _, line := range []string{"", "ssh-ed25519", "ssh-ed25519 !", "ssh-ed25519 AAAA"} {
		if _, err := ParsePublicKey(line); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", line, err)
		}
	}
}

var fixedKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))

// What parses is what Sign writes of the same parts, but for line ends, and no
// length in it makes the parser read or allocate beyond what there is.
func FuzzParse(f *testing.F) {
	whole := Sign(fixedKey, "tocsin-ack", []byte("m"))
	f.Add(whole)
	f.Add(bytes.ReplaceAll(whole, []byte("\n"), []byte("\r\n")))
	f.Add([]byte(begin + "\n" + base64.StdEncoding.EncodeToString([]byte("SSHSIG\x00\x00\x00\x01\xff\xff\xff\xff")) + "\n" + end))
	f.Add([]byte(begin + "\n" + end))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrAlgorithm) {
				t.Fatalf("unknown error %v", err)
			}
			return
		}
		if len(s.Key) != ed25519.PublicKeySize || s.Namespace == "" {
			t.Fatalf("parsed as %+v", s)
		}
		// Only what the key signed verifies.
		if s.Verify(fixedKey.Public().(ed25519.PublicKey), "tocsin-ack", []byte("m")) == nil {
			again, err := Parse(whole)
			if err != nil || !bytes.Equal(again.signature, s.signature) && s.hash == "sha512" {
				t.Fatal("a signature that nobody made")
			}
		}
	})
}
