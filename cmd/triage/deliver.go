package main

import (
	"fmt"
	"time"

	"tocsin/triage"
)

type deliverCmd struct {
	All  bool `help:"Try all at once: those that are not due yet and those that failed too."`
	List bool `help:"Deliver nothing; list what waits, what failed and what was delivered."`
	JSON bool `name:"json" help:"Print a JSON array."`
}

// Help is shown by triage deliver --help.
func (deliverCmd) Help() string {
	return `Brings the bags that triage route sealed to their destinations, where the roster says "mail ADDRESS" or "command NAME". A bag that was sealed while the roster said outbox waits there for a person. What can't be delivered now is tried again later: after five minutes, then twice as long each time, up to four hours, for five days. What is refused for good is not: it is said at every run until you try it with --all, or bring the file by hand and move it out of the outbox.

Mail needs a server (triage mail set). It leaves only under TLS with a certificate that was checked, says nothing of the case, and carries the sealed bag. That the server took it does not say that anybody has read it; a later refusal comes as a mail to your sender's address.

A command is a program NAME of yours in the home's directory commands, owned by you and writable by nobody else. It gets the sealed bag on its standard input, and the file's name and the destination as arguments. Exit code 0 means delivered, 75 that it is to be tried again, every other that it is refused.

It does not wait for triage push, as a child in danger doesn't: push as soon as you can, and if the desk then refuses the hand-over of a bag that has left, telephone the destination and write a note of it.

Killed at any instant, it is simply run again. A bag may then come twice, by mail under the same Message-ID.

Example, for cron:

  */5 * * * * triage deliver

The exit code is 1 while anything failed that this run tried, or was refused for good.`
}

// Run delivers.
func (c deliverCmd) Run(s *session) error {
	if c.List {
		list, err := s.home.Deliveries()
		if err != nil {
			return err
		}
		return s.deliveries(list, c.JSON)
	}
	return s.locked(func() error {
		show := s.delivery
		if c.JSON {
			show = func(*triage.Delivery) {}
		}
		tried, err := s.home.Deliver(s.ctx, c.All, show)
		if err != nil {
			return err
		}
		if c.JSON {
			if err := s.deliveries(tried, true); err != nil {
				return err
			}
		}
		touched := make(map[string]bool)
		failed := 0
		for _, d := range tried {
			touched[d.Destination+"/"+d.Bag] = true
			if d.State == triage.DeliveryWaiting {
				failed++
			}
		}
		// What failed for good, now or before, stays a failure until a person
		// acts.
		left, err := s.home.Deliveries()
		if err != nil {
			return err
		}
		for _, d := range left {
			if d.State != triage.DeliveryFailed {
				continue
			}
			failed++
			if !c.JSON && !touched[d.Destination+"/"+d.Bag] {
				s.delivery(d)
			}
		}
		if len(tried) == 0 && failed == 0 && !c.JSON {
			s.nothingSeen("no bag is due to be delivered")
		}
		if failed > 0 {
			return fmt.Errorf("%s not delivered", count(failed, "bag"))
		}
		return nil
	})
}

// deliveries prints a list.
func (s *session) deliveries(list []*triage.Delivery, asJSON bool) error {
	if asJSON {
		if list == nil {
			list = []*triage.Delivery{}
		}
		return s.printJSON(list)
	}
	if len(list) == 0 {
		s.nothing("no bag waits to be delivered, and none was")
	}
	for _, d := range list {
		s.delivery(d)
	}
	return nil
}

// delivery prints how far one is. What was said came from outside and is one
// clean line already.
func (s *session) delivery(d *triage.Delivery) {
	s.say("%-9s  %s  %s", d.State, d.Destination, d.Bag)
	if d.Said != "" {
		s.say("  %s", d.Said)
	}
	switch {
	case d.State == triage.DeliveryWaiting && d.Attempts > 0:
		s.say("  %s failed; again after %s", count(d.Attempts, "attempt"), d.Next.Format(time.RFC3339))
	case d.State == triage.DeliveryFailed:
		s.say("  not tried again; when that is mended: triage deliver --all")
	}
}

type mailCmd struct {
	Set mailSetCmd `cmd:"" help:"Set the mail server of this machine."`
}

type mailSetCmd struct {
	Server string `required:"" placeholder:"HOST:PORT" help:"The server that takes your mail, such as mail.example.org:587."`
	From   string `required:"" placeholder:"ADDRESS" help:"Your organisation's address, to which refusals come."`
	User   string `placeholder:"NAME" help:"The user name, if the server asks for one; the password is asked for at the terminal."`
	CA     string `name:"ca" type:"existingfile" placeholder:"FILE" help:"Certificates to believe in place of the system's, in PEM."`
}

// Help is shown by triage mail set --help.
func (mailSetCmd) Help() string {
	return `Example:

  triage mail set --server mail.example.org:587 --from tips@example.org --user tips

On port 465 TLS begins at once; on every other the server must offer STARTTLS. Without TLS 1.2 or newer and a certificate for the server's name that was checked, nothing is sent, and the password least of all.

The settings are in the home's file mail. With a password in it, it is protected by the passphrase of your keys if they have one; triage deliver then asks for it, which cron can't answer.`
}

// Run sets the server.
func (c mailSetCmd) Run(s *session) error {
	return s.locked(func() error {
		password := ""
		if c.User != "" {
			var err error
			if password, err = askPassphrase(fmt.Sprintf("password of %s at %s", c.User, c.Server)); err != nil {
				return err
			}
		}
		server, err := triage.NewMailServer(c.Server, c.From, c.User, password, c.CA)
		if err != nil {
			return usageError(err.Error())
		}
		if err := s.home.SetMail(server); err != nil {
			return err
		}
		s.say("mail goes through %s, from %s", c.Server, c.From)
		return nil
	})
}
