package triage

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/seal/roster"
)

func TestNumbersOnlyGrow(t *testing.T) {
	s := newStation(t)
	draft := s.org.path("org", "draft.json")
	before, err := os.ReadFile(draft)
	ok(t, err)
	s.sign()
	first, err := roster.Open(s.roster, s.orgKey)
	ok(t, err)
	// Killed between roster and draft: the draft says 1 and the roster 2.
	ok(t, os.WriteFile(draft, before, 0o600))
	s.sign()
	second, err := roster.Open(s.roster, s.orgKey)
	ok(t, err)
	if first.Number != 2 || second.Number != 3 {
		t.Errorf("signed %d and then %d", first.Number, second.Number)
	}
	ok(t, second.Follows(first))
}

func TestWhatAnOrganisationCannotDo(t *testing.T) {
	s := newStation(t)
	card, err := os.ReadFile(s.alice.path("card"))
	ok(t, err)
	fresh := newHome(filepath.Join(s.dir, "fresh"))
	ok(t, makeDir(fresh.Dir))
	other := newStation(t)
	d := other.vault.Roster().Intake
	elsewhere := &roster.IntakeCard{Origin: "elsewhere.example", Intake: d}
	for name, err := range map[string]error{
		"add a worker twice":       second(s.org.OrgAddWorker(card)),
		"add half a card":          second(s.org.OrgAddWorker(card[:100])),
		"remove who is not there":  s.org.OrgRemoveWorker("mallory"),
		"remove what is not there": s.org.OrgRemoveDestination("press"),
		"add a classic recipient":  s.org.OrgAddDestination(roster.Destination{Name: "a", Title: "A", Recipient: "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", Delivery: roster.DeliveryOutbox}),
		"move to another origin":   s.org.OrgSetIntake(elsewhere.Marshal()),
		"take a bad policy":        s.org.OrgSetPolicy(func(p *roster.Policy) { p.DeadlineHours = -1 }),
		"begin again over itself":  second(s.org.OrgInit("Again", "example.org", "")),
		"have a key with a space":  second(fresh.OrgInit("Name", "a b", "")),
	} {
		if err == nil {
			t.Errorf("an organisation could %s", name)
		}
	}
	if _, _, err := fresh.OrgSign(); !errors.Is(err, ErrNoOrg) {
		t.Errorf("signing without an organisation: %v", err)
	}
	_, err = fresh.OrgInit("Fresh", "fresh.example", "")
	ok(t, err)
	if _, _, err := fresh.OrgSign(); err == nil || !strings.Contains(err.Error(), "intake") {
		t.Errorf("signing without an intake: %v", err)
	}
	r, err := s.org.OrgDraft()
	ok(t, err)
	if len(r.Workers) != 1 || len(r.Destinations) != 1 || r.Origin != "tips.example.org" || r.Policy != roster.DefaultPolicy() {
		t.Errorf("what was refused is in the draft: %+v", r)
	}
}

func TestKeysAreNotWrittenOver(t *testing.T) {
	h := newHome(t.TempDir())
	card, err := h.Keygen("alice", "")
	ok(t, err)
	key, err := os.ReadFile(h.path("worker.key"))
	ok(t, err)
	if _, err := h.Keygen("bob", ""); err == nil {
		t.Error("keys were made over others")
	}
	again, err := os.ReadFile(h.path("worker.key"))
	ok(t, err)
	if string(again) != string(key) {
		t.Error("the key changed")
	}
	w, err := h.Card()
	if err != nil || string(w.MarshalCard()) != string(card) {
		t.Errorf("the card: %v", err)
	}
	for _, name := range []string{"", "Alice", "a b", "../a", "-a"} {
		if _, err := newHome(t.TempDir()).Keygen(name, ""); err == nil {
			t.Errorf("%q named a case worker", name)
		}
	}
}

func TestHomesOfOtherVersionsAreRefused(t *testing.T) {
	s := newStation(t)
	text, err := os.ReadFile(s.alice.path("config"))
	ok(t, err)
	ok(t, os.WriteFile(s.alice.path("config"), []byte(strings.Replace(string(text), ".v1", ".v2", 1)), 0o600))
	if _, err := s.alice.Roster(); !errors.Is(err, ErrVersion) {
		t.Errorf("a newer home: %v", err)
	}
	draft, err := os.ReadFile(s.org.path("org", "draft.json"))
	ok(t, err)
	ok(t, os.WriteFile(s.org.path("org", "draft.json"), []byte(strings.Replace(string(draft), `"Version": 1`, `"Version": 2`, 1)), 0o600))
	if _, err := s.org.OrgDraft(); !errors.Is(err, ErrVersion) {
		t.Errorf("a newer draft: %v", err)
	}
	if _, err := newHome(t.TempDir()).Roster(); !errors.Is(err, ErrNotJoined) {
		t.Errorf("an empty home: %v", err)
	}
}
