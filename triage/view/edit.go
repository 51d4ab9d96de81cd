package view

import (
	"errors"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"tocsin/triage/screen"
)

var errNoPassphrase = errors.New("no passphrase was typed")

// A field is text that is typed, and where the next character goes.
type field struct {
	text string
	at   int // bytes
}

// key changes a field of one line. It reports whether the text is another.
func (f *field) key(c cells, k key) bool {
	before := f.text
	switch k.name {
	case "left":
		f.at = c.before(f.text, f.at)
	case "right":
		f.at = c.after(f.text, f.at)
	case "home", "ctrl+a":
		f.at = 0
	case "end", "ctrl+e":
		f.at = len(f.text)
	case "backspace":
		from := c.before(f.text, f.at)
		f.text, f.at = f.text[:from]+f.text[f.at:], from
	case "delete":
		f.text = f.text[:f.at] + f.text[c.after(f.text, f.at):]
	case "ctrl+u":
		f.text, f.at = f.text[f.at:], 0
	default:
		f.insert(strings.ReplaceAll(typedText(k.text), "\n", " "))
	}
	return f.text != before
}

func (f *field) insert(s string) {
	f.text = f.text[:f.at] + s + f.text[f.at:]
	f.at += len(s)
}

// draw returns the field in one line that ends at the right edge, with the part
// around the cursor, and the column in which that stands.
func (f *field) draw(a area, left, right int) (string, int) {
	room := max(1, right-left-1)
	start := 0
	for a.method.StringWidth(clean(f.text[start:f.at])) > room {
		start = a.after(f.text, start)
	}
	shown := a.cut(clean(f.text[start:]), room)
	return shown, left + a.method.StringWidth(clean(f.text[start:f.at]))
}

// before returns where the character begins that ends at a place in s.
func (c cells) before(s string, at int) int {
	prev := 0
	for next := 0; next < at; {
		prev = next
		next = c.after(s, next)
	}
	return prev
}

// after returns where the character ends that begins at a place in s.
func (c cells) after(s string, at int) int {
	if at >= len(s) {
		return len(s)
	}
	if s[at] == '\n' {
		return at + 1
	}
	cluster, _ := ansi.FirstGraphemeCluster(s[at:], c.method)
	return at + max(1, len(cluster))
}

// An editPane takes text: one line, or several.
type editPane struct {
	name, help string
	field
	several bool
	send    func(*model, string) tea.Cmd
	verb    string // what Ctrl-S does

	width int // in which the rows were drawn
	top   int // the row at the top
}

func (p *editPane) empty() bool { return strings.TrimSpace(p.text) == "" }

func (p *editPane) title(*model) string { return " " + p.name }

func (p *editPane) hint() string {
	if p.several {
		return "Ctrl-S " + p.verb + "  Enter new line  Esc leave"
	}
	return "Enter " + p.verb + "  Esc leave"
}

// typedRows breaks the text into the rows of the screen.
func (p *editPane) typedRows(c cells, width int) []row {
	var all []row
	start := 0
	for line := range strings.SplitSeq(p.text, "\n") {
		for _, r := range c.rows(line, width) {
			all = append(all, row{start + r.from, start + r.to})
		}
		start += len(line) + 1
	}
	return all
}

// place says in which row and column the cursor stands.
func (p *editPane) place(c cells, rows []row) (y, x int) {
	for y = len(rows) - 1; y > 0 && rows[y].from > p.at; y-- {
	}
	return y, c.method.StringWidth(clean(p.text[rows[y].from:p.at]))
}

func (p *editPane) draw(_ *model, a area) ([]string, int, int) {
	var lines []string
	for _, line := range a.wrap(p.help, a.w-2) {
		lines = append(lines, " "+line)
	}
	lines = append(lines, strings.Repeat("-", a.w))
	p.width = a.w - 3
	rows := p.typedRows(a.cells, p.width)
	y, x := p.place(a.cells, rows)
	room := max(1, a.h-len(lines))
	p.top = min(max(p.top, y-room+1), y)
	above := len(lines)
	for _, r := range rows[p.top:min(len(rows), p.top+room)] {
		lines = append(lines, " "+clean(p.text[r.from:r.to]))
	}
	return lines, x + 1, above + y - p.top
}

func (p *editPane) key(m *model, k key) tea.Cmd {
	c := m.size.cells
	switch {
	case k.name == "esc" && p.empty():
		m.close(p)
	case k.name == "esc":
		m.push(&confirmPane{
			what: "Throw away what was typed?",
			yes: func(m *model) tea.Cmd {
				m.close(p)
				m.say("thrown away; nothing was sent")
				return nil
			},
		})
	case k.name == "ctrl+s" && p.several, k.name == "enter" && !p.several:
		if p.empty() {
			m.say("nothing was typed yet")
			return nil
		}
		return p.send(m, p.text)
	case !p.several:
		p.field.key(c, k)
	case k.name == "enter":
		p.insert("\n")
	case k.name == "up" || k.name == "down":
		p.vertical(c, k.name == "up")
	case k.name == "home" || k.name == "end":
		rows := p.typedRows(c, max(1, p.width))
		y, _ := p.place(c, rows)
		if p.at = rows[y].from; k.name == "end" {
			p.at = rows[y].to
		}
	case k.text != "":
		p.insert(typedText(k.text))
	default:
		p.field.key(c, k)
	}
	return nil
}

// vertical moves to the same column of the next row.
func (p *editPane) vertical(c cells, up bool) {
	rows := p.typedRows(c, max(1, p.width))
	y, x := p.place(c, rows)
	if up {
		y--
	} else {
		y++
	}
	if y < 0 || y >= len(rows) {
		return
	}
	r := rows[y]
	p.at = r.from + len(c.cut(p.text[r.from:r.to], x))
}

// typedText returns what of s may stand in a text that a person writes: no
// character that acts on a terminal, and the joiners that some scripts need.
func typedText(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\u200c' || r == '\u200d' || r == '\ufe0f':
			return r
		case r == '\n' || screen.Text(string(r)) == "\n":
			return '\n'
		case r == '\t':
			return ' '
		case screen.Text(string(r)) != string(r):
			return -1
		}
		return r
	}, s)
}
