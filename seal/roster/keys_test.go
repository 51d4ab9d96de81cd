package roster_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/seal/roster"
)

// The key pair of RFC 8410, section 10.
const (
	rfcPublic  = "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="
	rfcPrivate = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
`
)

func TestDeskKeysOfTheStandard(t *testing.T) {
	private, err := roster.ParsePrivateDeskKey([]byte(rfcPrivate))
	if err != nil {
		t.Fatal(err)
	}
	public := private.Public().(ed25519.PublicKey)
	if got := roster.MarshalDeskKey(public); got != rfcPublic {
		t.Errorf("its public key is %s", got)
	}
	if back, err := roster.ParseDeskKey(rfcPublic); err != nil || !back.Equal(public) {
		t.Errorf("ParseDeskKey: %x, %v", back, err)
	}
	if text, err := roster.MarshalPrivateDeskKey(private); err != nil || string(text) != rfcPrivate {
		t.Errorf("MarshalPrivateDeskKey: %s, %v", text, err)
	}
}

func TestParseDeskKeyRefuses(t *testing.T) {
	for _, s := range []string{
		"", "=", rfcPublic[:43], rfcPublic + "=", rfcPublic + "\n", rfcPublic + "\r", rfcPublic[:20] + "\n" + rfcPublic[20:],
		" " + rfcPublic, rfcPublic[:40], "AAAA" + rfcPublic, strings.Replace(rfcPublic, "uE=", "uF=", 1), // bits of nothing
		base64.RawStdEncoding.EncodeToString(make([]byte, 32)), strings.Repeat("/", 42) + "_=", strings.Repeat("0", 64),
	} {
		k, err := roster.ParseDeskKey(s)
		wantError(t, s, err, roster.ErrMalformed)
		if k != nil {
			t.Errorf("%q is key %x", s, k)
		}
	}
}

func TestParsePrivateDeskKeyRefuses(t *testing.T) {
	block, _ := pem.Decode([]byte(rfcPrivate))
	armor := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	p256 := string(openssl(t, "genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))
	if b, _ := pem.Decode([]byte(p256)); b == nil || b.Type != "PRIVATE KEY" {
		t.Fatalf("openssl gave %s", p256)
	}
	for what, text := range map[string]string{
		"nothing":                "",
		"no PEM":                 "hello\n",
		"another type":           strings.ReplaceAll(rfcPrivate, "PRIVATE", "EC PRIVATE"),
		"a public key":           armor("PUBLIC KEY", block.Bytes),
		"another algorithm":      p256,
		"text before":            "my key\n" + rfcPrivate,
		"text after":             rfcPrivate + "my key\n",
		"an empty line after":    rfcPrivate + "\n",
		"twice":                  rfcPrivate + rfcPrivate,
		"no newline at the end":  strings.TrimSuffix(rfcPrivate, "\n"),
		"carriage returns":       strings.ReplaceAll(rfcPrivate, "\n", "\r\n"),
		"headers":                strings.Replace(rfcPrivate, "KEY-----\n", "KEY-----\nComment: x\n\n", 1),
		"cut short":              armor("PRIVATE KEY", block.Bytes[:47]),
		"more after the key":     armor("PRIVATE KEY", append(bytes.Clone(block.Bytes), 0)),
		"a key with half a seed": armor("PRIVATE KEY", bytes.Replace(block.Bytes, []byte{0x04, 0x22, 0x04, 0x20}, []byte{0x04, 0x22, 0x04, 0x10}, 1)),
		"an empty block":         armor("PRIVATE KEY", nil),
	} {
		k, err := roster.ParsePrivateDeskKey([]byte(text))
		wantError(t, what, err, roster.ErrMalformed)
		if k != nil {
			t.Errorf("%s: a key came back", what)
		}
	}
}

func TestOpensslReadsOurDeskKeysAndWeReadIts(t *testing.T) {
	ours := deskKey("ana")
	text, err := roster.MarshalPrivateDeskKey(ours)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "desk.key")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out := openssl(t, "pkey", "-in", path, "-noout"); len(out) > 0 {
		t.Errorf("openssl says %s", out)
	}
	// RFC 8410: the last 32 bytes of a SubjectPublicKeyInfo are the key.
	der := openssl(t, "pkey", "-in", path, "-pubout", "-outform", "DER")
	if public := deskPublic("ana"); !bytes.HasSuffix(der, public) {
		t.Errorf("openssl takes the public key to be %x", der)
	}

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	openssl(t, "genpkey", "-algorithm", "ED25519", "-out", path)
	if text, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	theirs, err := roster.ParsePrivateDeskKey(text)
	if err != nil {
		t.Fatal(err)
	}
	der = openssl(t, "pkey", "-in", path, "-pubout", "-outform", "DER")
	if !bytes.HasSuffix(der, theirs.Public().(ed25519.PublicKey)) {
		t.Error("openssl and we read the same file as two keys")
	}
	digest := sha256.Sum256(text)
	sig := filepath.Join(t.TempDir(), "sig")
	msg := filepath.Join(t.TempDir(), "msg")
	if err := os.WriteFile(msg, digest[:], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(sig, ed25519.Sign(theirs, digest[:]), 0o600); err != nil {
		t.Fatal(err)
	}
	openssl(t, "pkeyutl", "-verify", "-inkey", path, "-rawin", "-in", msg, "-sigfile", sig)
}
