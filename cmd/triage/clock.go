package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"tocsin/triage"
)

type dueCmd struct {
	Hours int  `placeholder:"N" help:"Also what will be overdue within N hours."`
	JSON  bool `name:"json" help:"Print a JSON array."`
}

// Help is shown by triage due --help.
func (dueCmd) Help() string {
	return `Example, in a crontab:

  0 7 * * *  triage due --hours 12

Lists the cases of which the ledger does not say that they were handed over to anybody within the hours of the organisation's policy, the longest overdue first. It prints IDs and hours and nothing of any report, and asks for no passphrase. It knows what was pulled last: a pull asks for the passphrase of keys that have one, and cron can't answer. Only the day of a report is known: its clock starts when that day began.

Exit codes: 0 nothing is overdue, 1 something is, or it could not be told.`
}

// Run lists.
func (c dueCmd) Run(s *session) error {
	if c.Hours < 0 {
		return usageError("--hours is 0 or more")
	}
	list, err := s.home.Due(c.Hours)
	if err != nil {
		return err
	}
	overdue := 0
	for _, d := range list {
		if d.Overdue {
			overdue++
		}
	}
	if c.JSON {
		if err := s.printJSON(list); err != nil {
			return err
		}
	} else {
		for _, d := range list {
			s.say("%s", dueLine(&d))
		}
		if len(list) == 0 {
			s.nothingSeen("nothing is overdue, by what was pulled last")
		}
	}
	if overdue > 0 {
		return fmt.Errorf("%s overdue", count(overdue, "case"))
	}
	return nil
}

func dueLine(d *triage.Due) string {
	line := fmt.Sprintf("%s  %s  %d h left", d.ID, d.Day, d.HoursLeft)
	if d.Overdue {
		line = fmt.Sprintf("%s  %s  OVERDUE by %d h", d.ID, d.Day, -d.HoursLeft)
	}
	if d.Queued {
		line += "  a hand-over waits for triage push"
	}
	return line
}

type holdCmd struct {
	changeArg
	Reason string `required:"" placeholder:"RULE[/TEXT]" help:"A word that stands in the ledger in the clear and, after a slash, a text that is sealed into a note."`
}

// Help is shown by triage hold --help.
func (holdCmd) Help() string {
	return `Example:

  triage hold 7k3q --reason "inquiry/The prosecutor asked on 3 March to keep it."
  triage push

While a case is held nobody may purge it, its witness can't withdraw it, and the days do not count as retention. The word is there for all who see the ledger: no names.`
}

// Run holds.
func (c holdCmd) Run(s *session) error {
	rule, reason, _ := strings.Cut(c.Reason, "/")
	return s.locked(func() error {
		found, err := c.find(s)
		if err != nil {
			return err
		}
		return c.queued(s, found, s.home.Hold(found, rule, strings.TrimSpace(reason)), "case %s is held (%s); next: triage push", found.ID, rule)
	})
}

type releaseCmd struct{ changeArg }

// Help is shown by triage release --help.
func (releaseCmd) Help() string {
	return `Example:

  triage release 7k3q
  triage push

Whatever was proposed before the case was released must be proposed again. A release lifts the hold that you have pulled: if a colleague holds the case anew before yours comes to the desk, the desk refuses it, and it is queued no more.`
}

// Run releases.
func (c releaseCmd) Run(s *session) error {
	return s.locked(func() error {
		found, err := c.find(s)
		if err != nil {
			return err
		}
		return c.queued(s, found, s.home.Release(found), "case %s is held no longer; next: triage push", found.ID)
	})
}

type purgeCmd struct {
	Case string `arg:"" optional:"" help:"The case's ID, or as much of its beginning as is unique; without it, what may be purged is listed."`
	Rule string `placeholder:"RULE" help:"Under which rule: retention or request."`
	Yes  bool   `help:"Don't ask before your signature destroys a case."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Help is shown by triage purge --help.
func (purgeCmd) Help() string {
	return `Example:

  triage purge
  triage purge 7k3q --rule retention
  triage push

Without a case, lists what may be purged and what colleagues proposed. With one, proposes it or, if enough colleagues did, purges it. So many case workers must sign as the organisation's policy says, two if it says nothing, and all of them after the case's last message, note, hold or release. The last signature destroys the case: you are asked before it, or give --yes.

The rules:

  retention  nothing new has come for as many days as the policy keeps a
             case; days on which it was held do not count
  request    the witness, or an authority, asked for it to be destroyed

A purge destroys the case's key at the desk: nobody opens the case again, and the ledger keeps that there was one, under which rule it was destroyed and who signed. Each home forgets it with its next pull. What was handed over stays with whom it was handed to, and its sealed bag in the outbox until you remove it; files that you saved, and backups of the intake, are yours to destroy. A purge that the desk refuses is queued no more.`
}

// Run lists, proposes or purges.
func (c purgeCmd) Run(s *session) error {
	switch {
	case c.Case == "" && c.Rule == "":
		return c.list(s)
	case c.Case == "" || c.Rule == "":
		return usageError("a purge needs a case and a rule: triage purge CASE --rule retention")
	}
	found, destroys, err := c.last(s)
	if err != nil {
		return err
	}
	if destroys {
		fmt.Fprintf(s.err, "triage: case %s, under %s: with your signature enough have signed; once it is pushed nobody opens the case again\n", found.ID, c.Rule)
		if len(found.Handed) == 0 {
			fmt.Fprintf(s.err, "triage: nobody was told of case %s: it was not handed over\n", found.ID)
		}
		if err := s.agreed(c.Yes, "DESTROY it?"); err != nil {
			return err
		}
	}
	return s.locked(func() error {
		found, now, err := c.last(s)
		if err != nil {
			return err
		}
		if now && !destroys {
			return errors.New("a colleague has signed meanwhile, and yours would destroy the case; nothing was signed: type it again")
		}
		p, err := s.home.Purge(found, c.Rule)
		if err != nil {
			return err
		}
		if c.JSON {
			return s.printJSON(p)
		}
		switch {
		case p.Purges:
			s.say("purge of case %s under %s is signed by %s and queued; next: triage push", p.ID, p.Rule, strings.Join(p.Proposed, ", "))
		case p.Queued != "":
			s.say("proposal to purge case %s under %s is queued; next: triage push, and %s", p.ID, p.Rule, more(p.Missing))
		default:
			fmt.Fprintf(s.err, "triage: you proposed it before; %s\n", more(p.Missing))
		}
		s.copies(p.Copies)
		if !p.Told && !destroys { // that was said before
			fmt.Fprintf(s.err, "triage: nobody was told of case %s: it was not handed over\n", p.ID)
		}
		return nil
	})
}

// last finds the case, and reports whether the signature is the last that its
// purge lacks.
func (c purgeCmd) last(s *session) (*triage.Case, bool, error) {
	found, err := caseArg{c.Case}.find(s)
	if err != nil {
		return nil, false, err
	}
	card, err := s.home.Card()
	if err != nil {
		return nil, false, err
	}
	list, err := s.home.Purges(found)
	if err != nil {
		return nil, false, err
	}
	i := slices.IndexFunc(list, func(p triage.Purgeable) bool { return p.Rule == c.Rule })
	return found, i >= 0 && list[i].Destroys(card.Name), nil
}

// copies says which sealed bags of a case no purge takes away.
func (s *session) copies(paths []string) {
	for _, path := range paths {
		fmt.Fprintf(s.err, "triage: a copy stays in the outbox, sealed to %s; once they have theirs, or must not, type: rm %s\n", filepath.Base(filepath.Dir(path)), path)
	}
}

func (c purgeCmd) list(s *session) error {
	list, err := s.home.Purgeable()
	if err != nil {
		return err
	}
	if c.JSON {
		return s.printJSON(list)
	}
	if len(list) == 0 {
		s.nothing("nothing may be purged under retention, and nobody proposed any other")
	}
	for _, p := range list {
		line := fmt.Sprintf("%s  %s  %s", p.ID, p.Day, p.Rule)
		if p.From != "" {
			line += "  from " + p.From
		}
		if len(p.Proposed) > 0 {
			line += "  proposed by " + strings.Join(p.Proposed, ", ")
		}
		line += "  " + more(p.Missing)
		if !p.Told {
			line += "  NOT HANDED OVER"
		}
		s.say("%s", line)
	}
	return nil
}

// more says how many signatures a purge lacks.
func more(missing int) string {
	if missing == 0 {
		return "enough have signed: type it with the case and the rule"
	}
	return count(missing, "more case worker") + " must sign"
}
