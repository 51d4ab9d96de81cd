package main

import (
	"strings"

	"tocsin/seal/roster"
)

type orgSetDestinationCmd struct {
	Name      string  `arg:"" help:"The destination's short name, which stays."`
	Title     *string `placeholder:"TITLE" help:"Its name for people."`
	Recipient *string `placeholder:"KEY" help:"Its age recipient, age1pq1…, or a file that holds it."`
	Kind      *string `placeholder:"KIND" help:"What it is: ${authorities}."`
	Country   *string `placeholder:"CC" help:"Its country, such as BE (ISO 3166-1)."`
	Language  *string `placeholder:"LANG" help:"Language of the first page that it is handed: ${pageLanguages}."`
	Delivery  *string `placeholder:"HOW" help:"How the sealed bag gets there: outbox, \"mail ADDRESS\" or \"command NAME\"."`
	AckKey    *string `placeholder:"KEY" help:"Public key that signs its acknowledgements, or a file that holds it."`
}

// Help is shown by triage org set-destination --help.
func (orgSetDestinationCmd) Help() string {
	return `What is not given stays. An empty kind, country, language or ack-key takes that line out of the roster. Example:

  triage org set-destination police --delivery "mail desk@police.example" --language nl

A new recipient is for bags that are sealed once the new roster is in force; those that were sealed before open with the old key alone.`
}

// Run changes the destination.
func (c orgSetDestinationCmd) Run(s *session) error {
	if c == (orgSetDestinationCmd{Name: c.Name}) {
		return usageError("nothing to change was given; see: triage org set-destination --help")
	}
	if c.Recipient != nil {
		recipient, err := argument(*c.Recipient, "age1")
		if err != nil {
			return err
		}
		c.Recipient = &recipient
	}
	if c.AckKey != nil && strings.TrimSpace(*c.AckKey) != "" {
		key, err := ackKey(*c.AckKey)
		if err != nil {
			return err
		}
		c.AckKey = &key
	}
	return s.draft("the destination is changed", func() error {
		return s.home.OrgSetDestination(c.Name, func(d *roster.Destination) {
			set(&d.Title, c.Title)
			set(&d.Recipient, c.Recipient)
			set(&d.Kind, c.Kind)
			set(&d.Country, c.Country)
			set(&d.Language, c.Language)
			set(&d.Delivery, c.Delivery)
			set(&d.Ack, c.AckKey)
		})
	})
}
