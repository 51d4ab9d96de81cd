package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"tocsin/triage"
	"tocsin/triage/screen"
)

// caseArg is the argument of every verb about one case.
type caseArg struct {
	Case string `arg:"" help:"The case's ID, or as much of its beginning as is unique."`
}

// find returns the case that is meant.
func (c caseArg) find(s *session) (*triage.Case, error) { return s.home.Find(c.Case) }

// printJSON writes v with every character escaped that could act on a
// terminal, so that it is as safe there as it is exact for programs.
func (s *session) printJSON(v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	s.say("%s", screen.JSON(text))
	return nil
}

// summaryLine says, after the beginning of the ID, what decides.
func summaryLine(v *triage.Summary) string {
	parts := []string{v.ID[:8], v.Day}
	switch {
	case v.Purged != "":
		parts = append(parts, "purged under "+v.Purged)
	case v.Withdrawn:
		parts = append(parts, "withdrawn by the witness")
	case !v.Open():
		parts = append(parts, "handed over to "+strings.Join(v.HandedTo, ", "))
	case v.HoursLeft < 0:
		parts = append(parts, fmt.Sprintf("OVERDUE by %d h", -v.HoursLeft))
	default:
		parts = append(parts, fmt.Sprintf("%d h left", v.HoursLeft))
	}
	for _, p := range []struct {
		is   bool
		what string
	}{
		{v.Altered, "RECORD ALTERED: do not reply"},
		{v.Danger, "CHILD IN DANGER NOW"},
		{v.Departure, "DEPARTURE IMMINENT"},
		{v.Unheard, "the witness wrote again"},
		{v.Held, "held"},
		{v.Country+v.City != "", strings.TrimSpace(v.Country + " " + v.City)},
		{v.Files > 0, count(v.Files, "file")},
		{v.Queued, "to push"},
	} {
		if p.is {
			parts = append(parts, p.what)
		}
	}
	return strings.Join(parts, "  ")
}

// shorten cuts s to n characters.
func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

type showCmd struct {
	caseArg
	JSON bool `name:"json" help:"Print a JSON object."`
}

// Help is shown by triage show --help.
func (showCmd) Help() string {
	return `The first time that anybody shows a report or saves its files, the signed note that it was read is queued; push delivers it. Until it is in the ledger the witness may withdraw the report, where the organisation's policy lets them. While another triage is at work in this home nothing is noted.`
}

// read notes that a report was opened, unless that was noted before. What was
// asked for does not fail for it.
func (s *session) read(c *triage.Case) {
	_, err := s.home.MarkRead(c)
	if err != nil {
		fmt.Fprintf(s.err, "triage: it was not noted that the report was read: %s\n", screen.Line(err.Error()))
	}
}

// noteRead is read for a verb that changes nothing else and needs no lock.
func (s *session) noteRead(c *triage.Case) {
	if len(c.Read) > 0 {
		return
	}
	err := s.locked(func() error {
		s.read(c)
		return nil
	})
	if err != nil && !errors.Is(err, triage.ErrBusy) {
		fmt.Fprintf(s.err, "triage: it was not noted that the report was read: %s\n", screen.Line(err.Error()))
	}
}

// Run shows.
func (c showCmd) Run(s *session) error {
	found, err := c.find(s)
	if err != nil {
		return err
	}
	shown, err := s.home.Show(found)
	if err != nil {
		return err
	}
	s.noteRead(found)
	if c.JSON {
		return s.printJSON(shown)
	}
	return shown.Write(s.out)
}

type replyCmd struct {
	caseArg
	File string `arg:"" optional:"" default:"-" help:"File with the text; standard input if none is given."`
}

// Help is shown by triage reply --help.
func (replyCmd) Help() string {
	return `Example:

  echo "Thank you. Do you remember the flight's number?" | triage reply 7k3q
  triage push

The witness reads it when they come back with their eight words; nothing is sent to them. It is sealed to the witness and to the case.`
}

// maxReply is more than a reply may have, in bytes; the limit is in characters.
const maxReply = 1 << 20

// Run queues the reply.
func (c replyCmd) Run(s *session) error {
	found, err := c.find(s)
	if err != nil {
		return err
	}
	in := s.in
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	} else if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintln(s.err, "triage: type the reply, and Ctrl-D on a line of its own at its end")
	}
	text, err := io.ReadAll(io.LimitReader(in, maxReply))
	if err != nil {
		return fmt.Errorf("reading the reply: %w", err)
	}
	return s.locked(func() error {
		if _, err := s.home.Reply(found, string(text)); err != nil {
			return err
		}
		s.say("reply to case %s is sealed and queued; next: triage push", found.ID)
		return nil
	})
}

type routeCmd struct {
	caseArg
	To      []string `required:"" sep:"none" placeholder:"DEST" help:"A destination of the roster; may be given several times."`
	Reason  string   `placeholder:"TEXT" help:"Why it goes where the rules don't propose it. It leaves with the case."`
	CaseUCO bool     `name:"case-uco" help:"Add data/case.jsonld: what programs search by, in the words of CASE/UCO 1.4."`
	Tell    []string `enum:"${authorities}" placeholder:"WHOM" help:"Tell the witness that the case was handed to: ${authorities}. May be given several times."`
}

// Help is shown by triage route --help.
func (routeCmd) Help() string {
	return `Example:

  triage route 7k3q --to police --to foreign-affairs
  triage push

Makes a BagIt bag with a page to read first, in the destination's language, the report, the messages, the files untouched, what was withheld and why, and who did what when with proofs from the ledger; signs its manifest with your desk key, seals it to the destination's key into the home's outbox, and queues the signed event. Then deliver the file to the destination. It opens it with nothing of ours, but with age 1.3 or newer: older ones, such as Debian 12's 1.1.1, know no post-quantum keys.

  age -d -i their.key FILE | tar -x
  cd CASE-*/ && sha512sum -c manifest-sha512.txt
  ssh-keygen -Y verify -f allowed_signers -I alice -n tocsin-handover \
    -s manifest-sha512.txt.sig < manifest-sha512.txt

With --case-uco it also holds data/case.jsonld, for programs that read CASE/UCO. How the destination acknowledges is on its page: see triage ack --help.

Without the witness's consent to direct contact, who they are stays behind.

To whom the rules propose the case, and why, is for triage propose. Anybody else needs a reason:

  triage route 7k3q --to justice --reason "they asked for it in case 12/345"

With --tell the witness reads, in their language, to whom in general terms the case was handed: a reply that says so is queued, once. Words of your own are for triage reply.

  triage route 7k3q --to police --tell police`
}

// Run routes.
func (c routeCmd) Run(s *session) error {
	return s.locked(func() error {
		found, err := c.find(s)
		if err != nil {
			return err
		}
		proposed, err := s.home.Propose(found)
		if err != nil {
			return err
		}
		decision, err := proposed.Decide(c.To, c.Reason)
		if err != nil {
			return err
		}
		for _, to := range c.To {
			r, err := s.home.Route(found, to, triage.With{Decision: decision, CaseUCO: c.CaseUCO})
			if errors.Is(err, triage.ErrRouted) {
				// What was asked for is so: a route that is repeated has succeeded.
				fmt.Fprintf(s.err, "triage: %v\n", err)
				continue
			}
			if err != nil {
				return err
			}
			s.say("sealed for %s: %s", to, r.Bag)
			s.say("  %s, %s withheld, %d bytes", count(r.Files, "file"), count(r.Withheld, "field"), r.Size)
			s.say("  next: triage push, and deliver that file to %s", to)
		}
		if len(c.Tell) == 0 {
			return nil
		}
		// Last: the witness hears of what was done.
		_, err = s.home.Tell(found, c.Tell)
		if errors.Is(err, triage.ErrTold) {
			fmt.Fprintf(s.err, "triage: %v\n", triage.ErrTold)
			return nil
		}
		if err != nil {
			return fmt.Errorf("telling the witness: %w", err)
		}
		s.say("the witness is told: handed to %s; next: triage push", strings.Join(c.Tell, ", "))
		return nil
	})
}
