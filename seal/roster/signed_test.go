package roster_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"tocsin/seal/roster"
)

// The signature is Ed25519's, which always gives the same bytes: the whole
// note is frozen.
func TestFrozenRoster(t *testing.T) {
	want := sample(t)
	if got := sign(t, want); !bytes.Equal(got, frozenRoster) {
		t.Errorf("signed, the roster is\n%s\nand was\n%s", got, frozenRoster)
	}
	_, key := orgKey(t)
	if want := "example.org/organisation+32b18b6f+AZh5Tlwsvf1/dyZrnGjykRdEpz/vfq+FDrbx4wR4sAZm"; key != want {
		t.Errorf("the organisation's key is %q, was %q", key, want)
	}
	s := open(t, frozenRoster)
	if !reflect.DeepEqual(&s.Roster, want) {
		t.Errorf("read as %+v", s.Roster)
	}
	if !bytes.Equal(s.Note, frozenRoster) || s.Digest != sha256.Sum256(frozenRoster) || s.OrgKey != key {
		t.Error("note, digest or key are not those of what was opened")
	}
	// printf 'tocsin.instance.v1\n%s\n%s\n' "$key" "$origin" | sha256sum
	if got, want := s.Instance().String(), "4f81ad23acd37e469911ff0cc61a1c66ca1f30b11c68ae3c0e09a972bc123b8f"; got != want {
		t.Errorf("the instance is %s, was %s", got, want)
	}
	if s.Instance() != roster.NewInstance(key, origin) {
		t.Error("Instance and NewInstance differ")
	}
	// Any reader of signed notes verifies a roster.
	v, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := note.Open(frozenRoster, note.VerifierList(v)); err != nil || n.Text != string(want.Marshal()) {
		t.Errorf("package note says %v", err)
	}
}

func TestInstanceIsOfOneKeyAndOneOrigin(t *testing.T) {
	seen := map[roster.Instance]bool{}
	for _, c := range [][2]string{{"key", "origin"}, {"key2", "origin"}, {"key", "origin2"}, {"key\norigin", ""}, {"origin", "key"}} {
		seen[roster.NewInstance(c[0], c[1])] = true
	}
	if len(seen) != 5 {
		t.Errorf("%d instances of 5 pairs", len(seen))
	}
}

func TestOpenKeepsItsOwnCopy(t *testing.T) {
	signed := sign(t, sample(t))
	s := open(t, signed)
	signed[0] ^= 1
	if sha256.Sum256(s.Note) != s.Digest {
		t.Error("the note changes with the caller's bytes")
	}
}

func TestOpenRefusesWhatTheOrganisationDidNotSign(t *testing.T) {
	_, key := orgKey(t)
	text := string(sample(t).Marshal())
	other, otherKey := noteKey(t, "example.net/other", "other")
	namesake, namesakeKey := noteKey(t, "example.org/organisation", "somebody else")
	for what, signed := range map[string][]byte{
		"another's key":                noteOf(t, text, other),
		"another's key, the same name": noteOf(t, text, namesake),
		"two others' keys":             noteOf(t, text, other, namesake),
		"another text":                 bytes.Replace(frozenRoster, []byte("number 7"), []byte("number 8"), 1),
		"no roster at all":             noteOf(t, "hello\n", other),
	} {
		_, err := roster.Open(signed, key)
		wantError(t, what, err, roster.ErrSignature)
	}
	for _, k := range []string{otherKey, namesakeKey} {
		_, err := roster.Open(frozenRoster, k)
		wantError(t, "opened with "+k, err, roster.ErrSignature)
	}
}

func TestOpenRefusesEveryChangedByte(t *testing.T) {
	_, key := orgKey(t)
	for i := range frozenRoster {
		b := bytes.Clone(frozenRoster)
		b[i] ^= 1
		if _, err := roster.Open(b, key); err == nil {
			t.Errorf("byte %d was changed and nobody noticed", i)
		}
		if _, err := roster.Open(frozenRoster[:i], key); err == nil {
			t.Errorf("cut after %d bytes and nobody noticed", i)
		}
	}
}

// A roster has one digest: no byte may stand in the note that the
// organisation's one signature does not account for.
func TestOpenTakesOneSignature(t *testing.T) {
	signer, key := orgKey(t)
	other, _ := noteKey(t, "example.net/other", "other")
	text := string(sample(t).Marshal())
	at := bytes.LastIndex(frozenRoster, []byte("— "))
	line := string(frozenRoster[at:])
	name, sig, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(line, "— "), "\n"), " ")
	raw, err := base64.StdEncoding.DecodeString(sig)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-1] ^= 1
	broken := "— " + name + " " + base64.StdEncoding.EncodeToString(raw) + "\n"
	// The last character before the padding carries two bits of nothing.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := len(sig) - 2
	stray := sig[:last] + string(alphabet[strings.IndexByte(alphabet, sig[last])|1]) + "="
	if again, err := base64.StdEncoding.DecodeString(stray); err != nil || stray == sig || !strings.HasSuffix(sig, "=") || len(again) != len(raw) {
		t.Fatalf("%q does not stand for the same bytes", stray)
	}
	for what, signed := range map[string][]byte{
		"a second key after it":   noteOf(t, text, signer, other),
		"a second key before it":  noteOf(t, text, other, signer),
		"the same line twice":     append(bytes.Clone(frozenRoster), line...),
		"a line nobody verifies":  append(bytes.Clone(frozenRoster), broken...),
		"stray bits in base64":    []byte(string(frozenRoster[:at]) + "— " + name + " " + stray + "\n"),
		"a carriage return":       bytes.ReplaceAll(frozenRoster, []byte("\n"), []byte("\r\n")),
		"text after the last":     append(bytes.Clone(frozenRoster), "more\n"...),
		"no signature":            []byte(text),
		"an empty signature part": []byte(text + "\n"),
		"nothing":                 nil,
		"too large":               append(bytes.Repeat([]byte("x"), 1<<20), frozenRoster...),
	} {
		s, err := roster.Open(signed, key)
		wantError(t, what, err, roster.ErrMalformed)
		if s != nil {
			t.Errorf("%s: opened", what)
		}
	}
}

// What is signed is read as strictly as what is not.
func TestOpenParsesStrictly(t *testing.T) {
	_, key := orgKey(t)
	text := string(sample(t).Marshal())
	_, err := roster.Open(noteOf(t, strings.Replace(text, "roster.v1", "roster.v2", 1)), key)
	wantError(t, "version 2", err, roster.ErrVersion)
	_, err = roster.Open(noteOf(t, strings.Replace(text, "number 7", "number 07", 1)), key)
	wantError(t, "number 07", err, roster.ErrMalformed)
	_, err = roster.Open(noteOf(t, text+"\nmore\n"), key)
	wantError(t, "more", err, roster.ErrMalformed)
	_, err = roster.Open(noteOf(t, strings.Replace(text, "worker bo-2", "worker ana", 1)), key)
	wantError(t, "a worker twice", err, roster.ErrMalformed)
}

// An instance is derived from the characters of the organisation's key. A key
// that means the same in other characters would silently be another instance.
func TestOpenTakesTheKeyInOneForm(t *testing.T) {
	_, key := orgKey(t)
	name, rest, _ := strings.Cut(key, "+")
	hash, encoded, _ := strings.Cut(rest, "+")
	if strings.ToUpper(hash) == hash {
		t.Fatal("the key hash has no letter: choose another name")
	}
	for _, k := range []string{
		"", "key", key + "\n", key + "\r", key + "\r\n", name + "+" + strings.ToUpper(hash) + "+" + encoded,
		name + "+" + hash + "+" + encoded[:10] + "\n" + encoded[10:], " " + key, key + " ", key + "+", key[:len(key)-4],
		name + "+00000000+" + encoded, "PRIVATE+KEY+" + key,
	} {
		_, err := roster.Open(frozenRoster, k)
		wantError(t, k, err, roster.ErrMalformed)
	}
}

func TestFollows(t *testing.T) {
	old := open(t, sign(t, sample(t)))
	for _, c := range []struct {
		what   string
		change func(*roster.Roster)
		want   error
	}{
		{"the same", func(*roster.Roster) {}, nil},
		{"the next", func(r *roster.Roster) { r.Number++ }, nil},
		{"one much later", func(r *roster.Roster) { r.Number += 1000; r.Workers = r.Workers[1:]; r.Policy.MaxFiles = 1 }, nil},
		{"new ledger and desk keys", func(r *roster.Roster) {
			r.Number++
			_, r.Intake.Ledger = noteKey(t, origin, "another ledger key")
			r.Intake.Desk = deskPublic("another intake")
		}, nil},
		{"the one before", func(r *roster.Roster) { r.Number-- }, roster.ErrRollback},
		{"the same number, other words", func(r *roster.Roster) { r.Organisation = "Other" }, roster.ErrRollback},
		{"an earlier number, a later day", func(r *roster.Roster) { r.Number, r.Day = 1, "2030-01-01" }, roster.ErrRollback},
		{"another origin", func(r *roster.Roster) {
			r.Number++
			r.Origin = "example.org/other"
			r.Intake.Ledger = ledgerKey(t, r.Origin)
		}, roster.ErrRollback},
	} {
		r := sample(t)
		c.change(r)
		wantErrorOrNil(t, c.what, open(t, sign(t, r)).Follows(old), c.want)
	}
	// Another organisation's, with the same origin.
	signer, key := noteKey(t, "example.org/organisation", "somebody else")
	r := sample(t)
	r.Number++
	signed, err := r.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	s, err := roster.Open(signed, key)
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, "another organisation", s.Follows(old), roster.ErrRollback)
}

func wantErrorOrNil(t *testing.T, what string, err, want error) {
	t.Helper()
	if want != nil {
		wantError(t, what, err, want)
	} else if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}
