package main

import (
	"errors"
	"fmt"

	"tocsin/triage"
)

type queueCmd struct {
	List queueListCmd `cmd:"" default:"withargs" help:"List what waits to be pushed, oldest first."`
	Drop queueDropCmd `cmd:"" help:"Take one event off the queue, such as one that the desk refuses for good."`
}

// Help is shown by triage queue --help.
func (queueCmd) Help() string {
	return `What you did waits, signed, until a push brings it into the ledger. What the desk refuses stays, and every push says so again, until it is taken or you drop it.

Examples:

  triage queue
  triage queue drop 12

Dropping says what is lost, and asks. It takes nothing back: what the desk has of it stays in the ledger.`
}

type queueListCmd struct {
	JSON bool `name:"json" help:"Print a JSON array."`
}

// waitingJSON is an event of the queue, for programs.
type waitingJSON struct {
	Number int `json:"number"`
	queuedJSON
	Day string `json:"day"` // on which it was signed
}

// Run lists.
func (c queueListCmd) Run(s *session) error {
	queue, err := s.home.Queue()
	if err != nil {
		return err
	}
	if c.JSON {
		list := make([]waitingJSON, len(queue))
		for i, one := range asJSON(queue) {
			list[i] = waitingJSON{queue[i].Number(), one, string(queue[i].Leaf.Done)}
		}
		return s.printJSON(list)
	}
	for _, q := range queue {
		s.say("%d  %s  %s  %s", q.Number(), q.Leaf.Case, q.Leaf.Done, q.What())
	}
	if len(queue) == 0 {
		s.nothing("nothing is queued")
	}
	return nil
}

type queueDropCmd struct {
	Number int  `arg:"" help:"The event's number in triage queue."`
	Yes    bool `help:"Don't ask before it is dropped."`
	JSON   bool `name:"json" help:"Print a JSON object: what was dropped."`
}

// Run drops.
func (c queueDropCmd) Run(s *session) error {
	q, err := s.home.Waiting(c.Number)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%s of case %s, of %s", q.What(), q.Leaf.Case, q.Leaf.Done)
	fmt.Fprintf(s.err, "triage: %s: %s\n", what, q.Lost())
	if err := s.agreed(c.Yes, "drop it?"); err != nil {
		return err
	}
	return s.locked(func() error {
		// It may have been delivered while the question stood, and the number of
		// the last be another's now.
		now, err := s.home.Waiting(c.Number)
		if err != nil {
			return err
		}
		if !q.Same(now) {
			return errors.New("the queue was changed meanwhile; nothing was dropped")
		}
		if err := s.home.Dequeue(now); err != nil {
			return err
		}
		if c.JSON {
			return s.printJSON(waitingJSON{q.Number(), asJSON([]triage.Queued{*q})[0], string(q.Leaf.Done)})
		}
		s.say("dropped: %s", what)
		return nil
	})
}
