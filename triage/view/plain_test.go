package view

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tocsin/triage"
)

// dialogue types lines into the plain view and returns what it says.
func dialogue(t testing.TB, o Options, typed ...string) string {
	t.Helper()
	var out bytes.Buffer
	ok(t, Plain(t.Context(), strings.NewReader(strings.Join(typed, "\n")+"\n"), &out, o))
	mustBeHarmless(t, out.String())
	return out.String()
}

func mustSay(t testing.TB, said string, texts ...string) {
	t.Helper()
	for _, s := range texts {
		at := strings.Index(said, s)
		if at < 0 {
			t.Fatalf("does not say %q:\n%s", s, said)
		}
		said = said[at+len(s):]
	}
}

func TestTheDayInPlainLines(t *testing.T) {
	s := newStation(t)
	id := s.tell("MARK-SEEN a tip", map[string]string{"where.country": "KH"}).String()
	said := dialogue(t, s.options(),
		"pull", "note early", "1", "note MARK-NOTE in a line", "note", "MARK-NOTE of", "two lines", ".", "take", "assign", "assign worker-1",
		"mark one two", "mark -one", "propose", "route", "route police justice", "because", "yes", "route police", "no",
		"reply", "MARK-REPLY", ".", "reply", "thrown", "!cancel", "files", "links", "list", "search state:handed-over", "search state:nonsense",
		"more", "dance", "push", "lock", "list", "unlock", "open "+id[:8], "close", "help", "quit", "never read")
	mustSay(t, said,
		"0 cases.", "Done: pulled: 1 new case", "1 case.", "1. case "+id, "KH", "MARK-SEEN a tip",
		"Error: note is for an open case", "What happened", "Done: the note is sealed", "Done: the note is sealed",
		"Done: assigned to alice", "Case workers: alice, worker-1", "Done: assigned to worker-1", "Done: marks changed", "Done: marks changed",
		"rules ", "justice, Ministry of Justice", "It leaves with the case", "Done: sealed for police, justice", "Nothing was done",
		"Done: the reply is sealed", "Thrown away", "Nothing is opened here", "Links are hints", "has in common with another",
		"1 case.", "1 case.", "Error: state:", "Error: there is no command", "Done: delivered: 11 events",
		"Locked. Type unlock", "Error: locked", "1 case.", "What happened", "reply: reply to the witness", "quit: leave")
	c, err := s.home.Find(id)
	ok(t, err)
	shown, err := s.home.Show(c)
	ok(t, err)
	if shown.Desk.Assigned != "worker-1" || fmt.Sprint(shown.Desk.Marks) != "[two]" || shown.Desk.Notes[1].Text != "MARK-NOTE of\ntwo lines" ||
		len(shown.HandedOver) != 2 || shown.Messages[len(shown.Messages)-1].Text != "MARK-REPLY" {
		t.Errorf("%+v", shown)
	}
}

func TestPlainLosesNothingTyped(t *testing.T) {
	s := newStation(t)
	s.tell("a tip", nil)
	s.pull()
	other := &triage.Home{Dir: s.home.Dir, Now: s.home.Now}
	ok(t, other.Lock())
	said := dialogue(t, s.options(), "1", "reply", "MARK-TYPED", ".", "!cancel")
	other.Unlock()
	mustSay(t, said, "another triage is at work here", "Your text is still here", "Thrown away")
}

func TestHostileTextInPlainLines(t *testing.T) {
	s := newStation(t)
	texts := corpus(t)
	typed := []string{"search mark"}
	for _, text := range texts {
		s.tell(text, nil)
	}
	for i := range len(texts) {
		typed = append(typed, fmt.Sprint(i+1), "files", "propose")
	}
	typed = append(typed, "list", "more", "more", "more", "more", "more")
	for _, text := range texts {
		line, _, _ := strings.Cut(text, "\n")
		typed = append(typed, "search "+line, line, "open "+line, "search mark", "1", "assign "+line, "mark "+line, "route "+line)
	}
	s.pull()
	said := dialogue(t, s.options(), typed...)
	if strings.Count(said, "What happened") < len(texts) {
		t.Errorf("only %d cases were shown", strings.Count(said, "What happened"))
	}
}

func TestPlainEndsWithItsContext(t *testing.T) {
	s := newStation(t)
	p := newPTY(t) // an input that never ends
	done := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { done <- Plain(ctx, p.program, p.program, s.options()) }()
	p.waitFor("list> ")
	stop()
	if err := <-done; !errors.Is(err, ErrEnded) {
		t.Errorf("%v", err)
	}
}
