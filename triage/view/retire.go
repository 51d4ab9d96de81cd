package view

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"tocsin/triage"
)

// hold queues that a case is held, for a word that stands in the ledger and,
// after a slash, a text that is sealed.
func (w *work) hold(id, why string) (string, error) {
	rule, reason, _ := strings.Cut(strings.TrimSpace(why), "/")
	err := w.change(id, func(c *triage.Case) error {
		return w.Home.Hold(c, strings.TrimSpace(rule), strings.TrimSpace(reason))
	})
	return unlessSo("held, queued for push", err)
}

// release queues that a case is held no longer.
func (w *work) release(id string) (string, error) {
	err := w.change(id, func(c *triage.Case) error { return w.Home.Release(c) })
	return unlessSo("held no longer, queued for push", err)
}

// unlessSo is what was done, or that there was nothing to do.
func unlessSo(done string, err error) (string, error) {
	switch {
	case errors.Is(err, triage.ErrNoChange):
		return "the case says so already", nil
	case err != nil:
		return "", err
	}
	return done, nil
}

// purges says of each rule how far it lets a case be purged, and which of its
// bags stay.
func (w *work) purges(id string) (list []triage.Purgeable, copies []string, err error) {
	c, err := w.Home.Find(id)
	if err != nil {
		return nil, nil, err
	}
	if list, err = w.Home.Purges(c); err != nil {
		return nil, nil, err
	}
	copies, err = w.Home.Copies([]*triage.Case{c})
	return list, copies, err
}

// purge signs for a case to be purged. gone says that this destroys it once it
// is pushed, and that nothing is done in it any more.
func (w *work) purge(id, rule string) (said string, gone bool, err error) {
	var p *triage.Purging
	err = w.change(id, func(c *triage.Case) (err error) {
		p, err = w.Home.Purge(c, rule)
		return err
	})
	switch {
	case err != nil:
		return "", false, err
	case p.Purges:
		said = "the purge is signed by " + strings.Join(p.Proposed, ", ") + ", queued for push"
	case p.Queued != "":
		said = "proposed to be purged, queued for push; " + missing(p.Missing)
	default:
		said = "you proposed it before; " + missing(p.Missing)
	}
	return said, p.Purges, nil
}

func missing(n int) string { return count(n, "more case worker") + " must sign" }

// purgeLine says how far a rule is: "retention  from 2026-05-01, proposed by
// bob, 1 more case worker must sign".
func purgeLine(p *triage.Purgeable) string {
	var said []string
	if p.From != "" {
		said = append(said, "from "+p.From)
	}
	if len(p.Proposed) > 0 {
		said = append(said, "proposed by "+strings.Join(p.Proposed, ", "))
	}
	return p.Rule + "  " + strings.Join(append(said, missing(p.Missing)), ", ")
}

// purgeQuestion asks a case worker for their signature, and says what it does.
func purgeQuestion(p *triage.Purgeable, copies []string, me string) string {
	what := fmt.Sprintf("Propose to purge case %s under the rule %s?\n\nYou sign, and %s.", p.ID, p.Rule, missing(p.Missing-1))
	if p.Destroys(me) {
		what = fmt.Sprintf("DESTROY case %s under the rule %s?\n\nWith your signature enough have signed. Once it is pushed nobody opens the case again, and only the ledger keeps that there was one. What was handed over stays with whom it was handed to.", p.ID, p.Rule)
	}
	if !p.Told {
		what += "\n\nNobody was told of the case: it was not handed over."
	}
	if len(copies) > 0 {
		what += "\n\nThese copies stay, sealed to whom they are for, until you remove them:\n" + strings.Join(copies, "\n")
	}
	return what
}

// hold asks why a case is held, and holds it.
func (m *model) hold(id string) tea.Cmd {
	p := m.editor("Hold case "+id, "Nobody may purge it, and its witness can't withdraw it. Type a word, which stands in the ledger for all to read, so no names; and if you like a slash and a text, which is sealed: inquiry/The prosecutor asked.", "hold", func(text string) (string, string, func() (string, error)) {
		return "holding", id, func() (string, error) { return m.work.hold(id, text) }
	})
	p.several = false
	m.push(p)
	return nil
}

// release asks, and lets a case go that was held.
func (m *model) release(id string) tea.Cmd {
	m.push(&confirmPane{
		what: "Let case " + id + " go, so that it may be withdrawn and purged again? What was proposed before must be proposed anew.",
		yes: func(m *model) tea.Cmd {
			return m.change("releasing", id, func() (string, error) { return m.work.release(id) })
		},
	})
	return nil
}

// purge asks under which rule, and then for the signature.
func (m *model) purge(id string) tea.Cmd {
	var list []triage.Purgeable
	var copies []string
	return m.quickly("reading the ledger", func() (_ string, err error) {
		list, copies, err = m.work.purges(id)
		return "", err
	}, func(m *model) tea.Cmd {
		p := &choosePane{name: "Purge case " + id, help: "Under which rule? retention: nothing new has come for as long as a case is kept. request: the witness, or an authority, asked for it to be destroyed."}
		for _, one := range list {
			p.choices = append(p.choices, choice{value: one.Rule, label: purgeLine(&one)})
		}
		p.done = func(m *model, rule []string) tea.Cmd {
			i := slices.IndexFunc(list, func(one triage.Purgeable) bool { return one.Rule == rule[0] })
			m.push(&confirmPane{what: purgeQuestion(&list[i], copies, m.me), yes: func(m *model) tea.Cmd { return m.signPurge(id, rule[0], p) }})
			return nil
		}
		m.push(p)
		return nil
	})
}

func (m *model) signPurge(id, rule string, from pane) tea.Cmd {
	gone := false
	return m.quickly("signing", func() (said string, err error) {
		said, gone, err = m.work.purge(id, rule)
		return said, err
	}, func(m *model) tea.Cmd {
		m.close(from)
		if gone {
			m.closeCase(id)
		}
		return tea.Batch(m.again(id), m.refresh(nil))
	})
}

// hold holds the open case.
func (p *plain) hold(args string) error {
	if args == "" {
		return errors.New("a hold needs a word, which stands in the ledger for all to read; type hold inquiry, or hold inquiry/ and a text, which is sealed")
	}
	return p.change(func() (string, error) { return p.work.hold(p.id, typedText(args)) })
}

// purge says how far each rule is, or asks for the signature.
func (p *plain) purge(rule string) error {
	list, copies, err := p.work.purges(p.id)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(one triage.Purgeable) bool { return one.Rule == rule })
	if i < 0 {
		for _, one := range list {
			p.say("%s.", purgeLine(&one))
		}
		p.say("Type purge and the rule.")
		return nil
	}
	p.say("%s", purgeQuestion(&list[i], copies, p.me))
	if yes, err := p.agrees("sign"); err != nil || !yes {
		return err
	}
	id := p.id
	return p.change(func() (string, error) {
		said, gone, err := p.work.purge(id, rule)
		if gone {
			p.id = ""
		}
		return said, err
	})
}
