package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"tocsin/triage"
)

// maxTyped is more than a reply or a note may have, in bytes; the limit is in
// characters.
const maxTyped = 1 << 20

// text reads what the case worker wrote: from a file or, if that is "-" or none,
// from standard input.
func (s *session) text(file, what string) (string, error) {
	in := s.in
	if file != "" && file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	} else if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintf(s.err, "triage: type %s, and Ctrl-D on a line of its own at its end\n", what)
	}
	text, err := io.ReadAll(io.LimitReader(in, maxTyped))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", what, err)
	}
	return string(text), nil
}

// changeArg is the argument of the verbs that queue one thing for a case.
type changeArg struct {
	caseArg
	JSON bool `name:"json" help:"Print a JSON object: the case, and whether something was queued."`
}

// add queues a note and says so. What is so already has succeeded.
func (c changeArg) add(s *session, n *triage.Note, done string) error {
	return s.locked(func() error {
		found, err := c.find(s)
		if err != nil {
			return err
		}
		_, err = s.home.AddNote(found, n)
		return c.queued(s, found, err, done+" case %s; next: triage push", found.ID)
	})
}

// queued says what was queued for a case, or that nothing had to be.
func (c changeArg) queued(s *session, of *triage.Case, err error, format string, args ...any) error {
	unchanged := errors.Is(err, triage.ErrNoChange) || errors.Is(err, triage.ErrDraftSent)
	switch {
	case unchanged:
		fmt.Fprintf(s.err, "triage: %v\n", err)
	case err != nil:
		return err
	case !c.JSON:
		s.say(format, args...)
	}
	if c.JSON {
		return s.printJSON(struct {
			Case   string `json:"case"`
			Queued bool   `json:"queued"`
		}{of.ID.String(), !unchanged})
	}
	return nil
}

type noteCmd struct {
	changeArg
	File string `arg:"" optional:"" default:"-" help:"File with the text; standard input if none is given."`
}

// Help is shown by triage note --help.
func (noteCmd) Help() string {
	return `Example:

  echo "Asked the hotel chain; they call back on Monday." | triage note 7k3q
  triage push

Notes are for the case workers of the organisation: sealed to the case, shown by triage show with who wrote them and when, and never to the witness or to a destination. Once one is in the ledger, the witness can't withdraw the report any more; what it says the ledger doesn't tell. A note can't be taken back.`
}

// Run queues the note.
func (c noteCmd) Run(s *session) error {
	if _, err := c.find(s); err != nil { // before anything is typed
		return err
	}
	text, err := s.text(c.File, "the note")
	if err != nil {
		return err
	}
	if text == "" {
		return errors.New("the note has no text")
	}
	return c.add(s, &triage.Note{Text: text}, "a note is sealed to")
}

type assignCmd struct {
	changeArg
	To string `arg:"" help:"A case worker of the roster, 'me', or '-' for nobody."`
}

// Help is shown by triage assign --help.
func (assignCmd) Help() string {
	return `Example:

  triage assign 7k3q me
  triage assign 7k3q bob
  triage assign 7k3q -

Says in a sealed note whose the case is. It keeps nobody else from working on it. Of two who assign one case at the same time, whose push came later counts.`
}

// Run assigns.
func (c assignCmd) Run(s *session) error {
	if c.To == "me" {
		card, err := s.home.Card()
		if err != nil {
			return err
		}
		c.To = card.Name
	}
	done := "assigned to " + c.To + ":"
	if c.To == triage.Nobody {
		done = "assigned to nobody:"
	}
	return c.add(s, &triage.Note{Assign: c.To}, done)
}

type markCmd struct {
	changeArg
	Marks  []string `arg:"" name:"mark" help:"Short words: lower-case letters, digits and hyphens."`
	Remove bool     `help:"Take the marks off."`
}

// Help is shown by triage mark --help.
func (markCmd) Help() string {
	return `Example:

  triage mark 7k3q hand-over-sealed
  triage mark 7k3q asked-back hotel
  triage mark 7k3q --remove asked-back

Marks are your own words, in a sealed note; triage list shows them. One has a meaning: with hand-over-sealed nothing of the case is extracted any more, and what the witness attached is handed over without anybody here looking at it.`
}

// Run marks.
func (c markCmd) Run(s *session) error {
	if c.Remove {
		return c.add(s, &triage.Note{Unmark: c.Marks}, "marks taken off:")
	}
	return c.add(s, &triage.Note{Mark: c.Marks}, "marked:")
}
