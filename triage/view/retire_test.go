package view

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/ledger"
	"tocsin/testorg"
)

// events returns what a home signed about a case that is not a message, in the
// ledger or in the queue.
func (s *station) events(id string) string {
	s.t.Helper()
	c, err := s.home.Find(id)
	ok(s.t, err)
	queue, err := s.home.Queue()
	ok(s.t, err)
	var list []string
	for _, q := range queue {
		if q.Leaf.Case == c.ID && q.Leaf.Event != ledger.EventMessage && q.Leaf.Event != ledger.EventRead {
			list = append(list, strings.TrimSpace(string(q.Leaf.Event)+" "+q.Leaf.Rule))
		}
	}
	return strings.Join(list, ", ")
}

// colleagueProposes signs as the colleague worker-1 that a case is to be purged.
func (s *station) colleagueProposes(id, rule string) {
	s.t.Helper()
	s.colleague(s.org.ProposePurge, id, rule)
}

// colleague signs as worker-1, who has seen all of the case.
func (s *station) colleague(sign func(testorg.Worker, ledger.CaseID, string, int64) *ledger.Leaf, id, rule string) {
	s.t.Helper()
	c, err := s.home.Find(id)
	ok(s.t, err)
	history, err := s.vault.History(c.ID)
	ok(s.t, err)
	after := history[len(history)-1].Index
	_, err = s.vault.AddEvent(s.t.Context(), sign(s.org.Workers[0], c.ID, rule, after))
	ok(s.t, err)
}

func TestHoldReleaseAndPurgeOnTheScreen(t *testing.T) {
	s := newStation(t)
	id := s.tell("MARK-SEEN", map[string]string{"where.city": "", "where.place": ""}).String()
	s.pull()
	h := newHand(t, s.options())
	h.press("enter", "h")
	h.sees("Hold case "+id, "so no names")
	h.press("For Bob", "enter")
	h.sees(`"For Bob" is no word for why a case is held`)
	h.press("ctrl+u", "inquiry/MARK-WHY", "enter")
	h.sees("held, queued for push", "held: nobody may purge it")
	h.press("end")
	h.sees("Held (inquiry): MARK-WHY")
	h.press("home")
	h.press("h", "other", "enter")
	h.sees("the case says so already")
	h.press("X")
	h.sees("the case is held; press H")
	h.seesNot("triage release")
	h.press("H")
	h.sees("Let case " + id + " go")
	h.press("n")
	if got := s.events(id); got != "held inquiry" {
		t.Errorf("queued: %s", got)
	}
	h.press("H", "y")
	h.sees("waits to be pushed, and a", "release comes after it; press P, and this again")
	h.seesNot("triage push")
	h.press("P")
	h.sees("delivered: ", "case "+id+", received")
	h.press("H", "y")
	h.sees("held no longer, queued for push")
	h.seesNot("held: nobody may purge it")
	h.press("H", "y")
	h.sees("the case says so already")
	h.press("X")
	h.sees("Purge case "+id, "> retention  from 20", "request  2 more case workers must sign")
	h.press("down", "enter")
	h.sees("Propose to purge case "+id+" under the rule request?", "You sign, and 1 more case worker must sign", "Nobody was told of the case")
	h.press("y")
	h.sees("waits to be pushed, and a", "purge comes after it")
	h.press("esc", "esc", "P")
	h.sees("delivered: ")
	h.press("X", "down", "enter", "y")
	h.sees("proposed to be purged, queued for push; 1 more case worker must sign")
	if got := s.events(id); got != "purge-proposed request" {
		t.Errorf("queued: %s", got)
	}
	h.press("X", "down", "enter")
	h.sees("Propose to purge")
	h.press("y")
	h.sees("you proposed it before; 1 more case worker must sign")

	// The last signature destroys it, and says so before, and what it leaves.
	w := &work{Options: s.options()}
	_, err := w.route(id, []string{"justice"}, "because")
	ok(t, err)
	h.press("esc", "esc", "P")
	s.colleagueProposes(id, ledger.RuleRequest)
	h.press("g", "enter", "X", "down", "enter")
	h.sees("DESTROY case "+id+" under the rule request?", "Once it is pushed nobody opens the", "These copies stay, sealed to whom they are for")
	if flat := strings.Join(strings.Fields(h.seen), ""); !strings.Contains(flat, "/outbox/justice/"+id) { // it is broken anywhere
		t.Errorf("names no copy:\n%s", h.seen)
	}
	h.press("n")
	if got := s.events(id); got != "" {
		t.Errorf("queued: %s", got)
	}
	h.press("enter", "y")
	h.sees("the purge is signed by worker-1, alice, queued for push", "CASE     STATE")
	h.press("P")
	h.sees("delivered: 1 event", "0 cases")
	ok(t, s.vault.Durable(t.Context()))
	if c, err := s.home.Find(id); err != nil || c.Purged != ledger.RuleRequest {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestHoldReleaseAndPurgeInPlainLines(t *testing.T) {
	s := newStation(t)
	id := s.tell("MARK-SEEN", nil).String()
	s.pull()
	s.colleagueProposes(id, ledger.RuleRequest)
	said := dialogue(t, s.options(), "pull", "1", "hold", "hold For Bob", "hold inquiry/MARK-WHY", "hold other", "show", "purge request", "yes", "release", "push", "1", "release", "release", "push",
		"1", "purge", "purge request", "no", "purge request", "yes", "push")
	mustSay(t, said, "Error: a hold needs a word", "Error: \"For Bob\" is no word", "Done: held, queued for push", "Done: the case says so already", "held: nobody may purge it", "MARK-WHY",
		"Error: ", "the case is held", "a release comes after it", "Done: delivered: ", "Done: held no longer", "Done: the case says so already", "Done: delivered: ",
		"retention  from 20", "request  2 more case workers must sign", "Type purge and the rule", "Propose to purge case "+id, "Nothing was done",
		"Done: proposed to be purged", "Done: delivered: 1 event")
	s.colleagueProposes(id, ledger.RuleRequest)
	said = dialogue(t, s.options(), "pull", "1", "purge request", "yes", "note x", "push")
	mustSay(t, said, "DESTROY case "+id, "Done: the purge is signed by alice, worker-1", "Error: note is for an open case", "Done: delivered: 1 event", "0 cases")
}

// The witness is told what the roster says of the destinations, or what is
// chosen.
func TestTellingTheWitness(t *testing.T) {
	s := newStation(t)
	id := s.tell("MARK-SEEN", nil).String()
	s.pull()
	h := newHand(t, s.options())
	h.press("enter", "t")
	h.sees("was handed over to nobody yet")
	w := &work{Options: s.options()}
	_, err := w.route(id, []string{"justice", "police"}, "because")
	ok(t, err)
	said, err := w.route(id, []string{"justice", "police"}, "another reason")
	ok(t, err)
	mustSay(t, said, "2 of them had it already", "the reason is not kept: write it in a note")
	h.press("t")
	h.sees("Tell the witness of case "+id, "[x] justice", "[ ] police")
	h.press("enter")
	h.sees("the witness is told: handed to justice, queued for push")
	h.press("t", "enter")
	h.sees("the witness was told before")
	mustSay(t, dialogue(t, s.options(), "1", "tell", "tell army", "tell police justice", "show"),
		"There are: ", "By the roster it was handed to: justice", "Error: ", "Done: the witness is told: handed to police, justice", "the witness was told: handed to")
}

// What is due is brought by the same key and command, and what is refused is
// said until a person acts.
func TestDelivering(t *testing.T) {
	s := newStation(t)
	id := s.tell("MARK-SEEN", nil).String()
	other := s.tell("another", nil).String()
	s.pull()
	h := newHand(t, s.options())
	h.press("D")
	h.sees("no bag is due to be delivered")
	w := &work{Options: s.options()}
	_, err := w.route(id, []string{"justice"}, "because")
	ok(t, err)
	portal := filepath.Join(s.home.Dir, "commands", "portal")
	ok(t, os.MkdirAll(filepath.Dir(portal), 0o700))
	ok(t, os.WriteFile(portal, []byte("#!/bin/sh\necho no such desk >&2\nexit 1\n"), 0o700))
	for range 2 {
		h.press("D")
		h.sees("not delivered: 1 bag; to justice: the command portal failed", "triage deliver --list says more")
	}
	mustSay(t, dialogue(t, s.options(), "deliver"), "Error: not delivered: 1 bag", "no such desk")
	ok(t, os.WriteFile(portal, []byte("#!/bin/sh\ncat > /dev/null\necho taken\n"), 0o700))
	_, err = w.route(other, []string{"justice"}, "because")
	ok(t, err)
	h.press("D")
	h.sees("delivered: 1 bag; not delivered: 1 bag")
	ok(t, os.Remove(filepath.Join(s.home.Dir, "outbox", "justice", bagOf(t, s, id))))
	mustSay(t, dialogue(t, s.options(), "deliver"), "Done: 1 bag not to be delivered any more")
}

func bagOf(t *testing.T, s *station, id string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(s.home.Dir, "outbox", "justice", id+"-*"))
	ok(t, err)
	if len(found) != 1 {
		t.Fatalf("%d bags of %s", len(found), id)
	}
	return filepath.Base(found[0])
}
