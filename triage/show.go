package triage

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
	"tocsin/triage/screen"
)

// A Shown case is all of it but the contents of attachments. Texts in it are
// as the witness sent them: whoever puts them on a screen cleans them, as Write
// does.
type Shown struct {
	ID         string         `json:"case"`
	Day        string         `json:"day"`
	Altered    bool           `json:"altered"` // see ErrAltered
	Held       bool           `json:"held"`    // nobody may purge it
	Report     *report.Report `json:"report"`
	Files      []seal.File    `json:"files"`
	Messages   []ShownMessage `json:"messages"`
	HandedOver []ShownEvent   `json:"handed_over"`
	Desk       Desk           `json:"desk"`
}

// A ShownMessage is an addition of the witness or a reply.
type ShownMessage struct {
	Kind   string      `json:"kind"`
	Day    string      `json:"day"`
	By     string      `json:"by,omitempty"` // case worker
	Queued bool        `json:"queued,omitempty"`
	Text   string      `json:"text"`
	Files  []seal.File `json:"files,omitempty"`

	HandedTo []string `json:"handed_to,omitempty"` // of a reply: whom the witness was told
	Seen     string   `json:"seen,omitempty"`      // of a reply: the day by which the witness had read it, as they told
	Read     int      `json:"read,omitempty"`      // of an addition: how many replies the witness had read
	Problem  string   `json:"problem,omitempty"`   // of an addition: why it could not be read
}

// A ShownEvent is a hand-over or its acknowledgement.
type ShownEvent struct {
	Event       string `json:"event"`
	Destination string `json:"destination"`
	Day         string `json:"day"`
	By          string `json:"by"`
	Digest      string `json:"sha256"` // of the sealed bag
	Queued      bool   `json:"queued,omitempty"`
}

// Show opens a case and its messages. An addition that can't be read is shown
// as such: whoever took the intake over can add one, and must not keep anybody
// from the report with it.
func (h *Home) Show(c *Case) (*Shown, error) {
	o, err := h.openCase(c)
	if err != nil {
		return nil, err
	}
	s := &Shown{ID: c.ID.String(), Day: string(c.Day), Held: c.Held, Messages: []ShownMessage{}, HandedOver: []ShownEvent{}, Desk: *h.deskOf(o)}
	for _, e := range c.Messages {
		if e.Leaf.Kind == ledger.KindNote {
			continue // on the desk
		}
		m := ShownMessage{Kind: e.Leaf.Kind, Day: string(e.Leaf.Day), By: e.Leaf.By, Queued: e.Index < 0}
		msg, err := h.read(o, e, nil)
		if err != nil && e.Leaf.Kind == ledger.KindAddition {
			m.Problem = err.Error()
			s.Messages = append(s.Messages, m)
			continue
		}
		if err != nil {
			return nil, err
		}
		if e.Leaf.Kind == ledger.KindReport {
			if s.Report, err = parseReport(msg); err != nil {
				return nil, fmt.Errorf("case %s: %w", c.ID, err)
			}
			s.Files, s.Altered = msg.Files, o.altered(msg)
			continue
		}
		note, err := parseNote(msg)
		switch {
		case err == nil:
			m.Text, m.Files = note.Text, msg.Files
		case e.Leaf.Kind == ledger.KindAddition:
			m.Problem = err.Error()
		default:
			return nil, fmt.Errorf("case %s: %w", c.ID, err)
		}
		if err == nil && e.Leaf.Kind == ledger.KindReply {
			m.HandedTo = note.HandedTo
		}
		if err == nil && e.Leaf.Kind == ledger.KindAddition {
			m.Read = note.Seen
			s.seen(note.Seen, m.Day)
		}
		s.Messages = append(s.Messages, m)
	}
	for _, e := range c.Handed {
		s.HandedOver = append(s.HandedOver, ShownEvent{
			Event: string(e.Leaf.Event), Destination: e.Leaf.Destination, Day: string(e.Leaf.Done),
			By: e.Leaf.By, Digest: e.Leaf.Digest.String(), Queued: e.Index < 0,
		})
	}
	return s, nil
}

// seen notes on the first n replies that the witness had read them by that day.
func (s *Shown) seen(n int, day string) {
	for i := range s.Messages {
		m := &s.Messages[i]
		if m.Kind != ledger.KindReply {
			continue
		}
		if n--; n < 0 {
			return
		}
		if m.Seen == "" {
			m.Seen = day
		}
	}
}

// Write lays the case out for a terminal of 80 columns.
func (s *Shown) Write(w io.Writer) error {
	p := &layout{}
	p.line("case %s, received %s", s.ID, s.Day)
	if s.Altered {
		p.text("DO NOT REPLY: "+alteredText+".", "")
	}
	if s.Report.Danger.Now == report.Yes {
		p.line("A CHILD IS IN DANGER NOW")
	}
	if s.Held {
		p.line("held: nobody may purge it")
	}
	s.Desk.write(p)
	section := ""
	for _, f := range report.Fields() {
		values := s.Report.Get(f.Name)
		if len(values) == 0 && f.Name != "consent" {
			continue
		}
		if f.Section != section {
			section = f.Section
			p.title(sectionTitles[section])
		}
		if f.Name == "consent" {
			p.field(fieldLabels[f.Name], consentLabel(s.Report.Consent))
			continue
		}
		for i, v := range values {
			values[i] = valueLabel(f, v)
		}
		p.field(fieldLabels[f.Name], strings.Join(values, "\n"))
	}
	if len(s.Files) > 0 {
		p.title("Files (not opened)")
		p.files(s.Files)
	}
	for _, m := range s.Messages {
		who := "Addition by the witness"
		if m.Kind == ledger.KindReply {
			who = "Reply by " + m.By
		}
		p.title(who + ", " + m.Day + waiting(m.Queued))
		if m.Problem != "" {
			p.text("can't be read: "+m.Problem, "  ")
		}
		if m.Read > 0 && m.Text == "" {
			p.line("  the witness has read %d of the replies", m.Read)
		}
		p.text(m.Text, "  ")
		if m.Seen != "" {
			p.line("  read by the witness by %s", m.Seen)
		}
		for _, to := range m.HandedTo {
			p.line("  the witness was told: handed to %s", authorityLabel(to))
		}
		p.files(m.Files)
	}
	if len(s.HandedOver) > 0 {
		p.title("Handed over")
	}
	for _, e := range s.HandedOver {
		p.line("  %s %s on %s by %s%s", e.Event, e.Destination, e.Day, e.By, waiting(e.Queued))
	}
	s.Desk.writeNotes(p)
	_, err := io.WriteString(w, p.b.String())
	return err
}

func waiting(queued bool) string {
	if queued {
		return " (queued: type triage push)"
	}
	return ""
}

// layout collects cleaned lines. It is the only way from a report's text to
// Write's output.
type layout struct{ b strings.Builder }

const columns = 78

// line writes one line; what is put into it is cleaned.
func (p *layout) line(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	indent := s[:len(s)-len(strings.TrimLeft(s, " "))]
	p.b.WriteString(indent + screen.Line(s) + "\n")
}

func (p *layout) title(s string) { p.b.WriteString("\n" + screen.Line(s) + "\n") }

// field writes a label and a value beside it, or below it if it is long.
func (p *layout) field(label, value string) {
	const width = 26
	value = screen.Text(value)
	if !strings.Contains(value, "\n") && width+2+utf8.RuneCountInString(value) <= columns {
		fmt.Fprintf(&p.b, "  %-*s %s\n", width-2, label, value)
		return
	}
	fmt.Fprintf(&p.b, "  %s\n", label)
	p.text(value, "      ")
}

func (p *layout) files(files []seal.File) {
	for _, f := range files {
		p.line("  %s  %s  %s, %d bytes", f.Path, shownName(f.Name), f.Type, f.Size)
	}
}

func shownName(name string) string {
	if name = screen.Line(name); name == "" {
		return "(no name)"
	}
	return name
}

// text writes text of several lines, wrapped between words.
func (p *layout) text(s, indent string) {
	for line := range strings.Lines(screen.Text(s)) {
		width := 0
		p.b.WriteString(indent)
		for i, word := range strings.Fields(line) {
			n := utf8.RuneCountInString(word)
			switch {
			case i == 0:
			case len(indent)+width+1+n > columns:
				p.b.WriteString("\n" + indent)
				width = 0
			default:
				p.b.WriteByte(' ')
				width++
			}
			p.b.WriteString(word)
			width += n
		}
		p.b.WriteByte('\n')
	}
}
