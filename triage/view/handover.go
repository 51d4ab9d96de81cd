package view

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/triage"
)

// propose shows what the rules say, and goes on to handing over.
func (m *model) propose(id string) tea.Cmd {
	var proposed *triage.Proposed
	var text string
	return m.quickly("trying the rules", func() (_ string, err error) {
		proposed, text, err = m.work.propose(id)
		return "", err
	}, func(m *model) tea.Cmd {
		p := &textPane{name: "Proposed for case " + id, text: text, does: "choose to whom it goes"}
		p.enter = func(m *model) tea.Cmd { return m.chooseDestinations(id, proposed, p) }
		m.push(p)
		return nil
	})
}

// chooseDestinations asks to whom a case is handed over. What is proposed is
// chosen beforehand.
func (m *model) chooseDestinations(id string, proposed *triage.Proposed, from pane) tea.Cmd {
	list, err := m.work.destinations()
	if err != nil {
		m.fail(err)
		return nil
	}
	p := &choosePane{
		name: "Hand over case " + id, several: true,
		help: "To whom? What the rules propose is chosen. Anybody else may need a reason, which leaves with the case.",
	}
	for _, d := range list {
		c := choice{value: d.Name, label: d.Name + "  " + d.Title}
		if why := proposedAs(proposed, d.Name); why != "" {
			c.on, c.label = true, c.label+"  ("+why+")"
		}
		p.choices = append(p.choices, c)
	}
	p.done = func(m *model, to []string) tea.Cmd {
		needed, said, err := needsReason(proposed, to)
		if err != nil {
			m.fail(err)
			return nil
		}
		if !needed {
			m.push(m.confirmRoute(id, to, "", from, p))
			return nil
		}
		m.push(&editPane{
			name: "Reason for handing over case " + id, verb: "go on",
			help: said + ". It leaves with the case.",
			send: func(m *model, reason string) tea.Cmd {
				m.push(m.confirmRoute(id, to, reason, from, p, m.top()))
				return nil
			},
		})
		return nil
	}
	m.push(p)
	return nil
}

func (m *model) confirmRoute(id string, to []string, reason string, panes ...pane) *confirmPane {
	what := "Hand case " + id + " over to " + strings.Join(to, ", ") + "?\n\n" +
		"For each of them a sealed bag is put into the outbox, and the signed event is queued for push. The bag is then for triage deliver, or for you to bring as you agreed with them. The witness is told of it with t, if you want."
	if reason != "" {
		what += "\n\nReason: " + reason
	}
	return &confirmPane{what: what, yes: func(m *model) tea.Cmd {
		return m.change("sealing", id, func() (string, error) { return m.work.route(id, to, reason) }, panes...)
	}}
}

// handedTo lists the authorities, of report.Authorities, that a case was handed
// over to as far as the roster says what they are.
func (w *work) handedTo(id string) ([]string, error) {
	c, err := w.Home.Find(id)
	if err != nil {
		return nil, err
	}
	r, err := w.Home.Roster()
	if err != nil {
		return nil, err
	}
	var kinds []string
	routed := false
	for _, e := range c.Handed {
		if e.Leaf.Event != ledger.EventHandedOver {
			continue
		}
		routed = true
		if d := r.Destination(e.Leaf.Destination); d != nil && d.Kind != "" && !slices.Contains(kinds, d.Kind) {
			kinds = append(kinds, d.Kind)
		}
	}
	if !routed {
		return nil, fmt.Errorf("case %s was handed over to nobody yet", id)
	}
	return kinds, nil
}

// tellWitness queues a reply that says to whom a case was handed, in general
// terms, as triage route --tell does.
func (w *work) tellWitness(id string, to []string) (string, error) {
	err := w.change(id, func(c *triage.Case) error {
		_, err := w.Home.Tell(c, to)
		return err
	})
	switch {
	case errors.Is(err, triage.ErrTold):
		return triage.ErrTold.Error(), nil
	case err != nil:
		return "", err
	}
	return "the witness is told: handed to " + strings.Join(to, ", ") + ", queued for push", nil
}

// chooseTold asks what the witness is told of a hand-over.
func (m *model) chooseTold(id string) tea.Cmd {
	var handed []string
	return m.quickly("opening", func() (_ string, err error) {
		handed, err = m.work.handedTo(id)
		return "", err
	}, func(m *model) tea.Cmd {
		p := &choosePane{
			name: "Tell the witness of case " + id, several: true,
			help: "To whom was it handed? The witness reads it, in their language and in general terms, when they come back. Those that the roster says it went to are chosen.",
		}
		for _, a := range report.Authorities() {
			p.choices = append(p.choices, choice{value: a, label: a, on: slices.Contains(handed, a)})
		}
		p.done = func(m *model, to []string) tea.Cmd {
			return m.change("sealing the reply", id, func() (string, error) { return m.work.tellWitness(id, to) }, p)
		}
		m.push(p)
		return nil
	})
}
