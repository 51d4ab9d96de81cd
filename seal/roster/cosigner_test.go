package roster_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"filippo.io/torchwood"

	"tocsin/seal/roster"
)

func auditor(name string) roster.Auditor { return roster.Auditor{Name: name, Desk: deskPublic(name)} }

func cosigner(name string) roster.Cosigner {
	return roster.Cosigner{Name: name, Key: roster.CosignerKey(name+".example/log", deskPublic(name)), URL: "https://" + name + ".example/tocsin"}
}

// watched is a roster with all that an auditor and a cosigner add to one.
func watched(t testing.TB) *roster.Roster {
	r := sample(t)
	r.Auditors = []roster.Auditor{auditor("vera"), auditor("wim")}
	r.Auditors[1].Onion = onionKey("wim")
	r.Cosigners = []roster.Cosigner{cosigner("university"), cosigner("focus")}
	r.Policy.Quorum = 2
	return r
}

func TestRosterWithAuditorsAndCosigners(t *testing.T) {
	r := watched(t)
	text := r.Marshal()
	if back, err := roster.Parse(text); err != nil || !reflect.DeepEqual(back, r) {
		t.Errorf("it reads %+v, %v", back, err)
	}
	if s := open(t, sign(t, r)); s.AuditorByDesk(deskPublic("wim")).Name != "wim" || s.AuditorByDesk(deskPublic("ana")) != nil || s.WorkerByDesk(deskPublic("wim")) != nil {
		t.Error("an auditor's key is not the auditor's alone")
	}
	if got := r.OnionKeys(); !reflect.DeepEqual(got, []string{onionKey("wim")}) {
		t.Errorf("onion keys %q", got)
	}
	optional := [][]byte{[]byte("onion " + onionKey("wim") + "\n"), []byte("quorum 2\n")}
	mangle(text, func(what string, changed []byte) {
		for _, line := range optional { // without it, it is another roster, and a good one
			if bytes.Equal(changed, bytes.Replace(text, line, nil, 1)) {
				return
			}
		}
		if _, err := roster.Parse(changed); !errors.Is(err, roster.ErrMalformed) && !errors.Is(err, roster.ErrVersion) {
			t.Errorf("%s: error %v", what, err)
		}
	})
}

func TestAuditorsAndCosignersAreValidated(t *testing.T) {
	other := cosigner("other")
	for _, c := range []rule{
		{"an auditor's name", "auditor \"Vera\": a name is", func(r *roster.Roster) { r.Auditors[0].Name = "Vera" }},
		{"an auditor without a key", "auditor vera: the desk key", func(r *roster.Roster) { r.Auditors[0].Desk = nil }},
		{"an auditor's onion key", "auditor vera: the onion key", func(r *roster.Roster) { r.Auditors[0].Onion = "x" }},
		{"an auditor twice", "auditor vera: the same auditor name", func(r *roster.Roster) { r.Auditors[1].Name = "vera" }},
		{"an auditor with a worker's key", "auditor vera: the same desk key as worker ana", func(r *roster.Roster) { r.Auditors[0].Desk = deskPublic("ana") }},
		{"an auditor with the intake's key", "auditor vera: the same desk key as the intake", func(r *roster.Roster) { r.Auditors[0].Desk = deskPublic("intake") }},
		{"two with one onion key", "the same onion key", func(r *roster.Roster) { r.Auditors[0].Onion = onionKey("wim") }},
		{"too many auditors", "auditors: there may be", func(r *roster.Roster) { r.Auditors = make([]roster.Auditor, roster.MaxAuditors+1) }},
		{"too many cosigners", "cosigners: there may be", func(r *roster.Roster) { r.Cosigners = make([]roster.Cosigner, roster.MaxCosigners+1) }},
		{"a cosigner's name", "cosigner \"\": a name is", func(r *roster.Roster) { r.Cosigners[0].Name = "" }},
		{"a cosigner twice", "the same cosigner name", func(r *roster.Roster) { r.Cosigners[1].Name = "university" }},
		{"a key under two names", "the same key as cosigner university", func(r *roster.Roster) {
			r.Cosigners[1].Key = roster.CosignerKey("elsewhere.example", deskPublic("university"))
		}},
		{"two keys under one name", "the same key name", func(r *roster.Roster) {
			r.Cosigners[1].Key = roster.CosignerKey("university.example/log", deskPublic("focus"))
		}},
		{"a ledger's key", "not the verifier key of a cosigner", func(r *roster.Roster) { r.Cosigners[0].Key = r.Intake.Ledger }},
		{"another key's number", "not in its canonical form", func(r *roster.Roster) {
			_, after, _ := strings.Cut(other.Key, "+")
			r.Cosigners[0].Key = "university.example/log+" + after
		}},
		{"a key without a name", "the cosigner's key name", func(r *roster.Roster) { r.Cosigners[0].Key = roster.CosignerKey("", deskPublic("x")) }},
		{"more asked for than there are", "quorum must", func(r *roster.Roster) { r.Policy.Quorum = 3 }},
		{"fewer than none", "quorum must", func(r *roster.Roster) { r.Policy.Quorum = -1 }},
	} {
		r := watched(t)
		c.change(r)
		err := r.Validate()
		wantError(t, c.what, err, roster.ErrMalformed)
		if err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: the error does not speak of %q: %v", c.what, c.says, err)
		}
	}
	for url, ok := range map[string]bool{
		"https://a.example": true, "https://a.example:8443/x/y": true, "http://127.0.0.1:8080": true,
		"http://" + strings.Repeat("a", 56) + ".onion/x": true,
		"": false, "http://a.example": false, "ftp://a.example": false, "https://": false, "a.example": false, "https://a.example/": false,
		"https://a.example/?x": false, "https://a.example/x?": false, "https://a.example#x": false, "https://me@a.example": false,
		"https://a.example/\n": false, "https://a.example/ x": false, "http://10.0.0.1": false, "http://127.0.0.2": false, "http://[::1]:8080": false,
		"https://A.example": false, "https://a.example:": false, "https://a.example:08": false, "https://a.example:123456": false, "https://-a.example": false,
		"https://a.example//x": false, "https://a.example/%7e": false, "https://a]b": false, "https://exämple.org": false, "http://127.0.0.1.example": false,
		"https://a.example\r": false, "http://x.onion.example": false,
		"https://a.example/" + strings.Repeat("x", 200): false,
	} {
		r := watched(t)
		r.Cosigners[0].URL = url
		if err := r.Validate(); (err == nil) != ok {
			t.Errorf("%q: error %v", url, err)
		}
	}
}

// The largest roster with everything in it must fit into what Open reads.
func TestLargestWatchedRosterOpens(t *testing.T) {
	r := sample(t)
	for i := range roster.MaxAuditors {
		r.Auditors = append(r.Auditors, auditor(fmt.Sprintf("a%031d", i)))
	}
	for i := range roster.MaxCosigners {
		r.Cosigners = append(r.Cosigners, cosigner(fmt.Sprintf("c%d", i)))
	}
	r.Policy.Quorum = roster.MaxCosigners
	if s := open(t, sign(t, r)); !reflect.DeepEqual(&s.Roster, r) {
		t.Error("it was read back as another")
	}
}

func TestAuditorCard(t *testing.T) {
	a := watched(t).Auditors[1]
	card := a.MarshalCard()
	if back, err := roster.ParseAuditorCard(card); err != nil || !reflect.DeepEqual(back, &a) {
		t.Errorf("it reads %+v, %v", back, err)
	}
	mangle(card, func(what string, text []byte) {
		if bytes.Equal(text, bytes.Replace(card, []byte("onion "+a.Onion+"\n"), nil, 1)) {
			return
		}
		if _, err := roster.ParseAuditorCard(text); !errors.Is(err, roster.ErrMalformed) && !errors.Is(err, roster.ErrVersion) {
			t.Errorf("%s: error %v", what, err)
		}
	})
	_, err := roster.ParseAuditorCard(frozenWorker)
	wantError(t, "a worker's card", err, roster.ErrMalformed)
	_, err = roster.ParseWorkerCard(card)
	wantError(t, "an auditor's card", err, roster.ErrMalformed)
}

// Torchwood is another implementation of C2SP tlog-cosignature.
func TestCosignerKeyIsThatOfTheStandard(t *testing.T) {
	s, err := torchwood.NewCosignatureSigner("university.example/log", deskKey("university"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := cosigner("university").Key, s.Verifier().String(); got != want {
		t.Errorf("key %s, theirs is %s", got, want)
	}
	if got, want := roster.CosignerKeyNumber("university.example/log", deskPublic("university")), s.KeyHash(); got != want {
		t.Errorf("key number %08x, theirs is %08x", got, want)
	}
}
