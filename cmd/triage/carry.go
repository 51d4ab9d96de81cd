package main

import (
	"errors"
	"fmt"

	"tocsin/ledger"
	"tocsin/triage"
)

type pullCmd struct {
	deskFlags
	From  string `xor:"carry" type:"path" placeholder:"FILE" help:"Pull from a file that was carried here, with no network."`
	To    string `xor:"carry" type:"path" placeholder:"FILE" help:"Pull from the desk, and write what another home needs of it to FILE."`
	Since int64  `placeholder:"N" help:"With --to: leave out what leads up to the first N leaves of the ledger."`
	JSON  bool   `name:"json" help:"Print a JSON object: new cases and leaves, the ledger's size, in which cases there is news, a new roster, and what left the queue."`
}

// Help is shown by triage pull --help.
func (pullCmd) Help() string {
	return `Nothing is taken that does not follow from what was pulled before: a ledger that shrank or was rewritten, an older roster, an event nobody signed, a withdrawal that is not the witness's, an object that is not what its leaf says end with exit code 3, and what was here before stays. An interrupted pull goes on from where it was.

A desk whose address ends with .onion is reached through your own tor and no other way. That tor must have a control port or socket that you may use (on Debian: apt-get install tor, and add yourself to the group debian-tor); it is handed your onion.key for the time of the pull, in memory. Tor Browser's tor does as well while it runs: --socks 127.0.0.1:9150 --tor-control 127.0.0.1:9151.

Example:

  triage pull --desk desk4x…xyz.onion

A machine that never has a network is served by another one, with a home of the same case worker that lacks worker.key: desk.key, card, config and roster (and onion.key) are enough to reach the desk, and open nothing. Any other case worker's home does as well. Everything goes on a stick:

  networked:    triage pull --to /media/stick/desk
  air-gapped:   triage pull --from /media/stick/desk
  air-gapped:   triage push --to /media/stick/queue
  networked:    triage push --from /media/stick/queue

A file is checked as the desk is. One that is older than what is here and does not contradict it ends with exit code 1, and nothing of it is taken. What the checkpoint in it covers leaves the queue. So that a stick need not carry everything again, say how many leaves the air-gapped home has, which its last pull printed:

  networked:    triage pull --to /media/stick/desk --since 5120

FILE is written whole or not at all, for a moment as FILE.part, and takes the place of such a file only. A stick with FAT32 takes no file over 4 GiB: format it as exFAT.`
}

// Run pulls.
func (c pullCmd) Run(s *session) error {
	if c.Since < 0 || c.Since > 0 && c.To == "" {
		return usageError("--since goes with --to, and is the number of leaves that the other home has")
	}
	s.home.Tor = c.tor()
	return s.locked(func() error {
		update, wipe := progress(s.err)
		p, err := c.pull(s, update)
		wipe()
		if err != nil {
			return err
		}
		if c.JSON {
			return s.printJSON(struct {
				Cases     int          `json:"cases"`
				Leaves    int64        `json:"leaves"`
				Size      int64        `json:"size"`
				News      []string     `json:"news"`             // cases in which the witness wrote again
				Roster    uint64       `json:"roster,omitempty"` // the number of a new one
				Copies    []string     `json:"copies,omitempty"` // bags that stay of cases that were destroyed
				Delivered []queuedJSON `json:"delivered"`
				Dropped   []queuedJSON `json:"dropped"`
			}{p.Cases, p.Leaves, p.Size, news(p), p.Roster, p.Copies, asJSON(p.Delivered), asJSON(p.Dropped)})
		}
		s.delivered(p.Delivered)
		s.dropped(p.Dropped)
		if p.Roster > 0 {
			s.say("roster %d is in force", p.Roster)
		}
		for _, id := range news(p) {
			s.say("news: the witness of case %s wrote again", id)
		}
		s.copies(p.Copies)
		s.say("%s; the ledger has %s, %d of them new", count(p.Cases, "new case"), count(int(p.Size), "leaf"), p.Leaves)
		if c.To != "" {
			s.say("written: %s; next, on the other machine: triage pull --from FILE", c.To)
		}
		return nil
	})
}

// news lists the cases in which the witness wrote again.
func news(p *triage.Pulled) []string {
	ids := []string{}
	for _, id := range p.News {
		ids = append(ids, id.String())
	}
	return ids
}

func (c pullCmd) pull(s *session, update triage.Progress) (*triage.Pulled, error) {
	switch {
	case c.From != "":
		return s.home.PullFrom(s.ctx, c.From, update)
	case c.To != "":
		return s.home.PullTo(s.ctx, c.Desk, c.To, c.Since, update)
	}
	return s.home.Pull(s.ctx, c.Desk, update)
}

type pushCmd struct {
	deskFlags
	From string `xor:"carry" type:"path" placeholder:"FILE" help:"Deliver what a file holds that was carried here, instead of this home's queue."`
	To   string `xor:"carry" type:"path" placeholder:"FILE" help:"Write the queue to FILE, to be delivered from a machine that reaches the desk."`
	JSON bool   `name:"json" help:"Print a JSON object: what was delivered and what was dropped; with --to, what was written."`
}

// Help is shown by triage push --help.
func (pushCmd) Help() string {
	return `Delivers queued replies and events, then pulls. Each leaves the queue only when a checkpoint that was verified here covers it, so that an interrupted push is simply pushed again. What the desk refuses stays queued, with its reason, and the exit code is 1; triage queue drop takes it off. What was queued for a case that its witness withdrew meanwhile is dropped: its key is destroyed.

On a machine with no network the queue goes on a stick (see triage pull --help), and stays queued until a pull from a later stick shows that it is in the ledger:

  air-gapped:   triage push --to /media/stick/queue
  networked:    triage push --from /media/stick/queue
  networked:    triage pull --to /media/stick/desk --since N
  air-gapped:   triage pull --from /media/stick/desk

The same file can be pushed any number of times: the desk takes each event once.`
}

// Run pushes.
func (c pushCmd) Run(s *session) error {
	s.home.Tor = c.tor()
	return s.locked(func() error {
		if c.To != "" {
			return c.write(s)
		}
		update, wipe := progress(s.err)
		p, err := c.push(s, update)
		wipe()
		switch {
		case p == nil:
		case c.JSON:
			err = errors.Join(err, s.printJSON(struct {
				Delivered []queuedJSON `json:"delivered"`
				Dropped   []queuedJSON `json:"dropped"`
			}{asJSON(p.Delivered), asJSON(p.Dropped)}))
		default:
			s.delivered(p.Delivered)
			s.dropped(p.Dropped)
			s.copies(p.Pull.Copies)
		}
		if err != nil {
			return err
		}
		where := "in %s"
		if c.From != "" {
			where = "where %s comes from"
		}
		for _, r := range p.Refused {
			err = fmt.Errorf("%s of case %s stays queued "+where+": %w", r.What(), r.Leaf.Case, r.Path, r.Err)
			if r.Dropped {
				err = fmt.Errorf("%s of case %s is queued no more: %w", r.What(), r.Leaf.Case, r.Err)
			}
			s.exit(err)
		}
		if n := stays(p.Refused); n > 0 && c.From == "" {
			return fmt.Errorf("%s not delivered; what is refused for good you drop with: triage queue drop %d", count(len(p.Refused), "event"), n)
		}
		if len(p.Refused) > 0 {
			return fmt.Errorf("%s not delivered", count(len(p.Refused), "event"))
		}
		if len(p.Delivered)+len(p.Dropped) == 0 && !c.JSON {
			s.say("nothing was queued")
		}
		return nil
	})
}

// stays is the number of the first that stays queued, or 0.
func stays(refused []triage.Refusal) int {
	for _, r := range refused {
		if !r.Dropped {
			return r.Number()
		}
	}
	return 0
}

func (c pushCmd) push(s *session, update triage.Progress) (*triage.Pushed, error) {
	if c.From != "" {
		return s.home.PushFrom(s.ctx, c.Desk, c.From, update)
	}
	return s.home.Push(s.ctx, c.Desk, update)
}

// write puts the queue into a file.
func (c pushCmd) write(s *session) error {
	queue, err := s.home.PushTo(s.ctx, c.To)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.printJSON(asJSON(queue))
	}
	if len(queue) == 0 {
		s.say("nothing is queued, and nothing was written")
		return nil
	}
	s.say("written: %s, with %s, which stay queued; next, on a machine that reaches the desk: triage push --from FILE", c.To, count(len(queue), "event"))
	return nil
}

// queuedJSON is something that a case worker signed, for programs.
type queuedJSON struct {
	Case string `json:"case"`
	What string `json:"what"`
}

func asJSON(list []triage.Queued) []queuedJSON {
	out := make([]queuedJSON, len(list))
	for i, q := range list {
		out[i] = queuedJSON{q.Leaf.Case.String(), q.What()}
	}
	return out
}

// delivered says what is in the ledger now.
func (s *session) delivered(list []triage.Queued) {
	sealed := 0
	for _, q := range list {
		if q.Leaf.Event == ledger.EventRekey {
			sealed++ // they come by the thousand
			continue
		}
		s.say("delivered: %s of case %s", q.What(), q.Leaf.Case)
	}
	if sealed > 0 {
		s.say("delivered: %s sealed again", count(sealed, "case"))
	}
}

// dropped says what is queued no more, and why.
func (s *session) dropped(list []triage.Queued) {
	sealed := 0
	for _, q := range list {
		if q.Leaf.Event == ledger.EventRekey {
			sealed++
			continue
		}
		if q.Leaf.Event == ledger.EventPurged {
			s.say("dropped: %s of case %s, which was destroyed, held, or had something new before that came to the desk", q.What(), q.Leaf.Case)
			continue
		}
		if q.Leaf.Event == ledger.EventReleased {
			s.say("dropped: %s of case %s, which was destroyed or held anew before that came to the desk", q.What(), q.Leaf.Case)
			continue
		}
		s.say("dropped: %s of case %s, which was withdrawn or purged before that came to the desk", q.What(), q.Leaf.Case)
	}
	if sealed > 0 {
		s.say("dropped: %s sealed again, which are destroyed, sealed again by a colleague, or need it for a newer roster: type triage rekey", count(sealed, "case"))
	}
}
