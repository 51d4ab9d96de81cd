package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"tocsin/ledger"
	"tocsin/seal/roster"
)

func cosignerKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("cosigner " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func cosigner(name string) roster.Cosigner {
	return roster.Cosigner{Name: name, Key: roster.CosignerKey(name+".example", cosignerKey(name).Public().(ed25519.PublicKey)), URL: "https://" + name + ".example"}
}

var cosignedAt = time.Date(2026, 3, 15, 12, 30, 1, 0, time.UTC)

// cosign adds signatures to a signed checkpoint.
func cosign(t testing.TB, signed []byte, vkey string, signers ...note.Signer) []byte {
	t.Helper()
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	out, err := note.Sign(n, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func checkpoint(t testing.TB) (signed []byte, vkey string) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{7}, 32)), "example.org/tocsin")
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	signed, err = (&ledger.Checkpoint{Origin: "example.org/tocsin", Size: 3, Root: sha256.Sum256([]byte("root"))}).Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	return signed, vkey
}

func TestCosignaturesAreThoseOfTheStandard(t *testing.T) {
	signed, vkey := checkpoint(t)
	theirs, err := torchwood.NewCosignatureSigner("focus.example", cosignerKey("focus"))
	if err != nil {
		t.Fatal(err)
	}
	ours := ledger.NewCosignatureSigner("university.example", cosignerKey("university"), func() time.Time { return cosignedAt })
	both := cosign(t, signed, vkey, theirs, ours)

	// Theirs reads ours.
	v, err := torchwood.NewCosignatureVerifier(cosigner("university").Key)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(both, note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	if at, err := torchwood.CosignatureTimestamp(n.Sigs[0]); err != nil || at != cosignedAt.Unix() {
		t.Errorf("theirs reads the time %d, %v", at, err)
	}

	// Ours reads both, in the order of the roster, and passes over a third's.
	third := ledger.NewCosignatureSigner("third.example", cosignerKey("third"), time.Now)
	c, sigs, err := ledger.OpenCosigned(cosign(t, both, vkey, third), vkey, []roster.Cosigner{cosigner("university"), cosigner("absent"), cosigner("focus")})
	if err != nil || c.Size != 3 {
		t.Fatalf("checkpoint %v, %v", c, err)
	}
	if len(sigs) != 2 || sigs[0] != (ledger.Cosignature{Cosigner: "university", Time: cosignedAt}) || sigs[1].Cosigner != "focus" {
		t.Errorf("cosignatures %v", sigs)
	}
}

func TestOpenCosignedRefuses(t *testing.T) {
	signed, vkey := checkpoint(t)
	university := ledger.NewCosignatureSigner("university.example", cosignerKey("university"), func() time.Time { return cosignedAt })
	good := cosign(t, signed, vkey, university)
	cosigners := []roster.Cosigner{cosigner("university")}

	for what, signer := range map[string]note.Signer{
		"another's key":     forged{university, cosignerKey("other")},
		"an hour was added": later{university},
		"in the year 10000": patient{university, cosignerKey("university")},
	} {
		if _, _, err := ledger.OpenCosigned(cosign(t, signed, vkey, signer), vkey, cosigners); !errors.Is(err, ledger.ErrSignature) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	if _, sigs, err := ledger.OpenCosigned(signed, vkey, cosigners); err != nil || len(sigs) != 0 {
		t.Errorf("without a cosignature: %v, %v", sigs, err)
	}
	if _, sigs, err := ledger.OpenCosigned(good, vkey, nil); err != nil || len(sigs) != 0 {
		t.Errorf("without cosigners: %v, %v", sigs, err)
	}
	// The ledger's own signature is not a cosigner's, nor one without the other.
	_, other, _ := note.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{8}, 32)), "example.org/tocsin")
	if _, _, err := ledger.OpenCosigned(good, other, cosigners); !errors.Is(err, ledger.ErrSignature) {
		t.Errorf("with another ledger's key: error %v", err)
	}
	before := ledger.NewCosignatureSigner("university.example", cosignerKey("university"), func() time.Time { return time.Unix(-1, 0) })
	if _, err := before.Sign([]byte("x")); err == nil {
		t.Error("signed before 1970")
	}
	after := ledger.NewCosignatureSigner("university.example", cosignerKey("university"), func() time.Time { return time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) })
	if _, err := after.Sign([]byte("x")); err == nil {
		t.Error("signed after 9999")
	}
}

// One cosignature of each cosigner that is asked for, the first before the
// second, and nobody else's.
func TestMergeCosigned(t *testing.T) {
	signed, vkey := checkpoint(t)
	at := func(d time.Duration) func() time.Time { return func() time.Time { return cosignedAt.Add(d) } }
	university := ledger.NewCosignatureSigner("university.example", cosignerKey("university"), at(0))
	again := ledger.NewCosignatureSigner("university.example", cosignerKey("university"), at(time.Hour))
	focus := ledger.NewCosignatureSigner("focus.example", cosignerKey("focus"), at(0))
	third := ledger.NewCosignatureSigner("third.example", cosignerKey("third"), at(0))
	cosigners := []roster.Cosigner{cosigner("focus"), cosigner("university")}

	merged, by, err := ledger.MergeCosigned(cosign(t, signed, vkey, university), cosign(t, signed, vkey, third, again, focus), vkey, cosigners)
	if err != nil {
		t.Fatal(err)
	}
	if len(by) != 2 || by[0].Cosigner != "focus" || by[1] != (ledger.Cosignature{Cosigner: "university", Time: cosignedAt}) {
		t.Errorf("cosignatures %v", by)
	}
	if want := cosign(t, signed, vkey, university, focus); !bytes.Equal(merged, want) {
		t.Errorf("merged\n%s\nwant\n%s", merged, want)
	}
	if same, _, err := ledger.MergeCosigned(merged, signed, vkey, cosigners); err != nil || !bytes.Equal(same, merged) {
		t.Errorf("with nothing new: %v\n%s", err, same)
	}
	if bare, by, err := ledger.MergeCosigned(merged, merged, vkey, nil); err != nil || len(by) != 0 || !bytes.Equal(bare, signed) {
		t.Errorf("without cosigners: %v, %v\n%s", by, err, bare)
	}
	if _, _, err := ledger.MergeCosigned(signed, cosign(t, signed, vkey, forged{university, cosignerKey("other")}), vkey, cosigners); !errors.Is(err, ledger.ErrSignature) {
		t.Errorf("a forged cosignature: error %v", err)
	}
	skey, _, _ := note.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{7}, 32)), "example.org/tocsin")
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	other, err := (&ledger.Checkpoint{Origin: "example.org/tocsin", Size: 4, Root: sha256.Sum256([]byte("root"))}).Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ledger.MergeCosigned(signed, other, vkey, cosigners); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("of two checkpoints: error %v", err)
	}
}

// forged signs with another key under the same name and number.
type forged struct {
	*ledger.CosignatureSigner
	key ed25519.PrivateKey
}

func (f forged) Sign(text []byte) ([]byte, error) {
	return ledger.NewCosignatureSigner("", f.key, time.Now).Sign(text)
}

// later signs, and then says that it was an hour later.
type later struct{ *ledger.CosignatureSigner }

func (l later) Sign(text []byte) ([]byte, error) {
	sig, err := l.CosignatureSigner.Sign(text)
	sig[6] += 14 // 3,584 seconds
	return sig, err
}

// patient signs in the year 10000, which no day and no JSON can say.
type patient struct {
	*ledger.CosignatureSigner
	key ed25519.PrivateKey
}

func (p patient) Sign(text []byte) ([]byte, error) {
	const seconds = 253402300800
	signed := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", seconds, text)
	return append(binary.BigEndian.AppendUint64(nil, seconds), ed25519.Sign(p.key, signed)...), nil
}
