package triage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tocsin/ledger"
)

// ErrNotQueued means that no event of that number waits.
var ErrNotQueued = errors.New("nothing of that number is queued; what waits is listed by: triage queue")

// Number is that of the event in the queue: its place in the order in which
// things were done, and the same until it leaves. It is 0 for what was carried.
func (q Queued) Number() int {
	n, _ := strconv.Atoi(strings.TrimSuffix(filepath.Base(q.Path), queueEnding))
	return n
}

// Same reports whether two are the same event, and not another that took its
// number.
func (q Queued) Same(other *Queued) bool { return bytes.Equal(q.text, other.text) }

// Waiting returns the event of that number, or ErrNotQueued.
func (h *Home) Waiting(number int) (*Queued, error) {
	queue, err := h.Queue()
	if err != nil {
		return nil, err
	}
	for _, q := range queue {
		if q.Number() == number {
			return &q, nil
		}
	}
	return nil, fmt.Errorf("%d: %w", number, ErrNotQueued)
}

// Dequeue takes an event off the queue that is not to be pushed any more, as one
// that the desk refuses for good. It undoes nothing: what the desk took of it is
// in the ledger, and comes with the next pull. The caller holds the lock.
func (h *Home) Dequeue(q *Queued) error {
	// Commit point: until then it is pushed again.
	if err := os.Remove(q.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("taking an event off the queue: %w", err)
	}
	return syncDir(h.path("queue"))
}

// Lost says in a sentence what goes with the event when it is dequeued, and what
// is there still.
func (q Queued) Lost() string {
	switch q.Leaf.Event {
	case ledger.EventMessage:
		if q.Leaf.Kind == ledger.KindReply {
			return "the words of the reply are lost, and the witness never gets them"
		}
		return "what the note says is lost, and no colleague gets it"
	case ledger.EventHandedOver:
		return "the ledger never says that the case was handed over; its sealed bag stays in the outbox of " + q.Leaf.Destination + " until you remove it, and must not be brought there"
	case ledger.EventRekey:
		return "nothing is lost: triage rekey seals the case again"
	case ledger.EventRead:
		return "nothing is lost: the next triage show notes it again"
	case ledger.EventAcknowledged:
		return "nothing is lost: triage ack records it again"
	case ledger.EventHeld, ledger.EventReleased, ledger.EventPurgeProposed, ledger.EventPurged:
		return "your signature is lost, and the case stays as the ledger has it"
	}
	return "it never comes into the ledger"
}

// NoteOf finds the note of the decision that a queued hand-over came from. It
// returns it if it is queued, too, and sends the case nowhere else that it still
// goes, so that it leaves the queue with the hand-over. stays reports that there
// is a note that can't: it is in the ledger, or names others. It opens the case.
func (h *Home) NoteOf(q *Queued) (note *Queued, stays bool, err error) {
	c, err := h.Find(q.Leaf.Case.String())
	if err != nil {
		return nil, false, err
	}
	o, err := h.openCase(c)
	if err != nil {
		return nil, false, err
	}
	to := q.Leaf.Destination
	goes := func(to string) bool {
		return slices.ContainsFunc(c.Handed, func(e Entry) bool {
			return e.queued != q.Path && e.Leaf.Event == ledger.EventHandedOver && e.Leaf.Destination == to
		})
	}
	for _, e := range c.Messages {
		if e.Leaf.Kind != ledger.KindNote {
			continue
		}
		n, err := h.note(o, e)
		if err != nil || n.Decision == nil || !slices.Contains(n.Decision.To, to) {
			continue // what can't be read decides nothing
		}
		if e.Index >= 0 || slices.ContainsFunc(n.Decision.To, goes) {
			stays = stays || !goes(to)
			continue
		}
		number := Queued{Path: e.queued}.Number()
		note, err = h.Waiting(number)
		return note, false, err
	}
	return nil, stays, nil
}
