package roster_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	_ "embed"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"tocsin/seal/roster"
)

const origin = "example.org/tocsin"

// Real recipients, made by age-keygen -pq: the first two are case workers',
// the others destinations'.
//
//go:embed testdata/recipients.txt
var recipientsText string

// A roster, and the cards that went into it, as the first version wrote them.
// These files never change: a program that reads them otherwise, or writes
// other bytes, would break every organisation there is.
var (
	//go:embed testdata/roster.txt
	frozenRoster []byte
	//go:embed testdata/worker.card
	frozenWorker []byte
	//go:embed testdata/intake.card
	frozenIntake []byte
)

func recipient(i int) string { return strings.Fields(recipientsText)[i] }

// deskKey makes the same key for the same name each time.
func deskKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("desk key of " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func deskPublic(name string) ed25519.PublicKey { return deskKey(name).Public().(ed25519.PublicKey) }

// onionKey makes the same public key for the same name each time.
func onionKey(name string) string {
	seed := sha256.Sum256([]byte("onion key of " + name))
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(seed[:])
}

// noteKey makes the same note key for the same name and seed each time.
func noteKey(t testing.TB, name, seed string) (note.Signer, string) {
	t.Helper()
	s := sha256.Sum256([]byte("note key of " + seed))
	vkey, err := note.NewEd25519VerifierKey(name, ed25519.NewKeyFromSeed(s[:]).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.SplitN(vkey, "+", 3)[1]
	signer, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, s[:]...)))
	if err != nil {
		t.Fatal(err)
	}
	return signer, vkey
}

func orgKey(t testing.TB) (note.Signer, string) {
	return noteKey(t, "example.org/organisation", "organisation")
}

func ledgerKey(t testing.TB, origin string) string {
	_, vkey := noteKey(t, origin, "ledger")
	return vkey
}

// sample is the roster in testdata/roster.txt.
func sample(t testing.TB) *roster.Roster {
	return &roster.Roster{
		Number: 7, Day: "2026-03-14", Organisation: "Bureau Één, Brussel", Origin: origin,
		Intake: roster.Intake{Ledger: ledgerKey(t, origin), Desk: deskPublic("intake")},
		Workers: []roster.Worker{
			{Name: "ana", Recipient: recipient(0), Desk: deskPublic("ana")},
			{Name: "bo-2", Recipient: recipient(1), Desk: deskPublic("bo-2")},
		},
		Destinations: []roster.Destination{
			{Name: "police", Title: "Federal Police – child protection", Recipient: recipient(2), Delivery: roster.DeliveryOutbox},
			{Name: "ana", Title: "外務省", Recipient: recipient(3), Delivery: roster.DeliveryOutbox},
		},
		Policy: roster.Policy{
			DeadlineHours: 48, RetentionDays: 365, MaxReport: 1 << 30, MaxFile: 256 << 20, MaxFiles: 20, Attachments: true,
		},
	}
}

func sign(t testing.TB, r *roster.Roster) []byte {
	t.Helper()
	signer, _ := orgKey(t)
	signed, err := r.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func open(t testing.TB, signed []byte) *roster.Signed {
	t.Helper()
	_, key := orgKey(t)
	s, err := roster.Open(signed, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// noteOf signs any text as the organisation, as Sign would not.
func noteOf(t testing.TB, text string, signers ...note.Signer) []byte {
	t.Helper()
	if len(signers) == 0 {
		signer, _ := orgKey(t)
		signers = []note.Signer{signer}
	}
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// wantError fails the test if err is not of that kind.
func wantError(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

// mangle calls refuse with every text that a line taken away, doubled, moved
// or touched at its end makes of a canonical one, and with every prefix.
func mangle(text []byte, refuse func(what string, text []byte)) {
	lines := strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
	lines[len(lines)-1] += "\n"
	join := func(parts ...[]string) []byte {
		var b strings.Builder
		for _, p := range parts {
			b.WriteString(strings.Join(p, ""))
		}
		return []byte(b.String())
	}
	for i, l := range lines {
		bare := strings.TrimSuffix(l, "\n")
		one := func(s string) []byte { return join(lines[:i], []string{s}, lines[i+1:]) }
		refuse("without "+bare, one(""))
		refuse("twice "+bare, one(l+l))
		refuse("a space after "+bare, one(bare+" \n"))
		refuse("a space before "+bare, one(" "+l))
		refuse("a carriage return after "+bare, one(bare+"\r\n"))
		refuse("an empty line after "+bare, one(l+"\n"))
		refuse("a line after "+bare, one(l+"unknown field\n"))
		if i > 0 {
			refuse("moved up "+bare, join(lines[:i-1], []string{l, lines[i-1]}, lines[i+1:]))
		}
		if key, value, ok := strings.Cut(bare, " "); ok {
			refuse("two spaces in "+bare, one(key+"  "+value+"\n"))
			refuse("no value in "+bare, one(key+" \n"))
			refuse("no space in "+bare, one(key+"\n"))
			refuse("a capital in "+bare, one(strings.ToUpper(key[:1])+key[1:]+" "+value+"\n"))
		}
	}
	for i := range text {
		refuse("cut short", text[:i])
	}
	refuse("a byte order mark", append([]byte("\ufeff"), text...))
	refuse("a zero byte at the end", append(bytes.Clone(text), 0))
}

// openssl runs the stock openssl.
func openssl(t *testing.T, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal("openssl is missing: apt-get install openssl")
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}
