package main

import (
	"errors"
	"fmt"

	"tocsin/triage"
	"tocsin/triage/screen"
)

type rekeyCmd struct {
	JSON bool `name:"json" help:"Print a JSON object."`
}

// Help is shown by triage rekey --help.
func (rekeyCmd) Help() string {
	return `After the organisation put a new roster in force on the intake, one case worker who could read the cases before types:

  triage pull
  triage rekey
  triage push

Every case whose key is not sealed for that roster is opened with your key, and its key sealed again to the case workers of the roster. Who was added reads the old cases then, and what the desk serves no longer opens for who was removed. Messages and attachments are not touched. What a removed case worker pulled before stays readable to them; see triage org revoke --help.

It can be interrupted and typed again: what is queued or in the ledger is passed over. Until the push nothing is changed for anybody. A case that can't be opened is named, stays as it was, and the exit code is 1.`
}

// Run seals the cases again.
func (c rekeyCmd) Run(s *session) error {
	return s.locked(func() error {
		update, wipe := meter(s.err, "cases")
		r, err := s.home.Rekey(s.ctx, update)
		wipe()
		if err != nil {
			if r != nil && r.Sealed > 0 {
				fmt.Fprintf(s.err, "triage: %s sealed again and queued so far\n", count(r.Sealed, "case"))
			}
			return err
		}
		if c.JSON {
			if err := s.printJSON(r); err != nil {
				return err
			}
		} else {
			s.rekeyed(r)
		}
		if len(r.Failed) > 0 {
			return fmt.Errorf("%s not sealed again", count(len(r.Failed), "case"))
		}
		return nil
	})
}

func (s *session) rekeyed(r *triage.Rekeyed) {
	for _, f := range r.Failed {
		// The problem names the case.
		s.exit(errors.New(screen.Line(f.Problem)))
	}
	switch {
	case r.Sealed > 0:
		s.say("%s sealed again for roster %d, %d were before; next: triage push", count(r.Sealed, "case"), r.Roster, r.Current)
	case len(r.Failed) == 0:
		s.say("every case is sealed for roster %d, or waits to be pushed", r.Roster)
	}
}

type orgRevokeCmd struct {
	Name string `arg:"" help:"The case worker's name."`
}

// Help is shown by triage org revoke --help.
func (orgRevokeCmd) Help() string {
	return `For a case worker who left, or whose machine or key was lost. Takes them out of the roster and signs it, in one step, with whatever else was changed since it was last signed; then says what to do with the new roster. Typed again after it was interrupted, it goes on.

  triage --home /media/org org revoke bob

What that does: from the moment that the intake has the new roster, its desk answers bob's key with nothing, takes nothing that bob signs, and seals new reports without bob. Once somebody has typed triage rekey and triage push, the store and the homes of the others hold no envelope that bob's key opens.

What it can't undo: everything that bob's machine pulled before stays readable with bob's key. Old envelopes stay in backups and in the homes of those who have not pulled. What was handed over, answered and signed stays as it is.`
}

// Run removes the case worker and signs.
func (c orgRevokeCmd) Run(s *session) error {
	return s.locked(func() error {
		path, signed, err := s.home.OrgRevoke(c.Name)
		if err != nil {
			return err
		}
		s.say("%s", path)
		fmt.Fprintf(s.err, `triage: roster %[1]d is signed, without %[2]s. Next, and in this order:
  1. on the intake, today: intake update-roster --roster FILE
  2. one case worker: triage pull && triage rekey && triage push
  3. all others: triage pull
triage: not undone: what %[2]s pulled before stays readable with their key, and old envelopes stay in backups; new reports are closed to them from step 1 on
`, signed.Number, c.Name)
		return nil
	})
}
