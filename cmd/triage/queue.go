package main

import (
	"errors"
	"fmt"

	"tocsin/ledger"
	"tocsin/triage"
	"tocsin/triage/screen"
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

Dropping says what is lost, and asks. It takes nothing back: what the desk has of it stays in the ledger. With a hand-over goes the note of what was decided, if that is still queued and names nobody else who gets the case; for that the case is opened.`
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
	with, err := c.note(s, q)
	if err != nil {
		return err
	}
	if err := s.agreed(c.Yes, "drop it?"); err != nil {
		return err
	}
	return s.locked(func() error {
		// They may have been delivered while the question stood, and the number of
		// the last be another's now.
		drop := []*triage.Queued{q}
		if with != nil {
			drop = []*triage.Queued{with, q} // killed between the two, it is typed again
		}
		for _, one := range drop {
			now, err := s.home.Waiting(one.Number())
			if err != nil {
				return err
			}
			if !one.Same(now) {
				return errors.New("the queue was changed meanwhile; nothing was dropped")
			}
		}
		for _, one := range drop {
			if err := s.home.Dequeue(one); err != nil {
				return err
			}
		}
		if c.JSON {
			dropped := droppedJSON{waitingJSON: waitingJSON{q.Number(), asJSON([]triage.Queued{*q})[0], string(q.Leaf.Done)}}
			if with != nil {
				dropped.Note = with.Number()
			}
			return s.printJSON(dropped)
		}
		s.say("dropped: %s", what)
		return nil
	})
}

// droppedJSON is an event that was dropped, for programs.
type droppedJSON struct {
	waitingJSON
	Note int `json:"note,omitempty"` // the number of the note that was dropped with it
}

// note returns the note that is dropped with a hand-over, or nil, and says what
// becomes of it.
func (c queueDropCmd) note(s *session, q *triage.Queued) (*triage.Queued, error) {
	if q.Leaf.Event != ledger.EventHandedOver {
		return nil, nil
	}
	note, stays, err := s.home.NoteOf(q)
	switch {
	case err != nil && s.ctx.Err() != nil:
		return nil, err
	case err != nil:
		// What is refused for good must go, whether the case can be opened or not.
		fmt.Fprintf(s.err, "triage: whether a note says that it goes there could not be looked up, and none is dropped: %s\n", screen.Line(err.Error()))
		return nil, nil
	case note != nil:
		fmt.Fprintf(s.err, "triage: the note of that decision, number %d, goes with it\n", note.Number())
	case stays:
		fmt.Fprintf(s.err, "triage: the note of that decision stays, and says that the case goes there; say in another that it does not: triage note %s\n", q.Leaf.Case.String()[:8])
	}
	return note, nil
}
