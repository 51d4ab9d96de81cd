package triage

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/ledger"
	"tocsin/seal/roster"
	"tocsin/triage/sshsig"

	"filippo.io/age"
)

// in runs a stock program in a directory.
func (s *station) in(dir, name string, args ...string) (string, error) {
	s.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		s.t.Fatalf("%s is missing; type: sh demo/deps.sh", name)
	}
	return string(out), err
}

// handedOver returns the opened bag of a case with a hand-over to somebody
// else and a reply in the ledger, and another reply in the queue.
func (s *station) handedOver() (bag string, p *provenance) {
	t := s.t
	embassy, err := age.GenerateHybridIdentity()
	ok(t, err)
	ok(t, s.org.OrgAddDestination(roster.Destination{Name: "embassy", Title: "Embassy", Recipient: embassy.Recipient().String(), Delivery: roster.DeliveryOutbox}))
	s.sign()
	ok(t, s.vault.UpdateRoster(t.Context(), s.roster))
	c := s.addCase(s.vault, plain, attachment{"a.jpg", random(100)})
	s.addCase(s.vault, plain)
	s.pull()
	ok(t, s.alice.Lock())
	defer s.alice.Unlock()
	_, err = s.alice.Route(s.find(c), "embassy", With{})
	ok(t, err)
	_, err = s.alice.Reply(s.find(c), "which flight?")
	ok(t, err)
	_, err = s.alice.Push(t.Context(), s.desk.addr, nothing)
	ok(t, err)
	_, err = s.alice.Reply(s.find(c), "which day?")
	ok(t, err)
	r, err := s.alice.Route(s.find(c), "police", With{})
	ok(t, err)
	bag = s.unpack(r.Bag)
	text, err := os.ReadFile(filepath.Join(bag, "data/provenance.json"))
	ok(t, err)
	p = new(provenance)
	ok(t, json.Unmarshal(text, p))
	return bag, p
}

// Who did what when is verified by openssl and by any reader of tlog proofs.
func TestTheChainOfCustodyIsVerifiedByStockTools(t *testing.T) {
	s := newStation(t)
	bag, p := s.handedOver()
	data := filepath.Join(bag, "data")
	var events []string
	for _, c := range p.Custody {
		event := c.Event + c.Kind
		name := fmt.Sprintf("%03d", c.Index)
		if c.Index < 0 {
			event, name = event+"-queued", "queued-1"
		} else {
			text, err := os.ReadFile(filepath.Join(data, c.Proof))
			ok(t, err)
			proof, err := ledger.ParseProof(text)
			ok(t, err)
			leaf, _, err := proof.Verify(p.LedgerKey)
			if err != nil || string(leaf.Event) != c.Event || proof.Index != c.Index || leaf.Case.String() != p.Case {
				t.Errorf("the proof of leaf %d: %v", c.Index, err)
			}
		}
		events = append(events, event)
		if c.By == "" {
			continue
		}
		verify := func(statement string) (string, error) {
			return s.in(data, "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "custody/"+name+".pem", "-rawin",
				"-in", statement, "-sigfile", "custody/"+name+".signature")
		}
		if out, err := verify("custody/" + name + ".statement"); err != nil {
			t.Errorf("openssl on leaf %s: %v\n%s", name, err, out)
		}
		if _, err := verify("custody.txt"); err == nil {
			t.Error("openssl verifies anything: this test can't fail")
		}
		statement, err := os.ReadFile(filepath.Join(data, "custody", name+".statement"))
		if err != nil || string(statement) != c.Statement || !strings.Contains(c.Statement, "by alice\n") || c.Done != "2026-03-04" {
			t.Errorf("the statement of leaf %s: %q, %v", name, statement, err)
		}
	}
	if got := strings.Join(events, " "); got != "case messagereport handed-over messagereply messagereply-queued" {
		t.Errorf("custody: %s", got)
	}
	text, err := os.ReadFile(filepath.Join(data, "custody.txt"))
	if err != nil || strings.Count(string(text), "\nleaf ") != len(p.Custody) || strings.Count(string(text), "\nsignature ") != 3 {
		t.Errorf("custody.txt: %v\n%s", err, text)
	}
	if strings.Contains(string(text), "MARK-") {
		t.Error("custody.txt holds what was told")
	}
}

// The manifest is signed by the case worker, for ssh-keygen to verify, and
// what it lists is what the destination has.
func TestTheManifestIsSigned(t *testing.T) {
	s := newStation(t)
	bag, p := s.handedOver()
	verify := func() error {
		_, err := s.in(bag, "sh", "-c", "ssh-keygen -Y verify -f allowed_signers -I alice -n tocsin-handover -s manifest-sha512.txt.sig < manifest-sha512.txt")
		return err
	}
	if err := verify(); err != nil {
		t.Error("ssh-keygen does not verify the manifest's signature")
	}
	card, err := s.alice.Card()
	ok(t, err)
	if p.SigningKey != sshsig.PublicKey(card.Desk) || p.Fingerprint != sshsig.Fingerprint(card.Desk) {
		t.Errorf("the provenance names the key %s, %s", p.SigningKey, p.Fingerprint)
	}
	page, err := os.ReadFile(filepath.Join(bag, "data/report.html"))
	if err != nil || !strings.Contains(unescaped(string(page)), p.Fingerprint) {
		t.Error("the page does not show the key's fingerprint")
	}
	for _, manifest := range []string{"manifest-sha512.txt", "tagmanifest-sha512.txt"} {
		if out, err := s.in(bag, "sha512sum", "--strict", "--quiet", "-c", manifest); err != nil || out != "" {
			t.Errorf("sha512sum -c %s: %v\n%s", manifest, err, out)
		}
	}
	f, err := os.OpenFile(filepath.Join(bag, "manifest-sha512.txt"), os.O_APPEND|os.O_WRONLY, 0)
	ok(t, err)
	_, err = f.WriteString("\n")
	ok(t, err)
	ok(t, f.Close())
	if verify() == nil {
		t.Error("ssh-keygen verifies a manifest that was changed")
	}
}

func TestThePageSaysWhatWasDoneAndWho(t *testing.T) {
	s := newStation(t)
	bag, _ := s.handedOver()
	text, err := os.ReadFile(filepath.Join(bag, "data/report.html"))
	ok(t, err)
	for _, want := range []string{"Handed over to embassy", "Also handed over to", "Reply to the witness", "2026-03-06 00:00 UTC (48 hours",
		"Ask Example, by the channel", "Witness: Contact</b>: the witness has not consented"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}
