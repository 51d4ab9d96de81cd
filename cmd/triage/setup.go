package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"tocsin/desk"
	"tocsin/onion"
)

type keygenCmd struct {
	Name       string `required:"" placeholder:"NAME" help:"Your short name in the roster: lower-case letters, digits, hyphens."`
	Passphrase bool   `xor:"protect" help:"Protect the key files with a passphrase, asked for at the terminal."`

	PluginIdentity string `xor:"protect" type:"existingfile" placeholder:"FILE" help:"Seal the key files to the identity of an age plugin, such as a hardware token's."`
}

// Help is shown by triage keygen --help.
func (keygenCmd) Help() string {
	return `Example:

  triage keygen --name alice --passphrase > alice.card

Hand the card to the organisation in a way in which nobody can swap it: who swaps it reads your cases. The keys stay in the home; make a backup of worker.key, because no case can be read without it. With a passphrase the key files are age files, and "age -d worker.key" opens them without triage; triage passphrase changes it.

With a hardware token that has an age plugin (a YubiKey, say) the key files are sealed to it, and open only with the token, its PIN and a touch where it wants one:

  age-plugin-yubikey --identity > token.txt
  triage keygen --name alice --plugin-identity token.txt > alice.card

FILE is no secret and is kept as plugin.key; "age -d -i plugin.key worker.key" opens the key without triage. The program age-plugin-NAME is taken from your PATH. A token that is lost takes the keys with it: have a second case worker before you rely on one.`
}

// Run makes the keys.
func (c keygenCmd) Run(s *session) error {
	return s.locked(func() error {
		passphrase := ""
		if c.Passphrase {
			var err error
			if passphrase, err = newPassphrase(); err != nil {
				return err
			}
		}
		card, err := c.keygen(s, passphrase)
		if err != nil {
			return err
		}
		_, err = s.out.Write(card)
		return err
	})
}

func (c keygenCmd) keygen(s *session, passphrase string) ([]byte, error) {
	if c.PluginIdentity == "" {
		return s.home.Keygen(c.Name, passphrase)
	}
	file, err := os.ReadFile(c.PluginIdentity)
	if err != nil {
		return nil, err
	}
	return s.home.KeygenPlugin(c.Name, file)
}

type joinCmd struct {
	OrgKey string `required:"" placeholder:"KEY" help:"The organisation's verifier key, or a file that holds it. Get it from the organisation, never from the intake."`
	Roster string `required:"" type:"existingfile" placeholder:"FILE" help:"The signed roster."`
	Desk   string `placeholder:"ADDR" help:"The desk's host:port or onion address."`
}

// Help is shown by triage join --help.
func (joinCmd) Help() string {
	return `Example:

  triage join --org-key org.pub --roster roster --desk tips.example.org:8443

The roster must be signed by the organisation and name this home's own keys. Join again with a newer roster if the desk's key changed; otherwise pull brings new rosters by itself.`
}

// Run joins.
func (c joinCmd) Run(s *session) error {
	key, err := orgKey(c.OrgKey)
	if err != nil {
		return err
	}
	signed, err := os.ReadFile(c.Roster)
	if err != nil {
		return err
	}
	return s.locked(func() error {
		if err := s.home.Join(key, signed, c.Desk); err != nil {
			return err
		}
		r, err := s.home.Roster()
		if err != nil {
			return err
		}
		s.say("joined %s under roster %d of %s", r.Organisation, r.Number, r.Day)
		return nil
	})
}

// orgKey reads a verifier key, or the file that holds one: keys have two plus
// signs, and a file of that name is still found.
func orgKey(v string) (string, error) {
	if text, err := os.ReadFile(v); err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if strings.Count(v, "+") < 2 {
		return "", usageError(fmt.Sprintf("--org-key: %q is neither a verifier key nor a file that can be read", v))
	}
	return v, nil
}

// deskFlags say how the desk is reached.
type deskFlags struct {
	Desk            string `placeholder:"ADDR" help:"The desk's host:port or onion address, if another than joined with."`
	SOCKS           string `name:"socks" default:"127.0.0.1:9050" placeholder:"ADDR" help:"Where your tor takes connections, for an onion address: host:port, or a socket's path; 127.0.0.1:9050 if not given."`
	TorControl      string `placeholder:"ADDR" help:"Your tor's control port or socket, through which it is handed your key; /run/tor/control if that is there, else 127.0.0.1:9051."`
	TorPasswordFile string `type:"existingfile" placeholder:"FILE" help:"Holds the control port's password; without it tor's cookie is used."`
}

func (f *deskFlags) tor() desk.Tor {
	control := cmp.Or(f.TorControl, onion.UsualControl())
	return desk.Tor{SOCKS: f.SOCKS, Control: onion.Control{Addr: control, PasswordFile: f.TorPasswordFile}}
}

// count returns "1 leaf", "2 leaves".
func count(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case what == "leaf":
		return fmt.Sprintf("%d leaves", n)
	}
	return fmt.Sprintf("%d %ss", n, what)
}
