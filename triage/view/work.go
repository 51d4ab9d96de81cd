package view

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tocsin/seal"
	"tocsin/seal/roster"
	"tocsin/triage"
	"tocsin/triage/screen"
)

// Options say what is viewed.
type Options struct {
	Home *triage.Home
	Desk string // for pull and push, if another than joined with
}

// work does on a home what the verbs do. Results are sentences for a person.
// One method at a time.
type work struct {
	Options
	given string // a passphrase that was typed before the home asks for it
}

func (w *work) locked(fn func() error) error {
	if err := w.Home.Lock(); err != nil {
		return err
	}
	defer w.Home.Unlock()
	return fn()
}

// change finds a case and changes something of it.
func (w *work) change(id string, fn func(*triage.Case) error) error {
	return w.locked(func() error {
		c, err := w.Home.Find(id)
		if err != nil {
			return err
		}
		return fn(c)
	})
}

// told says in one line what went wrong and what to do.
func told(err error) string {
	said := screen.Line(err.Error())
	switch {
	case errors.Is(err, triage.ErrBusy):
		return "another triage is at work here; nothing was changed: try again when it has ended"
	case errors.Is(err, seal.ErrPassphrase):
		return "wrong passphrase: nothing was changed; try again"
	case errors.Is(err, context.Canceled):
		return "stopped; the next time goes on from there"
	}
	return said
}

// open shows a case and notes that it was read, as triage show does.
func (w *work) open(id string) (text, problem string, err error) {
	c, err := w.Home.Find(id)
	if err != nil {
		return "", "", err
	}
	shown, err := w.Home.Show(c)
	if err != nil {
		return "", "", err
	}
	var b strings.Builder
	if err := shown.Write(&b); err != nil {
		return "", "", err
	}
	if len(c.Read) == 0 {
		err := w.locked(func() error {
			_, err := w.Home.MarkRead(c)
			return err
		})
		if err != nil && !errors.Is(err, triage.ErrBusy) {
			problem = "it was not noted that the report was read: " + told(err)
		}
	}
	return b.String(), problem, nil
}

// files lists a case's attachments.
func (w *work) files(id string) (string, error) {
	c, err := w.Home.Find(id)
	if err != nil {
		return "", err
	}
	files, err := w.Home.Files(c, nil)
	if err != nil {
		return "", err
	}
	if len(files) == 0 {
		return "The witness sent no files.", nil
	}
	var b strings.Builder
	b.WriteString("Nothing is opened here: triage files --help says how, and when not to.\n\n")
	for _, f := range files {
		fmt.Fprintf(&b, "%3d  %12d bytes  %s  %s\n", f.Number, f.Size, screen.Line(f.Type), screen.Line(f.Name))
	}
	return b.String(), nil
}

// note queues a note.
func (w *work) note(id string, n *triage.Note) (string, error) {
	err := w.change(id, func(c *triage.Case) error {
		_, err := w.Home.AddNote(c, n)
		return err
	})
	switch {
	case errors.Is(err, triage.ErrNoChange):
		return "the case says so already", nil
	case err != nil:
		return "", err
	case n.Assign == triage.Nobody:
		return "assigned to nobody, queued for push", nil
	case n.Assign != "":
		return "assigned to " + n.Assign + ", queued for push", nil
	case len(n.Mark)+len(n.Unmark) > 0:
		return "marks changed, queued for push", nil
	}
	return "the note is sealed and queued for push", nil
}

// marks reads "a -b": the marks to put on a case, and to take off it.
func marks(s string) *triage.Note {
	n := new(triage.Note)
	for m := range strings.FieldsSeq(s) {
		if off, ok := strings.CutPrefix(m, "-"); ok {
			n.Unmark = append(n.Unmark, off)
		} else {
			n.Mark = append(n.Mark, m)
		}
	}
	return n
}

// reply queues a reply.
func (w *work) reply(id, text string) (string, error) {
	err := w.change(id, func(c *triage.Case) error {
		_, err := w.Home.Reply(c, text)
		return err
	})
	return "the reply is sealed and queued for push", err
}

// propose tries the rules, and lays out what they say.
func (w *work) propose(id string) (*triage.Proposed, string, error) {
	c, err := w.Home.Find(id)
	if err != nil {
		return nil, "", err
	}
	p, err := w.Home.Propose(c)
	if err != nil {
		return nil, "", err
	}
	var b strings.Builder
	err = p.Write(&b)
	return p, b.String(), err
}

// route hands a case over, as triage route does. The decision is made anew from
// the case as it is under the lock.
func (w *work) route(id string, to []string, reason string) (string, error) {
	var out *triage.HandedOver
	err := w.change(id, func(c *triage.Case) error {
		p, err := w.Home.Propose(c)
		if err != nil {
			return err
		}
		decision, err := p.Decide(to, reason)
		if err != nil {
			return err
		}
		out, err = w.Home.HandOver(c, triage.With{Decision: decision})
		return err
	})
	var said []string
	if out != nil && len(out.Made) > 0 {
		var names []string
		for _, r := range out.Made {
			names = append(names, r.Destination)
		}
		said = append(said, "sealed for "+strings.Join(names, ", ")+" into the outbox, queued for push")
	}
	if err != nil && len(said) > 0 {
		return "", fmt.Errorf("%s; but then: %w", said[0], err)
	}
	if err != nil {
		return "", err
	}
	if n := len(out.Before); n > 0 {
		said = append(said, fmt.Sprintf("%d of them had it already", n))
	}
	if len(out.Before) > 0 && !out.Noted && reason != "" {
		said = append(said, "the reason is not kept: write it in a note")
	}
	return strings.Join(said, "; "), nil
}

// needsReason reports whether somebody must say why a case goes there.
func needsReason(p *triage.Proposed, to []string) (bool, string, error) {
	_, err := p.Decide(to, "")
	if errors.Is(err, triage.ErrReason) {
		said, _, _ := strings.Cut(screen.Line(err.Error()), ": --reason")
		return true, said, nil
	}
	return false, "", err
}

// proposedAs says why a destination of the roster is proposed: "proposed by
// rule-a, rule-b", or nothing.
func proposedAs(p *triage.Proposed, name string) string {
	for _, d := range p.Destinations {
		if !slices.Contains(d.To, name) {
			continue
		}
		var ids []string
		for _, r := range d.Reasons {
			ids = append(ids, r.Rule)
		}
		said := "proposed by " + strings.Join(ids, ", ")
		if d.Urgent {
			said = "URGENT, " + said
		}
		return said
	}
	return ""
}

// workers lists the case workers.
func (w *work) workers() ([]string, error) {
	r, err := w.Home.Roster()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range r.Workers {
		names = append(names, p.Name)
	}
	return names, nil
}

// destinations lists to whom cases can go.
func (w *work) destinations() ([]roster.Destination, error) {
	r, err := w.Home.Roster()
	if err != nil {
		return nil, err
	}
	return r.Destinations, nil
}

// self is who works here.
func (w *work) self() (string, error) {
	card, err := w.Home.Card()
	if err != nil {
		return "", err
	}
	return card.Name, nil
}
