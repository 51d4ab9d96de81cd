package main

import "tocsin/triage/screen"

type draftCmd struct {
	caseArg
	File    string `arg:"" optional:"" help:"File with the text; standard input if none is given."`
	Show    bool   `xor:"what" help:"Show the draft."`
	Discard bool   `xor:"what" help:"Remove the draft."`
	JSON    bool   `name:"json" help:"With --show: print a JSON object."`
}

// Help is shown by triage draft --help.
func (draftCmd) Help() string {
	return `Keeps an answer that is not ready yet: one for each case, sealed to your own key and padded. A new one takes the place of the old. Keeping one asks for no passphrase; reading one does.

  echo "Thank you. Which flight" | triage draft 7k3q
  triage draft 7k3q --show
  triage reply 7k3q --draft

It stays on this machine until it is sent, discarded, or its case is withdrawn or purged. triage lock leaves it: it is sealed.`
}

// Run keeps, shows or discards.
func (c draftCmd) Run(s *session) error {
	if c.File != "" && (c.Show || c.Discard) {
		return usageError("--show and --discard take no file")
	}
	if c.JSON && !c.Show {
		return usageError("--json goes with --show")
	}
	found, err := c.find(s)
	if err != nil {
		return err
	}
	switch {
	case c.Show:
		d, err := s.home.Draft(found)
		if err != nil {
			return err
		}
		if c.JSON {
			return s.printJSON(d)
		}
		s.say("%s", screen.Text(d.Text))
		return nil
	case c.Discard:
		return s.locked(func() error {
			if err := s.home.DiscardDraft(found); err != nil {
				return err
			}
			s.say("the draft for case %s is removed", found.ID)
			return nil
		})
	}
	text, err := s.text(c.File, "the draft")
	if err != nil {
		return err
	}
	return s.locked(func() error {
		// A reply may have been queued while this was written.
		found, err := c.find(s)
		if err != nil {
			return err
		}
		if err := s.home.KeepDraft(found, text); err != nil {
			return err
		}
		s.say("the draft for case %s is kept, sealed; to send it: triage reply %s --draft", found.ID, c.Case)
		return nil
	})
}
