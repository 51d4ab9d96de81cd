package view

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	tea "charm.land/bubbletea/v2"

	"tocsin/report"
	"tocsin/triage"
)

// quickly starts a short job of which the answer is a sentence, or nothing.
func (m *model) quickly(what string, do func() (string, error), then func(*model) tea.Cmd) tea.Cmd {
	return m.start(&job{
		what: what, quick: true,
		do: func(context.Context) (func(*model) tea.Cmd, error) {
			said, err := do()
			return func(m *model) tea.Cmd {
				if said != "" {
					m.say(said)
				}
				return then(m)
			}, err
		},
	})
}

// change starts a job that changes a case. When it is done, and only then, the
// panes go in which it was prepared; the case and the list are read again.
func (m *model) change(what, id string, do func() (string, error), panes ...pane) tea.Cmd {
	return m.quickly(what, do, func(m *model) tea.Cmd {
		for _, p := range panes {
			m.close(p)
		}
		return tea.Batch(m.again(id), m.refresh(nil))
	})
}

// open shows a case.
func (m *model) open(id string) tea.Cmd {
	return m.read(id, func(m *model, name, text string) {
		m.push(&textPane{name: name, text: text, id: id})
	})
}

// again reads a case anew that is open.
func (m *model) again(id string) tea.Cmd {
	for _, p := range m.panes {
		if t, ok := p.(*textPane); ok && t.id == id && t.enter == nil {
			return m.read(id, func(_ *model, name, text string) { t.name, t.text = name, text })
		}
	}
	return nil
}

// againOpen reads anew the case that is open, if one is.
func (m *model) againOpen() tea.Cmd {
	for _, p := range m.panes {
		if t, ok := p.(*textPane); ok && t.id != "" {
			return m.again(t.id)
		}
	}
	return nil
}

// read opens a case for show. What can't be opened, or not any more because it
// was destroyed, doesn't stay on the screen.
func (m *model) read(id string, show func(m *model, name, text string)) tea.Cmd {
	return m.start(&job{
		what: "opening", quick: true,
		failed: func(m *model) tea.Cmd {
			m.closeCase(id)
			return nil
		},
		do: func(context.Context) (func(*model) tea.Cmd, error) {
			text, problem, err := m.work.open(id)
			return func(m *model) tea.Cmd {
				name, text, _ := strings.Cut(text, "\n")
				show(m, name, text)
				if problem != "" {
					m.status, m.wrong = problem, true
				}
				return m.refresh(nil)
			}, err
		},
	})
}

// act does what a key says, in the list and in an open case, with the case of
// that ID. Those keys that are about no case take none.
func (m *model) act(name, id string) tea.Cmd {
	switch name {
	case "g":
		return m.network("pulling", m.work.pull)
	case "P":
		return m.network("pushing", m.work.push)
	case "D":
		return m.network("delivering", m.work.deliver)
	case "L":
		return m.lock()
	case "?":
		m.push(&textPane{name: "Keys", text: keys})
		return nil
	}
	if id == "" {
		return nil
	}
	switch name {
	case "a":
		return m.assign(id, m.me)
	case "A":
		return m.chooseWorker(id)
	case "n":
		m.push(m.editor("Note in case "+id, "Case workers read it; no witness does, and it is handed to nobody.", "save", func(text string) (string, string, func() (string, error)) {
			return "sealing the note", id, func() (string, error) { return m.work.note(id, &triage.Note{Text: text}) }
		}))
	case "r":
		m.push(m.editor("Reply in case "+id, fmt.Sprintf("The witness reads it when they come back. At most %d characters. It is sealed and queued; P pushes it.", report.MaxMessage), "send", func(text string) (string, string, func() (string, error)) {
			return "sealing the reply", id, func() (string, error) { return m.work.reply(id, text) }
		}))
	case "m":
		p := m.editor("Marks of case "+id, "Type the marks to put on, and those to take off with a hyphen before them: urgent -doubt. The mark "+triage.MarkSealed+" keeps every file of the case closed here.", "save", func(text string) (string, string, func() (string, error)) {
			return "marking", id, func() (string, error) { return m.work.note(id, marks(text)) }
		})
		p.several = false
		m.push(p)
	case "p":
		return m.propose(id)
	case "t":
		return m.chooseTold(id)
	case "h":
		return m.hold(id)
	case "H":
		return m.release(id)
	case "X":
		return m.purge(id)
	case "f":
		return m.show("Files of case "+id, id, m.work.files)
	case "l":
		if m.links == nil {
			m.say("what the cases have in common is not known yet; try again")
			return nil
		}
		m.push(&textPane{name: "Links of case " + id, text: m.links.text(id)})
	}
	return nil
}

// typing finds what an error says to type, where a key does the same.
var typing = regexp.MustCompile(`type: triage (pull|push|release [0-9a-z]+)([,;.]|$)`)

// keyed names the key in place of what an error says to type.
func keyed(said string) string {
	return typing.ReplaceAllStringFunc(said, func(found string) string {
		parts := typing.FindStringSubmatch(found)
		verb, _, _ := strings.Cut(parts[1], " ")
		return "press " + map[string]string{"pull": "g", "push": "P", "release": "H"}[verb] + parts[2]
	})
}

// editor returns a pane for text; with returns the change that the text makes.
func (m *model) editor(name, help, verb string, with func(text string) (what, id string, do func() (string, error))) *editPane {
	p := &editPane{name: name, help: help, verb: verb, several: true}
	p.send = func(m *model, text string) tea.Cmd {
		what, id, do := with(text)
		return m.change(what, id, do, p)
	}
	return p
}

// show opens text about a case.
func (m *model) show(name, id string, text func(id string) (string, error)) tea.Cmd {
	shown := ""
	return m.quickly("opening", func() (_ string, err error) {
		shown, err = text(id)
		return "", err
	}, func(m *model) tea.Cmd {
		m.push(&textPane{name: name, text: shown})
		return nil
	})
}

func (m *model) assign(id, to string, panes ...pane) tea.Cmd {
	return m.change("assigning", id, func() (string, error) {
		return m.work.note(id, &triage.Note{Assign: to})
	}, panes...)
}

// chooseWorker asks to whom a case is assigned.
func (m *model) chooseWorker(id string) tea.Cmd {
	var names []string
	return m.quickly("reading the roster", func() (_ string, err error) {
		names, err = m.work.workers()
		return "", err
	}, func(m *model) tea.Cmd {
		p := &choosePane{name: "Assign case " + id, help: "To whom?"}
		for _, n := range names {
			p.choices = append(p.choices, choice{value: n, label: n})
		}
		p.choices = append(p.choices, choice{value: triage.Nobody, label: "nobody"})
		p.done = func(m *model, to []string) tea.Cmd { return m.assign(id, to[0], p) }
		m.push(p)
		return nil
	})
}

// network starts a pull, a push or a delivery.
func (m *model) network(what string, do func(context.Context, teller) (string, error)) tea.Cmd {
	return m.start(&job{
		what: what, long: true,
		do: func(ctx context.Context) (func(*model) tea.Cmd, error) {
			said, err := do(ctx, m.tell)
			return func(m *model) tea.Cmd {
				m.say(said)
				return tea.Batch(m.refresh((*model).link), m.againOpen())
			}, err
		},
		// What came before it failed is here.
		failed: func(m *model) tea.Cmd { return tea.Batch(m.refresh((*model).link), m.againOpen()) },
	})
}
