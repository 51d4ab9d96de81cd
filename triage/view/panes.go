package view

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"tocsin/triage/screen"
)

// A textPane shows text that scrolls.
type textPane struct {
	name  string
	text  string
	id    string // of the case on which the keys act, or empty
	enter func(*model) tea.Cmd
	does  string // what Enter does

	top, last int // rows: at the top, and the last that may be
	page      int
}

func (p *textPane) title(*model) string { return " " + p.name }

func (p *textPane) hint() string {
	var parts []string
	if p.enter != nil {
		parts = append(parts, "Enter "+p.does)
	}
	parts = append(parts, "PgDn PgUp scroll", "Esc back")
	if p.id != "" {
		parts = append(parts, "a take  n note  m mark  p propose  r reply  ? keys")
	}
	return strings.Join(parts, "  ")
}

func (p *textPane) draw(_ *model, a area) ([]string, int, int) {
	lines := a.wrap(p.text, a.w-2)
	p.page, p.last = a.h-1, max(0, len(lines)-a.h)
	p.top = min(p.top, p.last)
	var shown []string
	for _, line := range lines[p.top:min(len(lines), p.top+a.h)] {
		shown = append(shown, styled(standing(line), " "+line))
	}
	if p.top < p.last {
		shown[len(shown)-1] = styled(faint, a.line(" … more below (PgDn)", a.w))
	}
	return shown, -1, -1
}

// standing says how a line of a case stands out. The layout begins no line of
// a report's text at the margin.
func standing(line string) string {
	switch {
	case strings.HasPrefix(line, "A CHILD IS IN DANGER"), strings.HasPrefix(line, "DO NOT REPLY"), strings.HasPrefix(line, "URGENT"):
		return alarm
	case line != "" && !strings.HasPrefix(line, " "):
		return bold
	}
	return ""
}

func (p *textPane) key(m *model, k key) tea.Cmd {
	switch k.name {
	case "up", "k":
		p.top--
	case "down", "j":
		p.top++
	case "pgup":
		p.top -= p.page
	case "pgdown", "space":
		p.top += p.page
	case "home":
		p.top = 0
	case "end":
		p.top = p.last
	case "esc", "q":
		m.close(p)
	case "enter":
		if p.enter != nil {
			return p.enter(m)
		}
	default:
		if p.id != "" {
			return m.act(k.name, p.id)
		}
	}
	p.top = max(0, min(p.top, p.last))
	return nil
}

// A choice is one of those to choose from.
type choice struct {
	value, label string
	on           bool
}

// A choosePane lets one or several be chosen.
type choosePane struct {
	name, help string
	choices    []choice
	several    bool
	done       func(*model, []string) tea.Cmd
	at, first  int
}

func (p *choosePane) title(*model) string { return " " + p.name }

func (p *choosePane) hint() string {
	if p.several {
		return "Up Down move  Space choose  Enter go on with those chosen  Esc back"
	}
	return "Up Down move  Enter choose  Esc back"
}

func (p *choosePane) draw(_ *model, a area) ([]string, int, int) {
	var lines []string
	for _, line := range a.wrap(p.help, a.w-2) {
		lines = append(lines, " "+line)
	}
	lines = append(lines, "")
	room := max(1, a.h-len(lines))
	p.first = min(max(p.first, p.at-room+1), p.at)
	for i := p.first; i < min(len(p.choices), p.first+room); i++ {
		c := p.choices[i]
		mark := "  "
		if i == p.at {
			mark = "> "
		}
		if p.several {
			box := "[ ] "
			if c.on {
				box = "[x] "
			}
			mark += box
		}
		line := mark + a.line(c.label, a.w-len(mark))
		if i == p.at {
			line = styled(reverse, line)
		}
		lines = append(lines, line)
	}
	return lines, -1, -1
}

func (p *choosePane) key(m *model, k key) tea.Cmd {
	switch k.name {
	case "up", "k":
		p.at = max(0, p.at-1)
	case "down", "j":
		p.at = max(0, min(p.at+1, len(p.choices)-1))
	case "space":
		if p.several && p.at < len(p.choices) {
			p.choices[p.at].on = !p.choices[p.at].on
		}
	case "esc", "q":
		m.close(p)
	case "enter":
		var chosen []string
		for i, c := range p.choices {
			if p.several && c.on || !p.several && i == p.at {
				chosen = append(chosen, c.value)
			}
		}
		if len(chosen) == 0 {
			m.say("nothing is chosen: Space chooses")
			return nil
		}
		return p.done(m, chosen)
	}
	return nil
}

// A confirmPane asks before something is done.
type confirmPane struct {
	what string
	yes  func(*model) tea.Cmd
}

func (p *confirmPane) title(*model) string { return " Please confirm" }
func (p *confirmPane) hint() string        { return "y yes  n no" }

func (p *confirmPane) draw(_ *model, a area) ([]string, int, int) {
	var lines []string
	for _, line := range a.wrap(p.what, a.w-2) {
		lines = append(lines, " "+line)
	}
	return append(lines, "", " y: yes    n: no"), -1, -1
}

func (p *confirmPane) key(m *model, k key) tea.Cmd {
	switch k.name {
	case "y":
		m.close(p)
		return p.yes(m)
	case "n", "esc":
		m.close(p)
	}
	return nil
}

// A secretPane asks for a passphrase and hides all else.
type secretPane struct {
	prompt string
	text   field
	answer chan<- string
	locked bool // the screen is, and what is typed is not for a job
}

func newSecretPane(ask askMsg) *secretPane {
	return &secretPane{prompt: screen.Line(ask.prompt), answer: ask.answer}
}

func newLockPane() *secretPane {
	return &secretPane{prompt: "Passphrase (Enter alone if your key has none)", locked: true}
}

func (p *secretPane) title(*model) string { return " Tocsin  locked" }

func (p *secretPane) hint() string {
	if p.locked {
		return "Enter unlock  Ctrl-C quit"
	}
	return "Enter go on  Esc not now  Ctrl-C quit"
}

func (p *secretPane) draw(_ *model, a area) ([]string, int, int) {
	lines := []string{""}
	for _, line := range a.wrap(p.prompt+":", a.w-2) {
		lines = append(lines, " "+line)
	}
	// How long it is, is nobody's to see.
	return append(lines, " "), 1, len(lines)
}

func (p *secretPane) key(m *model, k key) tea.Cmd {
	switch {
	case k.name == "enter" && p.locked:
		m.work.given, p.text = p.text.text, field{}
		return m.load()
	case k.name == "enter":
		m.close(p)
		p.answer <- p.text.text
		close(p.answer)
	case k.name == "esc" && !p.locked:
		m.close(p)
		close(p.answer)
	default:
		p.text.key(m.size.cells, k)
	}
	return nil
}

// ask is what the home calls for a passphrase, from a job.
func (m *model) ask(prompt string) (string, error) {
	if s := m.work.given; s != "" {
		m.work.given = ""
		return s, nil
	}
	answer := make(chan string, 1)
	m.send(askMsg{prompt, answer})
	select {
	case s := <-answer:
		if s == "" {
			return "", errNoPassphrase
		}
		return s, nil
	case <-m.ctx.Done():
		return "", m.ctx.Err()
	}
}
