package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
)

// The example of C2SP tlog-checkpoint.
const standardCheckpoint = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

var sampleCheckpoint = ledger.Checkpoint{Origin: origin, Size: 1000, Root: tlog.Hash(sha256.Sum256([]byte("root")))}

func signedSample(t testing.TB) (signed []byte, vkey string) {
	t.Helper()
	signer, vkey := noteKey(t, origin, "ledger")
	signed, err := sampleCheckpoint.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed, vkey
}

func TestParseCheckpoint(t *testing.T) {
	c, err := ledger.ParseCheckpoint([]byte(standardCheckpoint))
	if err != nil {
		t.Fatal(err)
	}
	if c.Origin != "example.com/behind-the-sofa" || c.Size != 20852163 || c.Root.String() != "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=" {
		t.Errorf("read as %+v", c)
	}
	for _, size := range []int64{0, 1, math.MaxInt64 >> 1} {
		want := sampleCheckpoint
		want.Size = size
		if got, err := ledger.ParseCheckpoint(want.Marshal()); err != nil || *got != want {
			t.Errorf("size %d: %+v, %v", size, got, err)
		}
	}
}

func TestParseCheckpointRefuses(t *testing.T) {
	const root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
	text := func(lines ...string) string { return strings.Join(lines, "\n") + "\n" }
	for _, s := range []string{
		"", "\n", "\n\n\n", text("o", "1"), text("o", "1", root, "extension"), text("o", "1", root, ""), text("", "1", root),
		strings.TrimSuffix(text("o", "1", root), "\n"), text("", "o", "1", root),
		text("o", "1", root) + "extension",
		text("o", "", root), text("o", "x", root), text("o", "-1", root), text("o", "+1", root), text("o", "01", root), text("o", "1 ", root),
		text("o", "0x1", root), text("o", "1.0", root), text("o", "9223372036854775808", root), text("o", "9223372036854775807", root),
		text("o", "1", ""), text("o", "1", root[:43]), text("o", "1", root[:42]+"J="), text("o", "1", root+"="), text("o", "1", "AAAA"+root),
		text("o", "1", root+"\r"), text("o", "1", root[:10]+"\r"+root[10:]), text("o", "1", " "+root), text("o", "1\r", root),
		text("o", "1", strings.ReplaceAll(root, "/", "_")), text(strings.Repeat("o", 64<<10), "1", root),
	} {
		c, err := ledger.ParseCheckpoint([]byte(s))
		wantError(t, strconv.Quote(s)[:min(80, len(s)+2)], err, ledger.ErrMalformed)
		if c != nil {
			t.Errorf("%.80q reads %+v", s, c)
		}
	}
}

// Bytes that never change: auditors keep checkpoints for years.
func TestFrozenCheckpoint(t *testing.T) {
	signed, vkey := signedSample(t)
	if string(signed) != checkpointText {
		t.Errorf("the checkpoint is\n%s\nand was\n%s", signed, checkpointText)
	}
	c, err := ledger.OpenCheckpoint([]byte(checkpointText), vkey)
	if err != nil || *c != sampleCheckpoint {
		t.Errorf("opened as %+v, %v", c, err)
	}
}

// Package note, which knows nothing of ledgers, verifies a checkpoint; and a
// reader made from the words of C2SP signed-note and tlog-checkpoint alone
// reads it.
func TestStockReadersReadCheckpoints(t *testing.T) {
	signed, vkey := signedSample(t)
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	if n.Text != string(sampleCheckpoint.Marshal()) || len(n.Sigs) != 1 || n.Sigs[0].Name != origin {
		t.Errorf("package note reads %+v", n)
	}

	// A text, an empty line, then lines of em dash, space, key name, space,
	// base64 of key ID and signature.
	text, sigs, ok := strings.Cut(string(signed), "\n\n")
	text += "\n"
	line, rest, ok2 := strings.Cut(sigs, "\n")
	parts := strings.Split(line, " ")
	if !ok || !ok2 || rest != "" || len(parts) != 3 || parts[0] != "\u2014" || parts[1] != origin {
		t.Fatalf("no signed note: %q", signed)
	}
	sig, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(sig) != 4+64 {
		t.Fatalf("no Ed25519 signature: %x, %v", sig, err)
	}
	seed := sha256.Sum256([]byte("note key of ledger"))
	key := public(ed25519.NewKeyFromSeed(seed[:]))
	// The key ID is SHA-256(name || 0x0A || 0x01 || public key)[:4].
	id := sha256.Sum256(append([]byte(origin+"\n\x01"), key...))
	if !bytes.Equal(sig[:4], id[:4]) {
		t.Errorf("key ID %x, want %x", sig[:4], id[:4])
	}
	if !ed25519.Verify(key, []byte(text), sig[4:]) {
		t.Error("the signature does not verify over the text")
	}
	// Origin, size in decimal, root in base64, a line each.
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != origin || lines[1] != "1000" {
		t.Fatalf("no checkpoint: %q", text)
	}
	if root, err := base64.StdEncoding.DecodeString(lines[2]); err != nil || !bytes.Equal(root, sampleCheckpoint.Root[:]) {
		t.Errorf("root %x, %v", root, err)
	}
}

func TestOpenCheckpointRefuses(t *testing.T) {
	signed, vkey := signedSample(t)
	ours, _ := noteKey(t, origin, "ledger")
	namesake, namesakeKey := noteKey(t, origin, "somebody else")
	other, otherKey := noteKey(t, "example.net/other", "other")
	sign := func(text string, signers ...note.Signer) []byte {
		b, err := note.Sign(&note.Note{Text: text}, signers...)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	text := string(sampleCheckpoint.Marshal())
	for what, b := range map[string][]byte{
		"another's key":                sign(text, other),
		"another's key, the same name": sign(text, namesake),
		"another size":                 bytes.Replace(signed, []byte("\n1000\n"), []byte("\n1001\n"), 1),
		// A log's checkpoint is not another's, though one key signed it.
		"another log's checkpoint": sign(strings.Replace(text, origin, "example.org/other", 1), ours),
	} {
		c, err := ledger.OpenCheckpoint(b, vkey)
		wantError(t, what, err, ledger.ErrSignature)
		if c != nil {
			t.Errorf("%s: opened", what)
		}
	}
	for _, k := range []string{namesakeKey, otherKey} {
		_, err := ledger.OpenCheckpoint(signed, k)
		wantError(t, "opened with "+k, err, ledger.ErrSignature)
	}
	for what, b := range map[string][]byte{
		"nothing":           nil,
		"no signature":      []byte(text),
		"no checkpoint":     sign("hello\n", ours),
		"an extension line": sign(text+"extension\n", ours),
		"carriage returns":  bytes.ReplaceAll(signed, []byte("\n"), []byte("\r\n")),
		"cut short":         signed[:len(signed)-1],
		"too large":         fmt.Appendf(signed[:len(signed):len(signed)], "— witness.example.net %s\n", strings.Repeat("AAAA", 16<<10)),
	} {
		_, err := ledger.OpenCheckpoint(b, vkey)
		wantError(t, what, err, ledger.ErrMalformed)
	}
	for _, k := range []string{"", "key", origin, "PRIVATE+KEY+" + vkey, vkey[:len(vkey)-4]} {
		_, err := ledger.OpenCheckpoint(signed, k)
		wantError(t, "key "+k, err, ledger.ErrMalformed)
	}
	for i := range signed {
		b := bytes.Clone(signed)
		b[i] ^= 1
		// Two bits before the padding of the base64 stand for nothing.
		if c, err := ledger.OpenCheckpoint(b, vkey); err == nil && (*c != sampleCheckpoint || i != len(signed)-3) {
			t.Errorf("byte %d was changed and nobody noticed", i)
		}
	}
}

// Witnesses of the log may cosign: their lines stand below the ledger's own.
func TestOpenCheckpointLetsCosignaturesStand(t *testing.T) {
	signed, vkey := signedSample(t)
	ours, _ := noteKey(t, origin, "ledger")
	witness, _ := noteKey(t, "witness.example.net", "witness")
	text := string(sampleCheckpoint.Marshal())
	for what, signers := range map[string][]note.Signer{"after": {ours, witness}, "before": {witness, ours}} {
		b, err := note.Sign(&note.Note{Text: text}, signers...)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := ledger.OpenCheckpoint(b, vkey); err != nil || *c != sampleCheckpoint {
			t.Errorf("cosigned %s: %+v, %v", what, c, err)
		}
		if bytes.Equal(b, signed) {
			t.Error("there is no cosignature")
		}
	}
}
