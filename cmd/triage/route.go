package main

import (
	"errors"
	"fmt"
	"strings"

	"tocsin/seal/roster"
	"tocsin/triage"
)

type routeCmd struct {
	Cases []string `arg:"" name:"case" help:"IDs of cases, or as much of their beginnings as is unique."`

	To      []string `required:"" sep:"none" placeholder:"DEST" help:"A destination of the roster; may be given several times."`
	Reason  string   `placeholder:"TEXT" help:"Why it goes where the rules don't propose it. It leaves with the case."`
	CaseUCO bool     `name:"case-uco" help:"Add data/case.jsonld: what programs search by, in the words of CASE/UCO 1.4."`
	JSON    bool     `name:"json" help:"Print a JSON array: of each bag its case, destination, path and size."`
	Tell    []string `enum:"${authorities}" placeholder:"WHOM" help:"Tell the witness that the case was handed to: ${authorities}. May be given several times."`
}

// Help is shown by triage route --help.
func (routeCmd) Help() string {
	return `Example:

  triage route 7k3q --to police --to foreign-affairs
  triage push

Makes a BagIt bag with a page to read first, in the destination's language, the report, the messages, the files untouched, what was withheld and why, and who did what when with proofs from the ledger; signs its manifest with your desk key, seals it to the destination's key into the home's outbox, and queues the signed event. Then deliver the file to the destination, or let triage deliver do it where the roster says how. It opens it with nothing of ours, but with age 1.3 or newer: older ones, such as Debian 12's 1.1.1, know no post-quantum keys.

  age -d -i their.key FILE | tar x
  cd CASE-*/ && sha512sum -c manifest-sha512.txt
  ssh-keygen -Y verify -f allowed_signers -I alice -n tocsin-handover \
    -s manifest-sha512.txt.sig < manifest-sha512.txt

With --case-uco it also holds data/case.jsonld, for programs that read CASE/UCO. How the destination acknowledges is on its page: see triage ack --help.

Several cases are handed over each in a bag of its own: what hangs together, with triage links --cluster. Where one fails the others go on, and the exit code says that something failed. What was handed over before is passed over.

  triage route $(triage links --cluster 7k3q) --to police

Without the witness's consent to direct contact, who they are stays behind.

To whom the rules propose the case, and why, is for triage propose. Anybody else needs a reason. What was proposed, what was decided and the reason leave with the case and stand in a note to it:

  triage route 7k3q --to justice --reason "they asked for it in case 12/345"

With --tell the witness reads, in their language, to whom in general terms the case was handed: a reply that says so is queued, once. Words of your own are for triage reply.

  triage route 7k3q --to police --tell police`
}

// Run routes each case. One that fails keeps none of the others back.
func (c routeCmd) Run(s *session) error {
	return s.locked(func() error {
		var failed []error
		routed := []*triage.Routed{}
		for _, prefix := range c.Cases {
			if s.ctx.Err() != nil {
				return s.ctx.Err()
			}
			bags, err := c.route(s, prefix)
			routed = append(routed, bags...)
			if err != nil {
				failed = append(failed, err)
			}
		}
		if c.JSON {
			failed = append(failed, s.printJSON(routed))
		}
		return errors.Join(failed...)
	})
}

// route hands one case over and returns the bags that it made.
func (c routeCmd) route(s *session, prefix string) (made []*triage.Routed, err error) {
	found, err := s.home.Find(prefix)
	if err != nil {
		return nil, err
	}
	proposed, err := s.home.Propose(found)
	if err != nil {
		return nil, err
	}
	decision, err := proposed.Decide(c.To, c.Reason)
	if err != nil {
		return nil, err
	}
	out, err := s.home.HandOver(found, triage.With{Decision: decision, CaseUCO: c.CaseUCO})
	c.say(s, out)
	if err != nil {
		return out.Made, err
	}
	made = out.Made
	if len(c.Tell) == 0 {
		return made, nil
	}
	// Last: the witness hears of what was done.
	_, err = s.home.Tell(found, c.Tell)
	if errors.Is(err, triage.ErrTold) {
		fmt.Fprintf(s.err, "triage: %v\n", triage.ErrTold)
		return made, nil
	}
	if err != nil {
		return made, fmt.Errorf("telling the witness: %w", err)
	}
	if !c.JSON {
		s.say("the witness is told: handed to %s; next: triage push", strings.Join(c.Tell, ", "))
	}
	return made, nil
}

// say says what was handed over, and what had been before.
func (c routeCmd) say(s *session, out *triage.HandedOver) {
	for _, r := range out.Made {
		if c.JSON {
			continue
		}
		s.say("sealed for %s: %s", r.Destination, r.Bag)
		s.say("  %s, %s withheld, %d bytes", count(r.Files, "file"), count(r.Withheld, "field"), r.Size)
		if r.Delivery == roster.DeliveryOutbox {
			s.say("  next: triage push, and deliver that file to %s", r.Destination)
		} else {
			s.say("  next: triage push, triage deliver")
		}
	}
	for _, before := range out.Before {
		// What was asked for is so: a route that is repeated has succeeded.
		fmt.Fprintf(s.err, "triage: %v\n", before)
	}
	if len(out.Before) > 0 && !out.Noted && c.Reason != "" {
		fmt.Fprintln(s.err, "triage: the reason is not kept, for what was said when it was handed over stands; to add it, type: triage note CASE")
	}
}
