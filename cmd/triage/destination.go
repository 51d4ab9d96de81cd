package main

import (
	"fmt"
	"os"
	"strings"

	"tocsin/seal/roster"
)

// destinationFlags are what is known of a destination beside its name and key.
type destinationFlags struct {
	Title    *string `placeholder:"TITLE" help:"The destination's name for people; the short name if never given."`
	Kind     *string `placeholder:"KIND" help:"What it is: ${authorities}; other if never given."`
	Country  *string `placeholder:"CC" help:"Its country, such as BE (ISO 3166-1)."`
	Language *string `placeholder:"LANG" help:"Language of the first page that it is handed: ${pageLanguages}; en if never given."`
	Delivery *string `placeholder:"HOW" help:"How the sealed bag gets there: outbox, \"mail ADDRESS\" or \"command NAME\"; outbox if never given."`
	AckKey   *string `placeholder:"KEY" help:"Public key that signs its acknowledgements: an ssh-ed25519 line, a minisign key (RW…), or a file that holds one."`
}

// change puts what was given into d. It reads the acknowledgement key's file.
func (f *destinationFlags) change(d *roster.Destination) error {
	set(&d.Title, f.Title)
	set(&d.Kind, f.Kind)
	set(&d.Country, f.Country)
	set(&d.Language, f.Language)
	set(&d.Delivery, f.Delivery)
	if f.AckKey == nil {
		return nil
	}
	var err error
	d.Ack, err = ackKey(*f.AckKey)
	return err
}

type orgAddDestinationCmd struct {
	Name      string `arg:"" help:"Short name: lower-case letters, digits, hyphens."`
	Recipient string `required:"" placeholder:"KEY" help:"Its age recipient, age1pq1…, or a file that holds it."`
	destinationFlags
}

// Help is shown by triage org add-destination --help.
func (orgAddDestinationCmd) Help() string {
	return `The destination makes its key with stock age and gives you the public half, over a channel where it can't be swapped:

  age-keygen -pq -o police.key
  age-keygen -y police.key > police.pub

If it will sign acknowledgements, it makes a key for that with ssh-keygen or minisign:

  ssh-keygen -t ed25519 -f ack.key
  minisign -G -p ack.pub -s ack.key

Example:

  triage org add-destination police --title "Federal Police" --recipient police.pub \
    --kind police --country BE --language nl \
    --delivery "mail desk@police.example" --ack-key ack.key.pub

With "outbox" a person takes the sealed bag from the home's outbox. With "mail ADDRESS" triage deliver mails it through the mail server that each case worker names on their own machine (triage mail set). With "command NAME" triage deliver gives it to the program NAME in the home's directory commands; what that is, each machine decides: the roster holds only the name.`
}

// Run adds the destination.
func (c orgAddDestinationCmd) Run(s *session) error {
	d := roster.Destination{Name: c.Name, Title: c.Name, Delivery: roster.DeliveryOutbox}
	var err error
	if d.Recipient, err = argument(c.Recipient, "age1"); err != nil {
		return err
	}
	if err := c.change(&d); err != nil {
		return err
	}
	if err := s.draft("the destination is added", func() error { return s.home.OrgAddDestination(d) }); err != nil {
		return err
	}
	if d.Kind == "" {
		fmt.Fprintf(s.err, "triage: the rules propose %s for nothing, for it has no kind; type: triage org set-destination %[1]s --kind KIND\n", d.Name)
	}
	return nil
}

type orgSetDestinationCmd struct {
	Name      string  `arg:"" help:"The destination's short name, which stays."`
	Recipient *string `placeholder:"KEY" help:"Its age recipient, age1pq1…, or a file that holds it."`
	destinationFlags
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
	return s.draft("the destination is changed", func() error {
		return s.home.OrgSetDestination(c.Name, func(d *roster.Destination) error {
			if c.Recipient != nil {
				var err error
				if d.Recipient, err = argument(*c.Recipient, "age1"); err != nil {
					return err
				}
			}
			return c.change(d)
		})
	})
}

// ackKey returns a public key without the comments that ssh-keygen and minisign
// put beside it. The key is given itself or as the file that they write.
func ackKey(v string) (string, error) {
	if v == "" {
		return "", nil // no key
	}
	if !strings.HasPrefix(v, "ssh-ed25519 ") && !strings.HasPrefix(v, "RW") {
		text, err := os.ReadFile(v)
		if err != nil {
			return "", err
		}
		v = strings.TrimSpace(string(text))
		if comment, key, ok := strings.Cut(v, "\n"); ok && strings.HasPrefix(comment, "untrusted comment:") {
			v = key
		}
	}
	if fields := strings.Fields(v); len(fields) > 2 && fields[0] == "ssh-ed25519" && !strings.Contains(v, "\n") {
		v = fields[0] + " " + fields[1]
	}
	return v, nil
}

type orgRemoveDestinationCmd struct {
	Name string `arg:"" help:"The destination's name."`
}

// Run removes the destination.
func (c orgRemoveDestinationCmd) Run(s *session) error {
	return s.draft("the destination is removed", func() error { return s.home.OrgRemoveDestination(c.Name) })
}
