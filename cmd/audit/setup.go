package main

import (
	"errors"

	"tocsin/audit"
)

type setupCmd struct {
	Dir  string `arg:"" type:"path" help:"The directory in which you remember audits, and from now on keep your keys."`
	Name string `required:"" placeholder:"NAME" help:"Your short name in the roster: lower-case letters, digits, hyphens."`
}

// Help is shown by audit setup --help.
func (setupCmd) Help() string {
	return `Example:

  audit setup memory --name carol > carol.card

Hand the card to the organisation in a way in which nobody can swap it. When it has signed a roster with you in it (triage org add-auditor carol.card), and the intake has that roster, you need no snapshot any more:

  audit verify --memory memory --roster roster --org-key org.pub --desk tips.example.org:8443

The keys open no report: nothing is sealed to an auditor. Who copies desk.key sees what you see: the ledger, sizes and ciphertext. Without it you make another in another directory; copy org.pub, roster and checkpoint there, so that nothing is forgotten.`
}

// Run makes the keys.
func (c setupCmd) Run(t terminal) error {
	m, err := audit.OpenMemory(c.Dir)
	if err != nil {
		return t.failed(err)
	}
	card, err := m.Setup(c.Name)
	if err == nil {
		_, err = t.out.Write(card)
	}
	if err := errors.Join(err, m.Close()); err != nil {
		return t.failed(err)
	}
	return nil
}
