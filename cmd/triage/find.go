package main

import (
	"bufio"
	"strings"

	"tocsin/triage"
	"tocsin/triage/screen"
)

type listCmd struct {
	All  bool `help:"Also what was purged or withdrawn, of which nothing is left to read."`
	JSON bool `name:"json" help:"Print a JSON array."`
}

// Help is shown by triage list --help.
func (listCmd) Help() string {
	return `A child in danger now comes first, then an imminent departure, then what nobody has been told of by its deadline, then handed-over cases in which the witness wrote again. Only the day of a report is known: its clock starts when that day began.

What a case says is read once and kept in an index, sealed under a key that comes from your own (see triage lock --help). The first list after a pull that had no key to read with opens what is new, and says how far it is.

Example:

  triage list --json | jq -r '.[] | select(.hours_left < 12) | .case'`
}

// Run lists.
func (c listCmd) Run(s *session) error {
	list, err := s.home.List()
	if err != nil {
		return err
	}
	if !c.All {
		list = withoutRetired(list)
	}
	return s.printList(list, c.JSON, "there is no case here; next: triage pull")
}

// withoutRetired leaves out what was purged or withdrawn.
func withoutRetired(list []triage.Summary) []triage.Summary {
	var left []triage.Summary
	for _, v := range list {
		if v.Purged == "" && !v.Withdrawn {
			left = append(left, v)
		}
	}
	return left
}

type searchCmd struct {
	Words []string `arg:"" help:"Words and filters, which must all be found."`
	JSON  bool     `name:"json" help:"Print a JSON array, as list does."`
}

// Help is shown by triage search --help.
func (searchCmd) Help() string {
	return `Finds the cases whose report, additions and file names hold all the words, in any order, also within longer words. Case and accents do not matter: hotel finds Hôtel. Words between double quotes are found as they stand. A word of this form narrows the search instead:

  case:7k3q      the ID begins so
  day:2026-03    the day on which it came begins so
  country:TH     the country of the facts, by its two letters
  category:CODE  one of its categories
  state:STATE    open (nobody was told), overdue, held, new, read, handed-over,
                 acknowledged, withdrawn, purged
  assigned:NAME  assigned to that case worker; assigned:none to nobody
  mark:NAME      bears that mark
  danger:yes     a child is in danger now; danger:no
  departure:yes  a departure is imminent; departure:no
  news:yes       the witness wrote last; news:no

Examples:

  triage search hotel beach country:TH state:open
  triage search '"room 214"' danger:yes

Your shell may keep what you type in its history. Exit code 0 also if nothing is found.`
}

// Run searches.
func (c searchCmd) Run(s *session) error {
	q, err := triage.ParseQuery(strings.Join(c.Words, " "))
	if err != nil {
		return usageError(err.Error())
	}
	b, err := s.home.Inbox()
	if err != nil {
		return err
	}
	return s.printList(b.Search(q), c.JSON, "no case has all of that")
}

// printList prints cases for people or for programs. A person is told if there
// are none.
func (s *session) printList(list []triage.Summary, asJSON bool, none string) error {
	if asJSON {
		if list == nil {
			list = []triage.Summary{}
		}
		return s.printJSON(list)
	}
	if len(list) == 0 {
		s.nothing("%s", none)
	}
	w := bufio.NewWriter(s.out)
	for _, v := range list {
		w.WriteString(summaryLine(&v) + "\n")
		if v.Problem != "" {
			w.WriteString("          can't be read: " + v.Problem + "\n")
		} else if v.Account != "" {
			w.WriteString("          " + screen.Cut(v.Account, 68) + "\n")
		}
	}
	return w.Flush()
}

type lockCmd struct{}

// Help is shown by triage lock --help.
func (lockCmd) Help() string {
	return `Removes the index: the texts of the cases as they were read, which are kept, sealed under a key that comes from your own, so that list and search are quick. The next list opens every case again, which takes a minute or two for ten thousand.

Nothing else is to be forgotten. No triage stays in memory when its verb has ended: each asks for the passphrase anew, and its keys and texts end with its process. What is left on the disk is sealed, drafts of replies among it, but for the files that you saved with triage files --save. Keys without a passphrase stay usable by whoever has this machine; triage passphrase sets one.

Example:

  triage lock`
}

// Run locks.
func (lockCmd) Run(s *session) error {
	s.home.Forget()
	if err := s.home.DropIndex(); err != nil {
		return err
	}
	s.say("the index is removed; the next list opens every case again")
	return nil
}
