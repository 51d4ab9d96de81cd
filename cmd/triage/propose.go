package main

import (
	"errors"
	"fmt"
	"slices"

	"tocsin/triage"
	"tocsin/triage/rules"
)

type proposeCmd struct {
	caseArg
	JSON bool `name:"json" help:"Print a JSON object."`
}

// Help is shown by triage propose --help.
func (proposeCmd) Help() string {
	return `Example:

  triage propose 7k3q
  triage route 7k3q --to police --to foreign-affairs

Tries the rules in force (triage rules show) on the report. Of each authority that they propose it shows who of the roster that is, the rules, and the answers of the witness that led to them. Several at once are normal. Then come what binds what leaves, and the rules that could not be decided, with the answers that they lack: a question that was not answered never counts as a no.

You decide. Handing over to what was proposed needs no reason; to anybody else it needs triage route --reason TEXT. What was proposed, by which rules, and your reason leave with the case.`
}

// Run proposes.
func (c proposeCmd) Run(s *session) error {
	found, err := c.find(s)
	if err != nil {
		return err
	}
	p, err := s.home.Propose(found)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.printJSON(p)
	}
	if err := p.Write(s.out); err != nil {
		return err
	}
	s.say("\nnext: %s", routeLine(p))
	return nil
}

// routeLine is what to type to hand a case over as it is proposed.
func routeLine(p *triage.Proposed) string {
	line, reason := "triage route "+p.ID[:8], " --to DESTINATION --reason TEXT"
	var named []string
	for _, d := range p.Destinations {
		for _, to := range d.To {
			if !slices.Contains(named, to) {
				named = append(named, to)
				line += " --to " + to
				reason = ""
			}
		}
	}
	return line + reason
}

type rulesCmd struct {
	Show rulesShowCmd `cmd:"" help:"Print the rules in force."`
	Test rulesTestCmd `cmd:"" help:"Try the rules in force on a table of worked cases."`
}

type rulesShowCmd struct{}

// Help is shown by triage rules show --help.
func (rulesShowCmd) Help() string {
	return `Example, to have rules of your own:

  triage rules show > rules
  (change the rules, the name and the home)
  triage rules test my.cases
  cp rules ~/.tocsin/rules

The file "rules" in a case worker's home is used instead of the rules that are shipped, which are for an organisation in Belgium. Every proposal and every decision names the rules by their name and the SHA-256 of the file.

The format, one thing a line; a line that begins with a space or a tab goes on from the one before, and lines that begin with # are for people:

  tocsin.rules.v1
  name belgium-1
  home BE

  rule suspect-home
  when suspect.nationality == home || suspect.residence == home
  propose police home
  urgent
  why The suspected person is Belgian or lives in Belgium.

"when" is a condition in CEL, the Common Expression Language (cel.dev), with && || ! == != in and ?: over the fields of the form: a yes-or-no question is true or false, a choice is its code, several choices are a list, a text is true if something was told. Two more are made of several fields: online.only (all that was told lies online) and what.doubt (suspected, but nothing seen or heard). What says who the witness is can't be asked for. A rule that needs an answer that is not there is undecided.

"propose" takes a kind of authority (police, foreign-affairs, child-protection, hotline, justice, other) and, if it matters, its country: home, a code such as BE, or a field that is a country, such as suspect.nationality. There may be several; a rule without any is a note. "urgent" is left out where nothing is.`
}

// Run prints.
func (rulesShowCmd) Run(s *session) error {
	r, err := s.home.Rules()
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(s.out, r.Text())
	return err
}

type rulesTestCmd struct {
	File string `arg:"" type:"path" help:"The worked cases."`
	JSON bool   `name:"json" help:"Print the cases that differ as a JSON array."`
}

// Help is shown by triage rules test --help.
func (rulesTestCmd) Help() string {
	return `Example:

  triage rules test my.cases

Prints the cases in which the rules do not do what the table says, and exits with 1 if there are any. To try rules before anybody uses them, put them alone into another home: triage --home DIR rules test my.cases.

The format, with the line rules of triage rules show --help:

  tocsin.cases.v1

  given danger.now no; what.seen a man with a child

  case A Belgian in Thailand
  facts where.country TH; suspect.nationality BE
  to police BE: facts-abroad, suspect-home
  to foreign-affairs BE: embassy
  note consent-none
  ask danger.departure, child.missing

"given" holds for every case whose "facts" don't say otherwise; the value "not answered" takes an answer back. Each "to" is an authority that must be proposed, its country if one matters, the word urgent if it is, and the rules that propose it. "note" names the rules that apply and propose nobody, "ask" the fields that undecided rules lack. What a case does not list must not come out of the rules.`
}

// errDiffer means that rules don't do what a table says.
var errDiffer = errors.New("the rules differ from the worked cases")

// Run tests.
func (c rulesTestCmd) Run(s *session) error {
	r, n, differ, err := s.home.TestRules(c.File)
	if err != nil {
		return err
	}
	if c.JSON {
		if differ == nil {
			differ = []rules.Difference{}
		}
		if err := s.printJSON(differ); err != nil {
			return err
		}
	} else {
		s.printDifferences(differ)
		s.say("%s, rules %s: %d differ", count(n, "case"), r.Version(), len(differ))
	}
	if len(differ) > 0 {
		return fmt.Errorf("%w in %d of %d", errDiffer, len(differ), n)
	}
	return nil
}

func (s *session) printDifferences(differ []rules.Difference) {
	for _, d := range differ {
		s.say("line %d: %s", d.Line, d.Case)
		for _, l := range d.Missing {
			s.say("  should be:  %s", l)
		}
		for _, l := range d.Unexpected {
			s.say("  but is:     %s", l)
		}
	}
}
