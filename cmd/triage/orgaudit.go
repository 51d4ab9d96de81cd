package main

import (
	"os"
	"strings"

	"tocsin/seal/roster"
)

type orgAddAuditorCmd struct{ cardArg }

// Help is shown by triage org add-auditor --help.
func (orgAddAuditorCmd) Help() string {
	return `The auditor makes the card with "audit setup DIR --name NAME" and gives it to you over a channel where it can't be swapped. Example:

  triage org add-auditor carol.card
  triage org sign

With the key of that card "audit verify --desk" checks the store over the network, without a snapshot from the intake's operator. It opens nothing: nothing is sealed to an auditor. Its holder sees what a snapshot shows: all of the ledger (how many cases there are, on which day each message came, which case worker did what and when, where cases were handed over), the size of every message, and the ciphertext as it passes, envelopes in force among it. Its holder does not see what a report says, who sent it or at what hour, nor an envelope that was destroyed, and can write nothing.

An auditor who keeps the ciphertext, and later gets a case worker's key, reads what was sealed to it: name as auditor whom you would hand a snapshot.`
}

// Run takes the card.
func (c orgAddAuditorCmd) Run(s *session) error {
	card, err := os.ReadFile(c.Card)
	if err != nil {
		return err
	}
	return s.draft("the auditor is added", func() error {
		_, err := s.home.OrgAddAuditor(card)
		return err
	})
}

type orgRemoveAuditorCmd struct {
	Name string `arg:"" help:"The auditor's name."`
}

// Run removes the auditor.
func (c orgRemoveAuditorCmd) Run(s *session) error {
	return s.draft("the auditor is removed", func() error { return s.home.OrgRemoveAuditor(c.Name) })
}

type orgAddCosignerCmd struct {
	Name string `arg:"" help:"Short name: lower-case letters, digits, hyphens."`
	Key  string `required:"" placeholder:"VKEY" help:"Its verifier key for cosignatures, NAME+NUMBER+BASE64."`
	URL  string `name:"url" required:"" placeholder:"URL" help:"Its address, to which /add-checkpoint is added: https://…, or http://….onion."`
}

// Help is shown by triage org add-cosigner --help.
func (orgAddCosignerCmd) Help() string {
	return `A cosigner is what the field calls a witness of a log (C2SP tlog-witness): it remembers the last checkpoint that it saw of a ledger, and signs a newer one only if that history was added to. Who shows two people two histories must then have it sign both. It sees checkpoints only: how many leaves there are and when they grew. Example:

  triage org add-cosigner ledgerwatch --key "cosigner.example+12345678+BA…" --url https://cosigner.example/tocsin
  triage org set-policy --quorum 1
  triage org sign`
}

// Run adds the cosigner.
func (c orgAddCosignerCmd) Run(s *session) error {
	if before, ok := strings.CutSuffix(strings.TrimSuffix(c.URL, "/"), "/add-checkpoint"); ok {
		return usageError("--url: /add-checkpoint is added to it; give " + before)
	}
	return s.draft("the cosigner is added", func() error {
		return s.home.OrgAddCosigner(roster.Cosigner{Name: c.Name, Key: c.Key, URL: c.URL})
	})
}

type orgRemoveCosignerCmd struct {
	Name string `arg:"" help:"The cosigner's name."`
}

// Run removes the cosigner.
func (c orgRemoveCosignerCmd) Run(s *session) error {
	return s.draft("the cosigner is removed", func() error { return s.home.OrgRemoveCosigner(c.Name) })
}

// showAudit shows who watches over the ledger, if anybody does.
func showAudit(s *session, r *roster.Roster) {
	for _, a := range r.Auditors {
		s.say("auditor       %s", a.Name)
	}
	for _, c := range r.Cosigners {
		s.say("cosigner      %s, %s", c.Name, c.URL)
	}
	if len(r.Cosigners) > 0 {
		s.say("quorum        %d of %d cosigners", r.Policy.Quorum, len(r.Cosigners))
	}
}
