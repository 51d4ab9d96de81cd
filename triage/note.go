package triage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
	"tocsin/seal/roster"
	"tocsin/triage/screen"
)

// A Note is what case workers say to each other in a case and decide about it.
// It is sealed to the case key alone: no witness reads it, and it leaves for no
// destination but for its decision.
type Note struct {
	Day string `json:"day"` // by its writer's clock, as signed
	By  string `json:"by"`  // who signed it

	Text     string    `json:"text,omitempty"`
	Assign   string    `json:"assign,omitempty"` // a case worker, or Nobody; empty leaves it
	Mark     []string  `json:"mark,omitempty"`   // put on the case
	Unmark   []string  `json:"unmark,omitempty"` // taken off it, before Mark
	Decision *Decision `json:"decision,omitempty"`

	Queued  bool   `json:"queued,omitempty"`
	Problem string `json:"problem,omitempty"` // why it can't be read; then it says nothing
}

// A Decision is to whom a case goes and why.
type Decision struct {
	Rules    string          `json:"rules"`              // version of the rules
	Proposed json.RawMessage `json:"proposed,omitempty"` // what the rules proposed, as package rules writes it
	To       []string        `json:"to"`                 // destinations
	Reason   string          `json:"reason,omitempty"`   // the case worker's own, where it is not what was proposed
}

// Nobody is what a case is assigned to that was nobody's before and is again.
const Nobody = "-"

// MarkSealed marks a case of which nothing is extracted here: what the witness
// attached is handed over as it is sealed.
const MarkSealed = "hand-over-sealed"

// Limits of a note, which keep a case quick to open. A text has at most
// report.MaxMessage characters, a reason the same.
const (
	maxMarks = 32        // in one note
	maxNote  = 256 << 10 // bytes of its JSON form
)

const noteVersion = 1

var (
	// ErrNoChange means that the case says already what a note would add.
	ErrNoChange = errors.New("the case says so already")
	// errNote is for a note that is not one.
	errNote = errors.New("malformed note")
)

// validate checks the form of a note, of whoever it comes.
func (n *Note) validate() error {
	if n.Text == "" && n.Assign == "" && len(n.Mark)+len(n.Unmark) == 0 && n.Decision == nil {
		return fmt.Errorf("%w: it says nothing", errNote)
	}
	if n.Assign != "" && n.Assign != Nobody && !roster.ValidName(n.Assign) {
		return fmt.Errorf("%w: %q is not the name of a case worker", errNote, n.Assign)
	}
	marks := slices.Concat(n.Mark, n.Unmark)
	if len(marks) > maxMarks {
		return fmt.Errorf("%w: %d marks, and %d is the most", errNote, len(marks), maxMarks)
	}
	for _, m := range marks {
		if !roster.ValidName(m) {
			return fmt.Errorf("%w: a mark is 1 to 32 lower-case letters, digits and hyphens, and %q is not", errNote, m)
		}
	}
	texts := []string{n.Text}
	if d := n.Decision; d != nil {
		texts = append(texts, d.Reason)
		for _, to := range d.To {
			if !roster.ValidName(to) {
				return fmt.Errorf("%w: %q is not the name of a destination", errNote, to)
			}
		}
	}
	for _, s := range texts {
		if utf8.RuneCountInString(s) > report.MaxMessage {
			return fmt.Errorf("%w: a text has at most %d characters", errNote, report.MaxMessage)
		}
	}
	return nil
}

// marshal returns the note.json of a sealed note.
func (n *Note) marshal() ([]byte, error) {
	said := *n
	said.Queued, said.Problem = false, ""
	body, err := json.Marshal(struct {
		Version int `json:"version"`
		*Note
	}{noteVersion, &said})
	if err == nil && len(body) > maxNote {
		err = fmt.Errorf("%w: larger than %d bytes", errNote, maxNote)
	}
	return body, err
}

// unmarshalNote reads what marshal wrote. Fields that it does not know are
// passed over: they say more, and a version that says something else has
// another number.
func unmarshalNote(body []byte) (*Note, error) {
	if len(body) > maxNote {
		return nil, fmt.Errorf("%w: larger than %d bytes", errNote, maxNote)
	}
	var form struct {
		Version int `json:"version"`
		Note
	}
	if err := json.Unmarshal(body, &form); err != nil {
		return nil, fmt.Errorf("%w: %w", errNote, err)
	}
	if form.Version != noteVersion {
		return nil, fmt.Errorf("a note of version %d: %w", form.Version, ErrVersion)
	}
	n := form.Note
	n.Queued, n.Problem = false, ""
	if err := n.validate(); err != nil {
		return nil, err
	}
	return &n, nil
}

// A Desk is where the work on a case stands, as its notes say.
type Desk struct {
	Assigned string   `json:"assigned,omitempty"` // a case worker
	Marks    []string `json:"marks"`              // sorted
	Notes    []Note   `json:"notes"`              // oldest first
}

// Marked reports whether the case bears a mark.
func (d *Desk) Marked(mark string) bool { return slices.Contains(d.Marks, mark) }

// take puts the next note on the desk. Of two that contradict each other the
// one that entered the ledger later counts; what is queued comes after both.
func (d *Desk) take(n Note) {
	d.Notes = append(d.Notes, n)
	switch n.Assign {
	case "":
	case Nobody:
		d.Assigned = ""
	default:
		d.Assigned = n.Assign
	}
	d.Marks = slices.DeleteFunc(slices.Clone(d.Marks), func(m string) bool { return slices.Contains(n.Unmark, m) })
	d.Marks = append(d.Marks, n.Mark...)
	slices.Sort(d.Marks)
	d.Marks = slices.Compact(d.Marks)
}

// changes reports whether n would say anything new. A text that the same
// person wrote on the same day just before is a command that was repeated.
func (d *Desk) changes(n *Note) bool {
	if last := len(d.Notes) - 1; last >= 0 {
		before, err := d.Notes[last].marshal()
		again, err2 := n.marshal()
		if err == nil && err2 == nil && bytes.Equal(before, again) {
			return false
		}
	}
	if n.Text != "" || n.Decision != nil {
		return true
	}
	after := &Desk{Assigned: d.Assigned, Marks: d.Marks}
	after.take(*n)
	return after.Assigned != d.Assigned || !slices.Equal(after.Marks, d.Marks)
}

// deskOf opens a case's notes. One that can't be read is there with its problem:
// it keeps nobody from the report.
func (h *Home) deskOf(o *opened) *Desk {
	d := &Desk{Marks: []string{}, Notes: []Note{}}
	for _, e := range o.Messages {
		if e.Leaf.Kind != ledger.KindNote {
			continue
		}
		n, err := h.note(o, e)
		if err != nil {
			n = &Note{Problem: screen.Line(err.Error())}
		}
		// The leaf is signed; what stands inside could say anything.
		n.Day, n.By, n.Queued = string(e.Leaf.Done), e.Leaf.By, e.Index < 0
		d.take(*n)
	}
	return d
}

func (h *Home) note(o *opened, e Entry) (*Note, error) {
	msg, err := h.read(o, e, nil)
	if err != nil {
		return nil, err
	}
	return unmarshalNote(msg.Body)
}

// AddNote seals a note to the case and queues it for push; Day and By are set
// to today and this home's worker, and its text is normalised as a reply's is.
// It returns ErrNoChange if the case says all of it already. The caller holds
// the lock.
func (h *Home) AddNote(c *Case, n *Note) (queued string, err error) {
	r, err := h.Roster()
	if err != nil {
		return "", err
	}
	card, err := h.Card()
	if err != nil {
		return "", err
	}
	own := *n
	own.Day, own.By, own.Queued, own.Problem = string(h.today()), card.Name, false, ""
	if own.Text != "" {
		said, err := report.NewMessage("", "", own.Text)
		if err != nil {
			return "", fmt.Errorf("the note: %w", err)
		}
		own.Text = said.Text
	}
	if err := own.validate(); err != nil {
		return "", err
	}
	if own.Assign != "" && own.Assign != Nobody && r.Worker(own.Assign) == nil {
		return "", fmt.Errorf("%q is not a case worker of roster %d; there are: %s", own.Assign, r.Number, workerNames(r))
	}
	o, err := h.open(c, r)
	if err != nil {
		return "", err
	}
	if !h.deskOf(o).changes(&own) {
		return "", fmt.Errorf("case %s: %w", c.ID, ErrNoChange)
	}
	body, err := own.marshal()
	if err != nil {
		return "", fmt.Errorf("the note: %w", err)
	}
	defer clear(body)
	var sealed bytes.Buffer
	w, err := seal.NewMessage(&sealed, o.context(ledger.KindNote), body, o.key.Recipient())
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return "", fmt.Errorf("sealing the note: %w", err)
	}
	return h.enqueue(&ledger.Leaf{
		Event: ledger.EventMessage, Kind: ledger.KindNote, Case: c.ID,
		Size: int64(sealed.Len()), Digest: digestOf(sealed.Bytes()),
	}, sealed.Bytes())
}

func workerNames(r *roster.Signed) string {
	names := ""
	for i, w := range r.Workers {
		if i > 0 {
			names += ", "
		}
		names += w.Name
	}
	return names
}

// write says how the work stands, for the top of a case.
func (d *Desk) write(p *layout) {
	if d.Assigned != "" {
		p.line("assigned to %s", d.Assigned)
	}
	if len(d.Marks) > 0 {
		p.line("marked %s", strings.Join(d.Marks, ", "))
	}
}

// writeNotes lays the notes out, for the end of a case.
func (d *Desk) writeNotes(p *layout) {
	for _, n := range d.Notes {
		p.title("Note by " + n.By + ", " + n.Day + waiting(n.Queued))
		if n.Problem != "" {
			p.text("can't be read: "+n.Problem, "  ")
		}
		p.text(n.Text, "  ")
		switch n.Assign {
		case "":
		case Nobody:
			p.line("  assigned to nobody")
		default:
			p.line("  assigned to %s", n.Assign)
		}
		if len(n.Unmark) > 0 {
			p.line("  took off the mark %s", strings.Join(n.Unmark, ", "))
		}
		if len(n.Mark) > 0 {
			p.line("  marked %s", strings.Join(n.Mark, ", "))
		}
		if n.Decision != nil {
			p.line("  decided under rules %s: hand over to %s", shortRules(n.Decision.Rules), strings.Join(n.Decision.To, ", "))
			p.text(n.Decision.Reason, "  ")
		}
	}
}

// shortRules is the version of rules with so much of the digest as a person
// compares; triage show --json has all of it.
func shortRules(version string) string {
	const digits = 12
	name, digest, ok := strings.Cut(version, " sha256:")
	if !ok || len(digest) <= digits {
		return version
	}
	return name + " " + digest[:digits]
}
