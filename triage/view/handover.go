package view

import (
	"strings"

	tea "charm.land/bubbletea/v2"

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
		"For each of them a sealed bag is put into the outbox, and the signed event is queued for push. The bag is then for triage deliver, or for you to bring as you agreed with them."
	if reason != "" {
		what += "\n\nReason: " + reason
	}
	return &confirmPane{what: what, yes: func(m *model) tea.Cmd {
		return m.change("sealing", id, func() (string, error) { return m.work.route(id, to, reason) }, panes...)
	}}
}
