package main

import (
	"os"

	"golang.org/x/term"

	"tocsin/triage/view"
)

type viewCmd struct {
	Plain bool `help:"A dialogue of plain lines, for a screen reader or a terminal that can do no more."`
	deskFlags
}

// Help is shown by triage view --help.
func (viewCmd) Help() string {
	return `Examples:

  triage
  triage --plain

The inbox on the whole screen: the cases by urgency, search while you type, and for each case all that the verbs do: open it, note, assign, mark, propose and hand over, reply, hold, release, purge. ? shows the keys. Everything is done as the verb of that name does it, and queued in the same place: triage push, or P, delivers it. The network is used by g, P and D (deliver) alone. L forgets keys and texts until the passphrase is typed.

With --plain the same is a dialogue: you type a command in a line, and lines come back, without colour, cursor movement or any other escape sequence. help lists the commands. Where TERM is dumb or empty, that is what you get.

It needs 80 by 24 characters, and no colour: with NO_COLOR set there is none. What a case says is on the terminal's alternate screen, so that nothing of it is left to scroll back to. If the program was killed with kill -9 and the terminal is in disorder, type: reset`
}

// Run shows the view; where there is no terminal, what triage is.
func (c viewCmd) Run(s *session) error {
	in, typed := s.in.(*os.File)
	out, seen := s.out.(*os.File)
	screen := typed && seen && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd()))
	if !screen && !c.Plain {
		return s.help()
	}
	s.home.Tor = c.tor()
	o := view.Options{Home: s.home, Desk: c.Desk}
	if t := os.Getenv("TERM"); c.Plain || t == "" || t == "dumb" {
		return view.Plain(s.ctx, s.in, s.out, o)
	}
	return view.Full(s.ctx, in, out, o)
}
