package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"tocsin/seal/roster"
	"tocsin/triage/screen"
)

type orgCmd struct {
	Init              orgInitCmd              `cmd:"" help:"Make the organisation's key and an empty roster."`
	Key               orgKeyCmd               `cmd:"" help:"Print the organisation's verifier key."`
	SetIntake         orgSetIntakeCmd         `cmd:"" help:"Put the intake's card into the roster."`
	AddWorker         orgAddWorkerCmd         `cmd:"" help:"Put a case worker's card into the roster."`
	RemoveWorker      orgRemoveWorkerCmd      `cmd:"" help:"Take a case worker out of the roster."`
	Revoke            orgRevokeCmd            `cmd:"" help:"Take a case worker out of the roster, sign it, and say what that does and doesn't undo."`
	AddDestination    orgAddDestinationCmd    `cmd:"" help:"Put a destination into the roster."`
	SetDestination    orgSetDestinationCmd    `cmd:"" help:"Change a destination in the roster."`
	RemoveDestination orgRemoveDestinationCmd `cmd:"" help:"Take a destination out of the roster."`
	AddAuditor        orgAddAuditorCmd        `cmd:"" help:"Put an auditor's card into the roster."`
	RemoveAuditor     orgRemoveAuditorCmd     `cmd:"" help:"Take an auditor out of the roster."`
	AddCosigner       orgAddCosignerCmd       `cmd:"" help:"Put a cosigner into the roster, who vouches that the ledger only grew."`
	RemoveCosigner    orgRemoveCosignerCmd    `cmd:"" help:"Take a cosigner out of the roster."`
	SetPolicy         orgSetPolicyCmd         `cmd:"" help:"Change the policy in the roster."`
	Show              orgShowCmd              `cmd:"" help:"Show the roster as it would be signed."`
	Sign              orgSignCmd              `cmd:"" help:"Sign the roster, under the next number."`
}

// Help is shown by triage org --help.
func (orgCmd) Help() string {
	return `The organisation's key decides who reads reports and where they may go. Keep its home on a machine that is not connected to anything, and a copy of it in a safe. Example:

  triage --home /media/org org init --name "Example" --passphrase
  triage --home /media/org org key > org.pub
  triage --home /media/org org set-intake intake.card
  triage --home /media/org org add-worker alice.card
  triage --home /media/org org add-destination police --title "Federal Police" --recipient police.pub
  triage --home /media/org org sign

Changes count only when the roster is signed again and the intake has it (intake update-roster). A case worker who is removed gets nothing new, and still holds what was pulled before: see triage org revoke --help.`
}

type orgInitCmd struct {
	Name       string `required:"" placeholder:"NAME" help:"The organisation's name, for people."`
	KeyName    string `placeholder:"NAME" help:"The key's name, such as a domain; made from the organisation's name if not given."`
	Passphrase bool   `help:"Protect the key with a passphrase, asked for at the terminal."`
}

// Run makes the organisation.
func (c orgInitCmd) Run(s *session) error {
	keyName := c.KeyName
	if keyName == "" {
		keyName = strings.Trim(regexp.MustCompile(`[^a-z0-9.]+`).ReplaceAllString(strings.ToLower(c.Name), "-"), "-.")
		if keyName == "" {
			return usageError("no key's name can be made from that name; add: --key-name NAME")
		}
	}
	return s.locked(func() error {
		passphrase := ""
		if c.Passphrase {
			var err error
			if passphrase, err = newPassphrase(); err != nil {
				return err
			}
		}
		key, err := s.home.OrgInit(c.Name, keyName, passphrase)
		if err != nil {
			return err
		}
		s.say("%s", key)
		return nil
	})
}

type orgKeyCmd struct{}

// Run prints the key.
func (orgKeyCmd) Run(s *session) error {
	key, err := s.home.OrgKey()
	if err != nil {
		return err
	}
	s.say("%s", key)
	return nil
}

// cardArg is a card's file.
type cardArg struct {
	Card string `arg:"" type:"existingfile" help:"The card's file."`
}

type orgSetIntakeCmd struct{ cardArg }

// Run takes the card.
func (c orgSetIntakeCmd) Run(s *session) error {
	card, err := os.ReadFile(c.Card)
	if err != nil {
		return err
	}
	return s.draft("the intake is set", func() error { return s.home.OrgSetIntake(card) })
}

type orgAddWorkerCmd struct{ cardArg }

// Run takes the card.
func (c orgAddWorkerCmd) Run(s *session) error {
	card, err := os.ReadFile(c.Card)
	if err != nil {
		return err
	}
	return s.draft("the case worker is added", func() error {
		_, err := s.home.OrgAddWorker(card)
		return err
	})
}

type orgRemoveWorkerCmd struct {
	Name string `arg:"" help:"The case worker's name."`
}

// Run removes the case worker.
func (c orgRemoveWorkerCmd) Run(s *session) error {
	return s.draft("the case worker is removed", func() error { return s.home.OrgRemoveWorker(c.Name) })
}

type orgSetPolicyCmd struct {
	DeadlineHours *int   `placeholder:"HOURS" help:"A report is to be processed within so many hours."`
	RetentionDays *int   `placeholder:"DAYS" help:"A case at rest may be purged after so many days."`
	MaxReport     *int64 `placeholder:"BYTES" help:"Most bytes of one report with its attachments."`
	MaxFile       *int64 `placeholder:"BYTES" help:"Most bytes of one attachment."`
	MaxFiles      *int   `placeholder:"N" help:"Most attachments in one report."`
	Attachments   *bool  `negatable:"" help:"Whether attachments are taken at all."`
	Withdraw      *bool  `negatable:"" help:"Whether a witness may destroy a report that no case worker has read yet."`
	PurgeSigners  *int   `placeholder:"N" help:"How many case workers must sign for a case to be purged: 1 to 10, 2 if not set."`
	Quorum        *int   `placeholder:"N" help:"How many of the cosigners must have signed a checkpoint for it to count as cosigned; 0 if none need to."`
}

// Run changes the policy.
func (c orgSetPolicyCmd) Run(s *session) error {
	return s.draft("the policy is changed", func() error {
		return s.home.OrgSetPolicy(func(p *roster.Policy) {
			set(&p.DeadlineHours, c.DeadlineHours)
			set(&p.RetentionDays, c.RetentionDays)
			set(&p.MaxReport, c.MaxReport)
			set(&p.MaxFile, c.MaxFile)
			set(&p.MaxFiles, c.MaxFiles)
			set(&p.Attachments, c.Attachments)
			set(&p.Withdraw, c.Withdraw)
			set(&p.PurgeSigners, c.PurgeSigners)
			set(&p.Quorum, c.Quorum)
		})
	})
}

// set puts a value where one was given.
func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// draft changes the roster's draft and says what counts.
func (s *session) draft(done string, change func() error) error {
	return s.locked(func() error {
		if err := change(); err != nil {
			return err
		}
		s.say("%s; next: triage org sign", done)
		return nil
	})
}

type orgShowCmd struct{}

// Run shows the draft.
func (orgShowCmd) Run(s *session) error {
	r, err := s.home.OrgDraft()
	if err != nil {
		return err
	}
	showRoster(s, r)
	return nil
}

func showRoster(s *session, r *roster.Roster) {
	s.say("organisation  %s", screen.Line(r.Organisation))
	s.say("last signed   %s", lastSigned(r))
	s.say("intake        %s", r.Origin)
	for _, w := range r.Workers {
		s.say("worker        %s", w.Name)
	}
	for _, d := range r.Destinations {
		line := fmt.Sprintf("%s (%s), %s", d.Name, screen.Line(d.Title), d.Delivery)
		for _, more := range []string{d.Kind, d.Country, d.Language} {
			if more != "" {
				line += ", " + more
			}
		}
		if d.Ack != "" {
			line += ", signs acknowledgements"
		}
		s.say("destination   %s", line)
	}
	showAudit(s, r)
	p := r.Policy
	s.say("policy        %d hours to process, %d days kept", p.DeadlineHours, p.RetentionDays)
	if p.Attachments {
		s.say("attachments   %d of at most %d bytes, %d bytes a report", p.MaxFiles, p.MaxFile, p.MaxReport)
	} else {
		s.say("attachments   none")
	}
	if p.Withdraw {
		s.say("withdrawal    by the witness, until a case worker has read the report")
	} else {
		s.say("withdrawal    none")
	}
	s.say("purge         when %d case workers have signed", p.Signers())
}

func lastSigned(r *roster.Roster) string {
	if r.Number == 0 {
		return "never"
	}
	return fmt.Sprintf("%d, on %s", r.Number, r.Day)
}

type orgSignCmd struct{}

// Run signs.
func (orgSignCmd) Run(s *session) error {
	return s.locked(func() error {
		path, signed, err := s.home.OrgSign()
		if err != nil {
			return err
		}
		s.say("%s", path)
		fmt.Fprintf(s.err, "triage: roster %d is signed; give it to the intake (intake init or intake update-roster) and to new case workers\n", signed.Number)
		return nil
	})
}
