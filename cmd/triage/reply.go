package main

import (
	"errors"
	"fmt"
	"strings"

	"tocsin/triage"
	"tocsin/triage/screen"
)

type replyCmd struct {
	changeArg
	File     string `arg:"" optional:"" help:"File with the text; standard input if none is given."`
	Template string `placeholder:"NAME" xor:"what" help:"Send the text of that name in the witness's language: ${templates}."`
	Draft    bool   `xor:"what" help:"Send the draft that is kept, and remove it."`
	Language string `default:"en" enum:"${languages}" placeholder:"TAG" help:"With --template: the language that you read it in, en if not given; one of ${enum}."`
	Yes      bool   `help:"With --template or --draft: don't ask before it is queued."`
}

// Help is shown by triage reply --help.
func (replyCmd) Help() string {
	return `Examples:

  echo "Thank you. Do you remember the flight's number?" | triage reply 7k3q
  triage reply 7k3q --template vehicle --language fr
  triage reply 7k3q --draft
  triage push

The witness reads it when they come back with their eight words; nothing is sent to them. It is sealed to the witness and to the case.

With --template the text goes out in the language in which the witness reported. It is shown beside the same in your own, so that you know what you send, and you are asked before it is queued. Where there is no terminal to ask on, --yes says so beforehand.

With --draft the draft is shown and you are asked likewise. It is removed once the reply is queued. Killed in between, tell it again: a draft whose words were queued after it was written is removed and not sent twice.`
}

// Run queues the reply.
func (c replyCmd) Run(s *session) error {
	if c.File != "" && (c.Draft || c.Template != "") {
		return usageError("a reply is a file, a template or the draft: give one of them")
	}
	switch {
	case c.Template != "":
		return c.template(s)
	case c.Draft:
		return c.draft(s)
	}
	found, err := c.find(s)
	if err != nil {
		return err
	}
	text, err := s.text(c.File, "the reply")
	if err != nil {
		return err
	}
	return s.locked(func() error { return c.reply(s, found, text) })
}

// reply queues a text.
func (c replyCmd) reply(s *session, to *triage.Case, text string) error {
	_, err := s.home.Reply(to, text)
	return c.queued(s, to, err, "reply to case %s is sealed and queued; next: triage push", to.ID)
}

// beside returns the session in which texts are shown that the case worker is
// asked about: with --json the output is for a program.
func (c replyCmd) beside(s *session) *session {
	if !c.JSON {
		return s
	}
	t := *s
	t.out = s.err
	return &t
}

func (c replyCmd) template(s *session) error {
	// A name that there is not is told before any key is asked for.
	mine, err := triage.FindTemplate(c.Template, c.Language)
	if err != nil {
		return usageError(err.Error())
	}
	found, err := c.find(s)
	if err != nil {
		return err
	}
	theirs, err := s.home.WitnessLanguage(found)
	if err != nil {
		return err
	}
	text, err := triage.FindTemplate(c.Template, theirs)
	if err != nil {
		return err
	}
	if mine.Language != text.Language {
		c.beside(s).showTemplate(mine)
	}
	c.beside(s).showTemplate(text)
	if err := s.agreed(c.Yes, "send the text in "+text.Language+" to the witness?"); err != nil {
		return err
	}
	return s.locked(func() error { return c.reply(s, found, text.Text) })
}

func (c replyCmd) draft(s *session) error {
	found, err := c.find(s)
	if err != nil {
		return err
	}
	shown, err := s.home.Draft(found)
	if err != nil {
		return err
	}
	c.beside(s).say("draft of %s for case %s:", shown.Day, found.ID)
	c.beside(s).indented(shown.Text)
	if err := s.agreed(c.Yes, "send this to the witness?"); err != nil {
		return err
	}
	return s.locked(func() error {
		// What was agreed to may have been sent or written anew meanwhile.
		found, err := c.find(s)
		if err != nil {
			return err
		}
		d, err := s.home.Draft(found)
		if err != nil {
			return err
		}
		if d.Text != shown.Text {
			return errors.New("the draft was changed meanwhile; nothing was sent")
		}
		_, err = s.home.SendDraft(found, d)
		if errors.Is(err, triage.ErrDraftSent) {
			// What was asked for is so.
			err = fmt.Errorf("%w; it is removed, and nothing was sent again", err)
		}
		return c.queued(s, found, err, "reply to case %s is sealed and queued, and the draft removed; next: triage push", found.ID)
	})
}

// errNotAgreed ends what the case worker did not agree to.
var errNotAgreed = errors.New("nothing was changed")

// agreed returns nil if the case worker wants what is asked, beforehand or on
// the terminal.
func (s *session) agreed(yes bool, question string) error {
	if yes {
		return nil
	}
	answer, err := askLine(question + " [y/N]")
	if errors.Is(err, errNoTerminal) {
		return fmt.Errorf("%w; add --yes to agree beforehand", err)
	}
	if err != nil {
		return err
	}
	if answer = strings.ToLower(answer); answer != "y" && answer != "yes" {
		return errNotAgreed
	}
	return nil
}

// indented prints a text of several lines under a heading.
func (s *session) indented(text string) {
	for line := range strings.Lines(screen.Text(text)) {
		s.say("  %s", strings.TrimRight(line, "\n"))
	}
}

// showTemplate prints a template under the language that it is in.
func (s *session) showTemplate(t *triage.Template) {
	s.say("%s, in %s%s:", t.Name, t.Language, unreviewed(t.Reviewed))
	s.indented(t.Text)
	s.say("")
}

func unreviewed(reviewed bool) string {
	if reviewed {
		return ""
	}
	return " (not yet checked by a native speaker)"
}
