package view

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"tocsin/triage"
	"tocsin/triage/links"
	"tocsin/triage/screen"
)

// linked is what the cases of an inbox have in common, and with how many others
// a case has something, as far as that was asked for.
type linked struct {
	*triage.Linked
	counts map[string]int
}

func newLinked(b *triage.Inbox) (*linked, error) {
	l, err := b.Linked(links.DefaultMetres)
	if err != nil {
		return nil, err
	}
	return &linked{l, make(map[string]int)}, nil
}

// with is with how many other cases a case has something in common.
func (l *linked) with(id string) int {
	if l == nil {
		return 0
	}
	n, known := l.counts[id]
	if !known {
		others := map[string]bool{}
		for _, link := range l.Of(id) {
			others[link.Case] = true
		}
		n = len(others)
		l.counts[id] = n
	}
	return n
}

// text lays out what a case has in common with others, and why.
func (l *linked) text(id string) string {
	if problem, unread := l.Unread[id]; unread {
		return "Nothing is known of it: " + problem
	}
	var b strings.Builder
	b.WriteString("Links are hints: read both reports before you act on one.\n")
	list := l.Of(id)
	if len(list) == 0 {
		b.WriteString("\nNothing is known that this case has in common with another.\n")
	}
	for _, link := range list {
		fmt.Fprintf(&b, "\n%s  %s\n", link.Case, screen.Line(link.Why))
		fmt.Fprintf(&b, "    here:   %s  (%s)\n", screen.Line(link.Ours.Shown), triage.FieldLabel(link.Ours.Field))
		fmt.Fprintf(&b, "    there:  %s  (%s)\n", screen.Line(link.Theirs.Shown), triage.FieldLabel(link.Theirs.Field))
	}
	if n := len(l.Unread); n > 0 {
		fmt.Fprintf(&b, "\n%s could not be read and may have links that are not known.\n", count(n, "case"))
	}
	return b.String()
}

type linkedMsg struct{ links *linked }

// link finds what the cases have in common, beside the jobs: it needs only the
// inbox. Until that is known no case has links.
func (m *model) link() tea.Cmd {
	inbox := m.inbox
	m.linking.Add(1)
	return func() tea.Msg {
		defer m.linking.Done()
		l, err := newLinked(inbox)
		if err != nil {
			return linkedMsg{nil} // l says so when it is asked
		}
		return linkedMsg{l}
	}
}
