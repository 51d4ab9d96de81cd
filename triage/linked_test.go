package triage

import (
	"os"
	"slices"
	"strings"
	"testing"

	"tocsin/triage/links"
)

// Cases are linked by their reports and by what was added, whatever else is in
// them; one that can't be read is named, one that was withdrawn is not there,
// and an addition that can't be read keeps nobody from the rest.
func TestLinked(t *testing.T) {
	s := withdrawable(t)
	first := s.addCase(s.vault, plain)
	second := s.addCase(s.vault, map[string]string{"what.seen": "x", "suspect.plate": "1 abc 234"})
	third := s.addCase(s.vault, map[string]string{"what.seen": "y", "where.coordinates": "12.92740,100.87710"})
	fourth := s.addCase(s.vault, map[string]string{"what.seen": "z", "where.coordinates": "12.93740,100.87710"}) // 1.1 km
	damaged := s.addCase(s.vault, plain)
	gone := s.addCase(s.vault, plain)
	s.addRaw(second, s.brokenAddition(second))
	s.add(second, "they met at 12:00, he is @john_doe92 there")
	s.add(third, "and on https://instagram.com/John_Doe92")
	s.pull()
	s.withdraw(gone)
	s.pull()
	broken := s.find(damaged)
	ok(t, os.Remove(s.alice.objectPath(broken.envelope)))
	s.alice.Forget() // what pull read before
	ok(t, s.alice.DropIndex())

	b, err := s.alice.Inbox()
	ok(t, err)
	l, err := b.Linked(0)
	ok(t, err)
	if len(l.Unread) != 1 || !strings.Contains(l.Unread[damaged.id.String()], damaged.id.String()) {
		t.Errorf("unread: %q", l.Unread)
	}
	var got []string
	for _, link := range l.Of(second.id.String()) {
		got = append(got, string(link.Kind)+" "+link.Case+" "+link.Ours.Field+" "+link.Theirs.Field)
	}
	want := []string{
		"plate " + first.id.String() + " suspect.plate suspect.plate",
		"handle " + third.id.String() + " addition addition",
	}
	if !slices.Equal(got, want) {
		t.Errorf("links: %q, want %q", got, want)
	}
	if list := l.Of(fourth.id.String()); len(list) != 0 {
		t.Errorf("links at 1.1 km: %+v", list)
	}

	// Another run finds the same in the index.
	s.alice.Forget()
	b, err = s.alice.Inbox()
	ok(t, err)
	wider, err := b.Linked(1200)
	ok(t, err)
	if list := wider.Of(fourth.id.String()); len(list) != 1 || list[0].Kind != links.Near || list[0].Why != "1112 m apart" {
		t.Errorf("links within 1.2 km: %+v", list)
	}
}

func TestFieldLabels(t *testing.T) {
	for _, name := range []string{"suspect.plate", "where.place", links.Addition} {
		if label := FieldLabel(name); label == name || label == "" {
			t.Errorf("%s is called %q", name, label)
		}
	}
}
