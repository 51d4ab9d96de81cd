package main

import (
	"fmt"
	"os"
	"strings"

	"tocsin/ledger"
	"tocsin/onion"
	"tocsin/triage"
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

// debianControl is where Debian's tor has its control socket.
const debianControl = "/run/tor/control"

func (f *deskFlags) tor() triage.Tor {
	control := f.TorControl
	if control == "" {
		control = "127.0.0.1:9051"
		if _, err := os.Stat(debianControl); err == nil {
			control = debianControl
		}
	}
	return triage.Tor{SOCKS: f.SOCKS, Control: onion.Control{Addr: control, PasswordFile: f.TorPasswordFile}}
}

type pullCmd struct{ deskFlags }

// Help is shown by triage pull --help.
func (pullCmd) Help() string {
	return `Nothing is taken that does not follow from what was pulled before: a ledger that shrank or was rewritten, an older roster, an event nobody signed, a withdrawal that is not the witness's, an object that is not what its leaf says end with exit code 3, and what was here before stays. An interrupted pull goes on from where it was.

A desk whose address ends with .onion is reached through your own tor and no other way. That tor must have a control port or socket that you may use (on Debian: apt-get install tor, and add yourself to the group debian-tor); it is handed your onion.key for the time of the pull, in memory. Tor Browser's tor does as well while it runs: --socks 127.0.0.1:9150 --tor-control 127.0.0.1:9151.

Example:

  triage pull --desk desk4x…xyz.onion`
}

// Run pulls.
func (c pullCmd) Run(s *session) error {
	s.home.Tor = c.tor()
	return s.locked(func() error {
		update, wipe := progress(s.err)
		p, err := s.home.Pull(s.ctx, c.Desk, update)
		wipe()
		if err != nil {
			return err
		}
		s.dropped(p)
		s.say("%s; the ledger has %s, %d of them new", count(p.Cases, "new case"), count(int(p.Size), "leaf"), p.Leaves)
		return nil
	})
}

type pushCmd struct{ deskFlags }

// Help is shown by triage push --help.
func (pushCmd) Help() string {
	return `Delivers queued replies and events, then pulls. Each leaves the queue only when a checkpoint that was verified here covers it, so that an interrupted push is simply pushed again. What the desk refuses stays queued, with its reason, and the exit code is 1. What was queued for a case that its witness withdrew meanwhile is dropped: its key is destroyed.`
}

// Run pushes.
func (c pushCmd) Run(s *session) error {
	s.home.Tor = c.tor()
	return s.locked(func() error {
		update, wipe := progress(s.err)
		p, err := s.home.Push(s.ctx, c.Desk, update)
		wipe()
		if p != nil {
			sealed := 0
			for _, q := range p.Delivered {
				if q.Leaf.Event == ledger.EventRekey {
					sealed++ // they come by the thousand
					continue
				}
				s.say("delivered: %s of case %s", q.What(), q.Leaf.Case)
			}
			if sealed > 0 {
				s.say("delivered: %s sealed again", count(sealed, "case"))
			}
			if p.Pull != nil {
				s.dropped(p.Pull)
			}
		}
		if err != nil {
			return err
		}
		for _, r := range p.Refused {
			err = fmt.Errorf("%s of case %s stays queued in %s: %w", r.What(), r.Leaf.Case, r.Path, r.Err)
			if r.Dropped {
				err = fmt.Errorf("%s of case %s is queued no more: %w", r.What(), r.Leaf.Case, r.Err)
			}
			s.exit(err)
		}
		if len(p.Refused) > 0 {
			return fmt.Errorf("%s not delivered", count(len(p.Refused), "event"))
		}
		if len(p.Delivered)+len(p.Pull.Dropped) == 0 {
			s.say("nothing was queued")
		}
		return nil
	})
}

// dropped says what is queued no more, because its case was destroyed.
func (s *session) dropped(p *triage.Pulled) {
	sealed := 0
	for _, q := range p.Dropped {
		if q.Leaf.Event == ledger.EventRekey {
			sealed++
			continue
		}
		s.say("dropped: %s of case %s, which was withdrawn or purged before that came to the desk", q.What(), q.Leaf.Case)
	}
	if sealed > 0 {
		s.say("dropped: %s sealed again, which are destroyed, sealed again by a colleague, or need it for a newer roster: type triage rekey", count(sealed, "case"))
	}
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
